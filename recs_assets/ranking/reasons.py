"""Why a part is on a list, in words a customer can read: the terms of a score, and one sentence for each kind of edge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from recs_assets.ranking.arrays import Ints, Objects


class Sentences(NamedTuple):
    """What a person reads of one kind of edge.

    ``{history}`` reads "your ..." or "the ... you looked at", ``{owners}`` "1967 Ford Mustang owners".

    Attributes:
        plain: without a number: a count of one could point at somebody.
        several: of two people and more.
        many: of so many that the part may be called popular.
    """

    plain: str
    several: str | None = None
    many: str | None = None


SENTENCES: dict[str, Sentences] = {
    "bought_together": Sentences("Bought together with {history}", several="Bought together with {history} by {count} owners"),
    "bought_with_viewed": Sentences("Bought together with {history}", several="Bought by {count} people together with {history}"),
    "viewed_together": Sentences(
        "Looked at together with the {name}", several="Looked at by {count} people who also looked at the {name}"
    ),
    "same_part_type": Sentences("More {part_type}, like {history}"),
    "same_brand": Sentences("More from {brand}, like {history}"),
    "same_variant_group": Sentences("Another version of {history}"),
    "fits_vehicle": Sentences("Fits your {vehicle}"),
    "popular_with_vehicle": Sentences("Of interest to {owners}", many="Popular with {owners}"),
    "popular_with_model": Sentences("Of interest to {owners}", many="Popular with {owners}"),
    "popular_with_make": Sentences("Of interest to {owners}", many="Popular with {owners}"),
    "trending": Sentences("Trending this month"),
    "popular_now": Sentences("Popular right now"),
    "popular_in_store": Sentences(
        "Bought from our store before", several="Bought by other customers", many="Popular in our store"
    ),
    "looked_at": Sentences("You looked at it before"),
    "universal": Sentences("A universal part"),
    "in_catalogue": Sentences("From our catalogue"),
}
CODES = tuple(SENTENCES)
# What is as true for everybody else: said only where nothing better is true.
GENERIC = ("popular_now", "popular_in_store", "universal", "in_catalogue")
GENERIC_CODES = tuple(CODES.index(name) for name in GENERIC)

# Terms of one family name the same kind of edge. By the whole name of a term, or else its first word; a term that is not
# here has no edge that could be named (the dot product of two towers, say).
FAMILY_OF_TERM = {
    "popularity": "popularity",
    "interest": "interest",
    "cosine": "together",
    "walk": "together",
    "ease": "together",
    "part_type": "part_type",
    "next_types": "part_type",
    "brand": "brand",
    "variant_group": "variant_group",
    "garage_fitment": "garage",
    "garage_usage": "garage",
    "vehicle": "vehicle",
    "vehicle_model": "vehicle_model",
    "owner_types": "vehicle_model",
    "vehicle_make": "vehicle_make",
    "similarity": "similarity",
    "sql_model": "sql_model",
    "sql_make": "sql_make",
    "sql_global": "sql_global",
    "universal": "universal",
    "catalogue": "catalogue",
}
N_CHANNELS = 3


def family(term: str) -> str | None:
    """What kind of edge stands behind a term of a score; ``None`` where none can be named."""
    return FAMILY_OF_TERM.get(term) or FAMILY_OF_TERM.get(term.split("_", maxsplit=1)[0])


def by_family(terms: Sequence[str]) -> dict[str, list[int]]:
    """Positions of the terms of each family, in the order in which families appear."""
    positions: dict[str, list[int]] = {}
    for position, term in enumerate(terms):
        kind = family(term)
        if kind is not None:
            positions.setdefault(kind, []).append(position)
    return positions


def joined_names(codes: Ints, names: Sequence[str]) -> Objects:
    """Each row's names with a space between, [rows] of str; ``codes`` [rows x k] are positions in ``names``, -1 is none."""
    # One number a row: a tenth of the time of sorting rows.
    keys = (codes + 1) @ (len(names) + 1) ** np.arange(codes.shape[1])
    _, first, row = np.unique(keys, return_index=True, return_inverse=True)
    return np.array([" ".join(names[code] for code in line if code >= 0) for line in codes[first]], dtype=object)[row]


@dataclass(frozen=True)
class Terms:
    """What each row of a list may be explained by, the most important first.

    Attributes:
        codes: [rows x k] positions in ``names``, -1 where a row has no more terms.
        names: names of terms.
    """

    codes: Ints
    names: tuple[str, ...]


def blend_terms(rows: pd.DataFrame) -> Terms:
    """The terms behind rows of a blend: those of its larger half, then those of the other one. A half without weight has none.

    Args:
        rows: ``alpha``, the weight of SQL; ``sql_score`` and ``gnn_score``; ``pop_source``, SQL's tier; ``channels``, the
            model's loudest channels. The text columns are null where a half lacks the part.
    """
    tier, names = pd.factorize("sql_" + rows["pop_source"])
    lines, line_texts = pd.factorize(rows["channels"])
    channels = sorted({name for text in line_texts for name in text.split()})
    table = np.full((len(line_texts) + 1, N_CHANNELS), -1, dtype=np.int64)  # the last line is that of code -1
    for number, text in enumerate(line_texts):
        numbers = [len(names) + channels.index(name) for name in text.split()]
        table[number, : len(numbers)] = numbers
    alpha = rows["alpha"].to_numpy()[:, None]
    sql, model = np.where(alpha > 0, tier[:, None], -1), np.where(alpha < 1, table[lines], -1)
    sql_first = alpha * rows[["sql_score"]].to_numpy() >= (1 - alpha) * rows[["gnn_score"]].to_numpy()
    codes = np.where(sql_first, np.hstack([sql, model]), np.hstack([model, sql]))
    return Terms(codes, (*names, *channels))


def similarity_terms(rows: pd.DataFrame) -> Terms:
    """The terms behind rows of SQL's list with similar parts added, or of SQL alone.

    Args:
        rows: ``sql_term`` and ``similarity_term``, the two halves of the score; ``pop_source``, SQL's tier.
    """
    tier, names = pd.factorize("sql_" + rows["pop_source"])
    similar = np.where(rows["similarity_term"] > 0, len(names), -1)
    sql_first = (rows["sql_term"] >= rows["similarity_term"]).to_numpy()[:, None]
    codes = np.where(sql_first, np.column_stack([tier, similar]), np.column_stack([similar, tier]))
    return Terms(codes, (*names, "similarity"))


@dataclass(frozen=True)
class Names:
    """What parts and vehicles are called, by their number.

    Attributes:
        product: a part's title; its brand and id where it has none; its id where it has no brand either.
        brand: ``None`` where unknown.
        part_type: ``None`` where unknown.
        vehicle: by reason code: year, make and model as far as known, for the codes on models and makes less than that;
            empty where neither make nor model is.
    """

    product: Sequence[str]
    brand: Sequence[str | None]
    part_type: Sequence[str | None]
    vehicle: Mapping[str, Sequence[str]]


def names_of(products: Mapping[str, Sequence[str | None]], vehicles: Mapping[str, Sequence[str | int | None]]) -> Names:
    """Names from the columns of the exports ``product_nodes`` and ``vehicle_nodes``, a list each."""
    brands = [_text(brand) for brand in products["brand"]]
    titles = [_text(title) for title in products["title"]]
    named = zip(titles, brands, products["product_id"], strict=True)
    makes, models = vehicles["make"], vehicles["model"]
    vehicle_models = [_joined(*known) for known in zip(makes, models, strict=True)]
    dated = [_joined(year, name) if name else "" for year, name in zip(vehicles["year"], vehicle_models, strict=True)]
    return Names(
        product=[title or _joined(brand, product_id) for title, brand, product_id in named],
        brand=brands,
        part_type=[_text(name) for name in products["part_type"]],
        vehicle={
            "fits_vehicle": dated,
            "popular_with_vehicle": dated,
            "popular_with_model": vehicle_models,
            "popular_with_make": [_joined(make) for make in makes],
        },
    )


def texts(edges: pd.DataFrame, names: Names, popular_people: int) -> Objects:
    """What a person reads of each edge, [rows] of str; built once for equal edges.

    Args:
        edges: columns code (position in ``CODES``), product, history, vehicle, count, -1 where there is none; has_bought,
            whether the person has ordered the part of the history.
        names: what parts and vehicles are called.
        popular_people: so many make a part popular.

    Raises:
        ValueError: an edge of parts alike in something that they do not have.
    """
    names_product = np.isin(edges["code"], [CODES.index("same_part_type"), CODES.index("same_brand")])
    keys = edges[["code", "history", "has_bought", "vehicle", "count"]].assign(product=edges["product"].where(names_product, -1))
    number = keys.groupby(list(keys.columns), sort=False).ngroup().to_numpy()
    distinct = keys.drop_duplicates()
    return np.array([_sentence(edge, names, popular_people) for edge in distinct.itertuples()], dtype=object)[number]


def _sentence(edge: Any, names: Names, popular_people: int) -> str:
    code = CODES[edge.code]
    plain, several, many = SENTENCES[code]
    sentence = (many if edge.count >= popular_people else None) or (several if edge.count >= 2 else None) or plain
    name = names.product[edge.history] if edge.history >= 0 else None
    vehicle = names.vehicle[code][edge.vehicle] if edge.vehicle >= 0 else ""
    words = {
        "count": f"{edge.count:,}",
        "name": name,
        "history": name and (f"your {name}" if edge.has_bought else f"the {name} you looked at"),
        "part_type": names.part_type[edge.product],
        "brand": names.brand[edge.product],
        "vehicle": vehicle or "vehicle",
        "owners": f"{vehicle} owners" if vehicle else "owners of your vehicle",
    }
    for word, value in words.items():
        if value is None and f"{{{word}}}" in sentence:
            raise ValueError(f"a reason of kind {code} would name nothing: its part has no {word}.")
    return sentence.format(**words)


def _joined(*known: str | int | None) -> str:
    return " ".join(str(value) for value in known if _text(value))


def _text(value: str | int | None) -> str | None:
    return str(value) if value is not None and str(value).replace(" ", "") else None

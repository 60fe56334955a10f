"""Why parts are on few lists, or on none: for each part what became of it for how many people, as a table and as a page."""

import csv
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from recs_assets.asset_files import PRODUCT_NODES
from recs_assets.report.served_lists import ServedLists
from recs_assets.report.sheet import page
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings

# What may become of a part for a person, in the order in which it is decided; the outcomes of asked_pairs.sql.
REMOVED = {
    "not_eligible": "no list may hold it",
    "not_known_yet": "newer than what the lists know",
    "fits_no_vehicle": "fits no vehicle of the garage",
    "bought_already": "bought already",
    "variant_bought_already": "a variant bought already",
}
CONSIDERED = {
    "variant_listed": "a better variant is listed",
    "enough_of_type": "enough of its type are listed",
    "far_outranked": "not among the candidates of SQL or the model",
    "outranked": "scored below the list's last part",
    "on_list": "on the list, after the mail's slots",
    "in_slots": "on the list, in the mail's slots",
}
OUTCOMES = {**REMOVED, **CONSIDERED}
# The outcomes that the section rules of the settings brings about; the others follow from what is known, and from scores.
RULES = tuple(name for name in (*REMOVED, "variant_listed", "enough_of_type") if name != "not_known_yet")
LISTED = ("on_list", "in_slots")


@dataclass(frozen=True)
class Rival:
    """A listed part that the asked one would have had to beat, and on how many people's lists."""

    product_id: str
    n_people: int


@dataclass(frozen=True)
class Asked:
    """What became of a part.

    Attributes:
        product_id: as it was asked.
        attributes: title, part_type, price and ineligible_reason; empty where the week does not know the part.
        people: how many people, by outcome; all together are those who have a list.
        nearest_gap: least difference to the score of the listed part that it would have had to beat, on the list's own scale;
            None where its score is known of nobody; negative where a fitting part of a lower score was given its place.
        mean_gap: the mean of that over people.
        rivals: the most frequent ones of these, at most three.
        n_mails: mails that are served now and show the part.
    """

    product_id: str
    attributes: Mapping[str, Any]
    people: Mapping[str, int]
    nearest_gap: float | None
    mean_gap: float | None
    rivals: Sequence[Rival]
    n_mails: int

    @property
    def n_considered(self) -> int:
        """People whose list might have held it."""
        return sum(self.people.get(name, 0) for name in CONSIDERED)

    @property
    def n_lists(self) -> int:
        """People whose list holds it."""
        return sum(self.people.get(name, 0) for name in LISTED)

    def row(self) -> dict[str, Any]:
        """A line of the CSV."""
        return {
            "product_id": self.product_id,
            **{name: self.attributes.get(name) for name in ("title", "part_type", "price")},
            "why_not_eligible": self.attributes.get("ineligible_reason") if self.attributes else "no such part in this week",
            "people": sum(self.people.values()),
            **{name: self.people.get(name, 0) for name in REMOVED},
            "considered": self.n_considered,
            **{name: self.people.get(name, 0) for name in CONSIDERED},
            "lists": self.n_lists,
            "mails": self.n_mails,
            "nearest_gap": self.nearest_gap,
            "mean_gap": self.mean_gap,
            "outranked_by": " ".join(rival.product_id for rival in self.rivals),
        }


def asked_parts(path: Path) -> list[str]:
    """The ids of a CSV: its column ``product_id``, or the first one of a file without it; each once, in their order.

    Raises:
        ValueError: there is none in it.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row]
    named = bool(rows) and "product_id" in rows[0]
    column = rows[0].index("product_id") if named else 0
    ids = [row[column].strip() for row in rows[int(named) :] if len(row) > column]
    if not any(ids):
        raise ValueError(f"{path} names no part: give it a column product_id, or one id a line.")
    return list(dict.fromkeys(filter(None, ids)))


def gather(warehouse: Warehouse, served: ServedLists, settings: Settings, parts: Sequence[str]) -> list[Asked]:
    """What became of parts in the lists that are served of a week, in the order in which they are asked."""
    from recs_assets.steps.asked_scores import asked_scores  # torch and pandas: 5 s at load

    ids = pa.array(parts, pa.string())
    asked = {"asked": pa.table({"product_id": ids}), "asked_scores": asked_scores(served.inputs, ids, settings)}
    with warehouse.session({**served.tables(), **asked, "mail": "final_vehicle_recommendations"}) as session:
        session.materialize("asked_pairs", "asked_pairs", **served.rules(settings))
        outcomes, rivals = session.rows("why_not"), session.rows("why_not_rivals")
        mails = {row["product_id"]: row["n_mails"] for row in session.rows("why_not_mails", slots=settings.rules.slots)}
    columns = ["product_id", "title", "part_type", "price", "ineligible_reason"]
    products = served.inputs["product_nodes"].table(PRODUCT_NODES, columns=columns)
    known = {row["product_id"]: row for row in products.to_pylist() if row["product_id"] in set(parts)}
    return [
        _asked(part, known.get(part, {}), _of(part, outcomes), [Rival(*_named(row)) for row in _of(part, rivals)], mails[part])
        for part in parts
    ]


def _of(part: str, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["product_id"] == part]


def _named(row: Mapping[str, Any]) -> tuple[str, int]:
    return row["rival_id"], int(row["n_people"])


def _asked(
    part: str, attributes: Mapping[str, Any], outcomes: Sequence[Mapping[str, Any]], rivals: Sequence[Rival], n_mails: int
) -> Asked:
    people = {row["outcome"]: int(row["n_people"]) for row in outcomes}
    measured = [row for row in outcomes if row["nearest_gap"] is not None]
    n_measured = sum(int(row["n_people"]) for row in measured)
    return Asked(
        part,
        attributes,
        people,
        min((row["nearest_gap"] for row in measured), default=None),
        sum(row["mean_gap"] * int(row["n_people"]) for row in measured) / n_measured if measured else None,
        rivals,
        n_mails,
    )


def write(asked: Sequence[Asked], week: dt.date, folder: Path) -> list[Path]:
    """Write ``why_not_<week>.csv`` and the page beside it; where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    table, sheet = (folder / f"why_not_{week}.{kind}" for kind in ("csv", "html"))
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(asked[0].row()))
        writer.writeheader()
        writer.writerows(part.row() for part in asked)
    sheet.write_text(page("why_not.html", week=week, asked=asked, outcomes=OUTCOMES, rules=RULES, mostly=mostly))
    return [table, sheet]


def lines(asked: Sequence[Asked]) -> Iterator[str]:
    """A line a part, for a terminal."""
    yield f"  {'part':24} {'considered':>10} {'lists':>8} {'mails':>8}  mostly"
    for part in asked:
        yield f"  {part.product_id:24} {part.n_considered:10,} {part.n_lists:8,} {part.n_mails:8,}  {mostly(part)}"


def mostly(part: Asked) -> str:
    """What keeps a part from the most lists: of those it was considered for, where there are any."""
    if not part.attributes:
        return "no such part in this week"
    asked_of = CONSIDERED if part.n_considered else REMOVED
    missing = {name: part.people.get(name, 0) for name in asked_of if name not in LISTED}
    why = max(missing, key=lambda name: missing[name])
    if not missing[why]:
        return "on every list that might hold it"
    return OUTCOMES[why] + (f": {part.attributes['ineligible_reason']}" if why == "not_eligible" else "")

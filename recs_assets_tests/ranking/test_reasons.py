"""What a person reads: one sentence a kind of edge, names as far as known, and no count that points at one person."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from recs_assets.ranking.reasons import (
    CODES,
    SENTENCES,
    blend_terms,
    by_family,
    family,
    joined_names,
    names_of,
    similarity_terms,
    texts,
)

NAMES = names_of(
    {
        "product_id": ["0-80508S", "8529", "X-1", "P-4"],
        "title": ["Street Carburetor", None, " ", "Oil Gauge {count}"],
        "brand": ["Holley", "MSD", None, None],
        "part_type": ["Carburetors", "Distributors", None, "Gauges"],
    },
    {
        "year": [1967, None, 1970, None],
        "make": ["Ford", "Ford", None, None],
        "model": ["Mustang", "Bronco", None, None],
    },
)


def told(code: str, **edge: Any) -> str:
    row = {"product": 0, "history": -1, "has_bought": False, "vehicle": -1, "count": -1} | edge
    return str(texts(pd.DataFrame([{"code": CODES.index(code), **row}]), NAMES, 5)[0])


@pytest.mark.parametrize(
    ("code", "edge", "text"),
    [
        (
            "bought_together",
            {"history": 0, "has_bought": True, "count": 12},
            "Bought together with your Street Carburetor by 12 owners",
        ),
        ("bought_together", {"history": 1, "has_bought": True, "count": 2}, "Bought together with your MSD 8529 by 2 owners"),
        ("bought_together", {"history": 2, "has_bought": True, "count": 1}, "Bought together with your X-1"),
        ("bought_with_viewed", {"history": 1, "count": 1_200}, "Bought by 1,200 people together with the MSD 8529 you looked at"),
        ("bought_with_viewed", {"history": 1, "count": 1}, "Bought together with the MSD 8529 you looked at"),
        ("viewed_together", {"history": 1, "count": 3}, "Looked at by 3 people who also looked at the MSD 8529"),
        ("viewed_together", {"history": 1, "has_bought": True, "count": 1}, "Looked at together with the MSD 8529"),
        ("same_part_type", {"product": 1, "history": 3, "has_bought": True}, "More Distributors, like your Oil Gauge {count}"),
        ("same_brand", {"product": 0, "history": 1}, "More from Holley, like the MSD 8529 you looked at"),
        ("same_variant_group", {"history": 1, "has_bought": True}, "Another version of your MSD 8529"),
        ("fits_vehicle", {"vehicle": 0}, "Fits your 1967 Ford Mustang"),
        ("fits_vehicle", {"vehicle": 1}, "Fits your Ford Bronco"),
        ("fits_vehicle", {"vehicle": 3}, "Fits your vehicle"),
        ("popular_with_vehicle", {"vehicle": 0, "count": 5}, "Popular with 1967 Ford Mustang owners"),
        ("popular_with_vehicle", {"vehicle": 0, "count": 4}, "Of interest to 1967 Ford Mustang owners"),
        ("popular_with_vehicle", {"vehicle": 2, "count": 1}, "Of interest to owners of your vehicle"),
        ("popular_with_vehicle", {"vehicle": 3, "count": 9}, "Popular with owners of your vehicle"),
        ("popular_with_model", {"vehicle": 0, "count": 5}, "Popular with Ford Mustang owners"),
        ("popular_with_make", {"vehicle": 0, "count": 2}, "Of interest to Ford owners"),
        ("trending", {"count": 9}, "Trending this month"),
        ("popular_now", {"count": 9}, "Popular right now"),
        ("popular_in_store", {"count": 5}, "Popular in our store"),
        ("popular_in_store", {"count": 4}, "Bought by other customers"),
        ("popular_in_store", {"count": 1}, "Bought from our store before"),
        ("looked_at", {}, "You looked at it before"),
        ("universal", {}, "A universal part"),
        ("in_catalogue", {}, "From our catalogue"),
    ],
)
def test_what_a_person_reads(code: str, edge: dict[str, Any], text: str) -> None:
    assert told(code, **edge) == text


@pytest.mark.parametrize("code", CODES)
def test_a_count_of_one_is_never_told(code: str) -> None:
    text = told(code, product=1, history=1, vehicle=1 if "vehicle" in code or "with_m" in code else -1, count=1)
    assert "1 " not in text.replace("8529", "")


def test_each_row_gets_its_own_words() -> None:
    rows = [("trending", -1, 7), ("fits_vehicle", 0, -1), ("trending", -1, 8), ("fits_vehicle", 1, -1)]
    edges = pd.DataFrame(
        [
            {"code": CODES.index(code), "product": 0, "history": -1, "has_bought": False, "vehicle": vehicle, "count": count}
            for code, vehicle, count in rows
        ],
        index=[7, 7, 3, 1],
    )
    assert texts(edges, NAMES, 5).tolist() == [
        "Trending this month",
        "Fits your 1967 Ford Mustang",
        "Trending this month",
        "Fits your Ford Bronco",
    ]


def test_every_sentence_ends_without_a_full_stop_and_begins_with_a_capital() -> None:
    sentences = [text for kinds in SENTENCES.values() for text in kinds if text]
    assert all(text[0].isupper() and not text.endswith(".") for text in sentences)


@pytest.mark.parametrize(
    ("term", "kind"),
    [
        ("walk", "together"),
        ("cosine_365d", "together"),
        ("popularity_slow", "popularity"),
        ("garage_usage", "garage"),
        ("vehicle", "vehicle"),
        ("vehicle_make", "vehicle_make"),
        ("part_type", "part_type"),
        ("tower", None),
    ],
)
def test_terms_of_one_family_name_the_same_kind_of_edge(term: str, kind: str | None) -> None:
    assert family(term) == kind


def test_positions_by_family_leave_out_what_has_no_edge() -> None:
    assert by_family(("cosine_30d", "tower", "brand", "walk")) == {"together": [0, 3], "brand": [2]}


def test_names_are_joined_in_their_order() -> None:
    codes = np.array([[2, 0, -1], [-1, -1, -1], [0, 1, 2], [2, 0, -1]])
    assert joined_names(codes, ("a", "b", "c")).tolist() == ["c a", "", "a b c", "c a"]


def _lines(terms: Any) -> list[list[str]]:
    return [[terms.names[code] for code in line if code >= 0] for line in terms.codes]


def test_the_larger_half_of_a_blend_speaks_first_and_a_half_without_weight_not_at_all() -> None:
    rows = pd.DataFrame(
        [
            (0.5, 0.8, 0.4, "model", "walk brand"),
            (0.5, 0.4, 0.8, "make", "walk brand vehicle"),
            (0.2, 0.8, 0.1, "global", "walk"),  # .16 against .08
            (0.5, 0.0, 0.3, None, "walk"),
            (0.5, 0.6, 0.0, "model", None),
            (0.5, 0.6, 0.0, "model", ""),
            (1.0, 0.6, 0.6, "model", "walk"),
            (0.0, 0.6, 0.0, "model", "walk"),
        ],
        columns=["alpha", "sql_score", "gnn_score", "pop_source", "channels"],
    )
    assert _lines(blend_terms(rows)) == [
        ["sql_model", "walk", "brand"],
        ["walk", "brand", "vehicle", "sql_make"],
        ["sql_global", "walk"],
        ["walk"],
        ["sql_model"],
        ["sql_model"],
        ["sql_model"],
        ["walk"],
    ]


def test_similarity_speaks_first_where_it_weighs_more_than_sql() -> None:
    rows = pd.DataFrame(
        [(0.3, 0.4, "model"), (0.5, 0.4, "make"), (0.0, 0.0, "global")],
        columns=["sql_term", "similarity_term", "pop_source"],
    )
    assert _lines(similarity_terms(rows)) == [["similarity", "sql_model"], ["sql_make", "similarity"], ["sql_global"]]


@pytest.mark.parametrize(("code", "product", "word"), [("same_brand", 2, "brand"), ("same_part_type", 2, "part_type")])
def test_a_reason_that_would_name_nothing_is_refused(code: str, product: int, word: str) -> None:
    with pytest.raises(ValueError, match=f"a reason of kind {code} would name nothing: its part has no {word}"):
        told(code, product=product, history=0)

"""Whatever edge a reason names is looked up in the tables again: true ones pass, and each false one is counted."""

from typing import Any

import pyarrow as pa
import pytest

from recs_assets.own_tables import RECOMMENDATIONS, arrow_schema
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb, parameters_of, tables_for
from recs_assets_tests.sql.rows import table

Row = tuple[Any, ...]
PROFILES_OF = table(
    {"user_id": "STRING", "profile_id": "STRING", "stratum": "STRING"},
    [("u1", "user:u1", "warm"), ("u4", "user:u4", "warm"), ("u5", "garage:a", "cold")],
)
ARMS_OF = table({"user_id": "STRING", "arm": "STRING"}, [(user_id, "blend") for user_id in ("u1", "u4", "u5")])
LONG = arrow_schema(RECOMMENDATIONS)


def breaches(rows: list[Row], served: list[Row] | None = None, **changed: Any) -> dict[str, int]:
    """Which breaches lists with these reasons hold, where people were served them, or others."""
    lists = {"user_profiles": PROFILES_OF, "arms": ARMS_OF, "profile_recommendations": shop.explained(served or rows)}
    staged = on_duckdb("recommendations", lists, parameters_of("recommendations"))
    lists["profile_recommendations"] = shop.explained(rows)
    tables = tables_for("reasons") | lists | {"staged": pa.Table.from_pylist(staged, LONG)}
    (counts,) = on_duckdb("reasons", tables, parameters_of("reasons") | changed)
    return {name: count for name, count in counts.items() if count}


def test_true_reasons_have_no_breach() -> None:
    assert breaches(shop.REASONS) == {}


@pytest.mark.parametrize(
    ("row", "breach"),
    [
        (("user:u1", "p4", "bought_together", "Bought together with your p6", "p6", None, 1), "reason_history_not_there"),
        (
            ("user:u1", "p1", "bought_together", "Bought together with your p1 by 2 owners", "p1", None, 2),
            "reason_history_not_there",
        ),
        (("garage:a", "p2", "same_brand", "More from Holley, like your p1", "p1", None, None), "reason_history_not_there"),
        (("user:u1", "p4", "bought_together", "Bought together with your p1 by 3 owners", "p1", None, 3), "reason_count_wrong"),
        (("user:u1", "p2", "bought_together", "Bought together with your p1", "p1", None, 0), "reason_count_wrong"),
        (("garage:a", "p6", "popular_in_store", "Bought from our store before", None, None, None), "reason_count_wrong"),
        (("user:u4", "p1", "fits_vehicle", "Fits your 1969 Chevrolet Camaro", None, "v1", None), "reason_vehicle_not_owned"),
        (("user:u1", "p1", "fits_vehicle", "Fits your 1970 Chevrolet Camaro", None, "v2", None), "reason_not_fitting"),
        (("user:u4", "p1", "popular_with_make", "Of interest to Chevrolet owners", None, "v1", 2), "reason_vehicle_not_owned"),
        (
            ("user:u4", "p2", "same_part_type", "More Carburetors, like your Oil Gauge", "p4", None, None),
            "reason_attribute_differs",
        ),
        (("user:u4", "p3", "same_brand", "More from Holley, like your p1", "p1", None, None), "reason_attribute_differs"),
        (("user:u4", "p3", "same_variant_group", "Another version of your p1", "p1", None, None), "reason_attribute_differs"),
        (("user:u1", "p6", "looked_at", "You looked at it before", None, None, None), "reason_untrue"),
        (("user:u1", "p1", "universal", "A universal part", None, None, None), "reason_untrue"),
        (("user:u1", "p1", "trending", "Trending this month", None, None, 3), "reason_count_wrong"),
        (("garage:a", "p6", "popular_in_store", "Popular in our store", None, None, 1), "reason_untrue"),
        (("user:u4", "p2", "same_brand", "More from Holley, like your Weber", "p1", None, None), "reason_names_another"),
        (("user:u4", "p2", "same_brand", "More from None, like your Holley p1", "p1", None, None), "reason_names_nothing"),
        (("user:u4", "p3", "same_part_type", "More None, like your Oil Gauge", "p4", None, None), "reason_names_nothing"),
        (("user:u1", "p2", "fits_vehicle", "Fits your 1969 Chevrolet Nova", None, "v1", None), "reason_names_another"),
        (("user:u1", "p2", "because", "We think so", None, None, None), "reason_unknown"),
        (("user:u1", "p2", None, "We think so", None, None, None), "reason_missing"),
        (("user:u1", "p2", "in_catalogue", " ", None, None, None), "reason_missing"),
    ],
)
def test_a_false_reason_is_counted(row: Row, breach: str) -> None:
    rest = [true for true in shop.REASONS if true[:2] != row[:2]]
    assert breaches([*rest, row]) == {breach: 1}


def test_a_part_that_only_looked_popular_a_month_ago_does_not_trend() -> None:
    # p1 was bought by u1 and u4 in the last 30 days and by u2 before: twice as many, and not three times.
    row = ("user:u4", "p1", "trending", "Trending this month", None, None, 2)
    assert breaches([row]) == {}
    assert breaches([row], trend=3.0) == {"reason_untrue": 1}
    assert breaches([row], popular_people=3) == {"reason_untrue": 1}


def test_what_was_only_looked_at_is_not_called_bought() -> None:
    viewed = tables_for("reasons")["interaction_edges"].to_pylist()
    events = pa.Table.from_pylist([row | {"event_type": "view"} for row in viewed], shop.INTERACTION_EDGES.schema)
    row = ("user:u1", "p4", "bought_together", "Bought together with your p1 by 2 owners", "p1", None, 2)
    lists = {"user_profiles": PROFILES_OF, "arms": ARMS_OF, "profile_recommendations": shop.explained([row])}
    staged = pa.Table.from_pylist(on_duckdb("recommendations", lists, parameters_of("recommendations")), LONG)
    tables = tables_for("reasons") | lists | {"staged": staged, "interaction_edges": events}
    (counts,) = on_duckdb("reasons", tables, parameters_of("reasons"))
    assert (counts["reason_history_not_bought"], counts["reason_count_wrong"]) == (1, 1)


def test_what_a_person_is_told_is_what_their_profile_was() -> None:
    told = [(*row[:3], "Fits your spaceship", *row[4:]) if row[1] == "p2" else row for row in shop.REASONS]
    # p2 stands on all three lists, and each of the three belongs to one person.
    assert breaches(shop.REASONS, served=told) == {"reason_of_another_list": 3}

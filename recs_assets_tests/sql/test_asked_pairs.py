"""What became of a part for a person, worked by hand: the first thing that holds, and the listed part that it had to beat."""

from typing import Any

from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb, parameters_of, table_on_duckdb, tables_for

ASKED = ("p1", "p2", "p3", "p4", "p5", "p6", "nothing")
# u1 owns two Camaros, which p1 and p2, variants of each other, fit, and has bought p1 and p4; nothing fits u4's Chevrolet,
# for which p4 was bought; two people share the Camaro of garage:a. p6 came after what the lists know.
LISTS = [("garage:a", 1, "p2", 0.875), ("garage:a", 2, "p4", 0.5), ("user:u1", 3, "p6", 0.75), ("user:u4", 1, "p3", 0.5)]
SCORES = [("garage:a", "p1", 0.25), ("garage:a", "p3", 0.25)]


def tables() -> dict[str, Any]:
    lists = [(profile, rank, part, score, score, None, "blend", *[None] * 5, "all") for profile, rank, part, score in LISTS]
    scores = {"profile_id": "STRING", "product_id": "STRING", "score": "FLOAT64"}
    return tables_for("asked_pairs") | {
        "asked": shop.table({"product_id": "STRING"}, [(part,) for part in ASKED]),
        "asked_scores": shop.table(scores, SCORES),
        "profile_recommendations": shop.table(shop.PROFILE_RECOMMENDATION_COLUMNS, lists),
    }


def pairs(**changed: Any) -> dict[tuple[str, str], tuple[str, str | None, float | None]]:
    rows = on_duckdb("asked_pairs", tables(), parameters_of("asked_pairs") | changed)
    return {(row["product_id"], row["profile_id"]): (row["outcome"], row["rival_id"], row["gap"]) for row in rows}


def test_the_first_thing_that_holds_is_what_became_of_a_part() -> None:
    assert pairs() == {
        ("p1", "garage:a"): ("variant_listed", "p2", 0.625),
        ("p1", "user:u1"): ("bought_already", None, None),
        ("p1", "user:u4"): ("fits_no_vehicle", None, None),
        ("p2", "garage:a"): ("in_slots", None, None),
        ("p2", "user:u1"): ("variant_bought_already", None, None),
        ("p2", "user:u4"): ("fits_no_vehicle", None, None),
        # Of gauges one is enough.
        ("p3", "garage:a"): ("enough_of_type", "p4", 0.25),
        ("p3", "user:u1"): ("enough_of_type", "p6", None),
        ("p3", "user:u4"): ("in_slots", None, None),
        ("p4", "garage:a"): ("in_slots", None, None),
        ("p4", "user:u1"): ("bought_already", None, None),
        ("p4", "user:u4"): ("bought_already", None, None),
        ("p5", "garage:a"): ("not_eligible", None, None),
        ("p5", "user:u1"): ("not_eligible", None, None),
        ("p5", "user:u4"): ("not_eligible", None, None),
        ("p6", "garage:a"): ("not_known_yet", None, None),
        ("p6", "user:u1"): ("on_list", None, None),
        ("p6", "user:u4"): ("not_known_yet", None, None),
    }


def test_without_a_rule_it_is_the_score_that_decides() -> None:
    off = dict.fromkeys(("exclude_bought_days", "exclude_bought_variants", "one_per_variant_group", "max_per_part_type"))
    outcomes = pairs(**off, require_fitment=False)
    assert outcomes["p1", "garage:a"] == ("outranked", "p4", 0.25)
    assert outcomes["p3", "user:u1"] == outcomes["p2", "user:u1"] == ("far_outranked", "p6", None)
    assert outcomes["p2", "user:u4"] == ("far_outranked", "p3", None)


def test_people_are_counted_and_not_profiles() -> None:
    asked = {"asked_pairs": table_on_duckdb("asked_pairs", tables(), parameters_of("asked_pairs"))}
    counts = [tuple(row.values()) for row in on_duckdb("why_not", asked, {}) if row["product_id"] in ("p1", "p3")]
    assert counts == [
        ("p1", "bought_already", 1, None, None),
        ("p1", "fits_no_vehicle", 1, None, None),
        ("p1", "variant_listed", 2, 0.625, 0.625),
        ("p3", "enough_of_type", 3, 0.25, 0.25),
        ("p3", "in_slots", 1, None, None),
    ]
    rivals = [tuple(row.values()) for row in on_duckdb("why_not_rivals", asked, {})]
    assert rivals == [("p1", "p2", 2), ("p3", "p4", 2), ("p3", "p6", 1)]

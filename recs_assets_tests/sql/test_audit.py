"""Each rule of the contract counts its breaches, and a list that obeys them all has none."""

from typing import Any

import pyarrow as pa
import pytest

from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb, parameters_of, tables_for
from recs_assets_tests.sql.parameters import RULES

OFF = {name: None for name in RULES if name not in {"list_length", "slots", "require_fitment", "has_fitment"}}

# The source's own orders.
RETURN = ("x", "u2", "p6", "order", shop.days_ago(1), None, -1)
TABLES = tables_for("audit") | {"events": pa.concat_tables([shop.INTERACTION_EDGES, shop.edges([RETURN])])}


def audit(staged: pa.Table, **changed: Any) -> dict[str, Any]:
    (row,) = on_duckdb("audit", TABLES | {"staged": staged}, parameters_of("audit") | changed)
    return row


def content_hash(staged: pa.Table) -> str:
    (row,) = on_duckdb("content_hash", {"staged": staged}, parameters_of("content_hash"))
    return str(row["content_hash"])


def breaches(staged: pa.Table, **changed: Any) -> dict[str, int]:
    return {name: count for name, count in audit(staged, **changed).items() if count}


def test_breaches_are_counted() -> None:
    assert breaches(shop.STAGED) == {
        "unknown_product": 1,  # p99
        "price_too_low": 3,  # p3 twice at 49.99, and p99 has no price
        "refurbished": 2,  # p3
        "neither_fitting_nor_universal": 3,  # p99; both of u3, who owns nothing yet
        "bought_already": 3,  # p1 by u1; p4, listed twice, by u2
        "image_not_https": 7,  # all but p1 and p2
        "score_not_finite": 3,  # NaN, infinite, absent
        "score_not_descending": 1,  # u2: 0.25, then 0.75
        "tie_out_of_order": 1,  # u5: p4 before p3 at one score
        "duplicate_product": 1,
        "duplicate_rank": 1,
        "rank_gaps": 1,  # u1: 1, 2, 4
        "list_too_long": 2,
        "too_many_universal": 1,  # u2: three in two slots
        "second_of_variant_group": 1,  # u3: p1 and p2
        "over_max_per_part_type": 4,  # two Gauges too many for u2, one for u5, one Carburetor for u3
    }


def test_a_list_that_obeys_has_no_breach() -> None:
    rules = {"list_length": 3, "max_per_part_type": 2, "https_image": None}
    staged = shop.staged([("u5", 1, "p1", 0.75), ("u5", 2, "p4", 0.5), ("u5", 3, "p6", 0.5)])
    assert breaches(staged, **rules) == {}


def test_universal_parts_may_fill_slots_only_where_nothing_fits() -> None:
    rules = {"list_length": 3, "max_per_part_type": 2, "https_image": None}
    staged = shop.staged([("u5", 1, "p4", 0.75), ("u5", 2, "p6", 0.5), ("u5", 3, "p1", 0.25)])
    assert breaches(staged, **rules) == {"too_many_universal": 1}
    assert breaches(staged.slice(0, 2), **rules) == {"too_many_universal": 1}, "p1 and p2 fit, on the list or not"
    assert breaches(staged, **rules | {"max_universal": 2}) == {}


def test_a_variant_of_what_was_bought() -> None:
    rules = {"https_image": None, "exclude_bought_days": 365}
    assert breaches(shop.staged([("u1", 1, "p2", 0.5)]), **rules) == {"variant_bought_already": 1}


@pytest.mark.parametrize(
    ("user", "changed", "n_breaches"),
    [
        ("u5", {}, 1),
        ("u5", {"max_universal": 2}, 0),
        ("u5", {"slots": 3, "max_universal": 2}, 1),  # p1 or p2, its variant
        ("u5", {"slots": 4, "list_length": 2, "max_universal": 1}, 1),
        ("u5", {"max_universal": None}, 0),
        ("u5", {"has_fitment": False}, 0),
        ("u3", {}, 0),  # owns nothing yet
        ("u4", {}, 0),  # nothing fits the vehicle
        ("u1", {}, 0),  # bought p1, and p2 is a variant of it
        ("u1", {"exclude_bought_variants": None}, 1),
        ("u2", {"exclude_bought_days": 30}, 1),  # bought p1 33 days ago
    ],
)
def test_slots_without_fitting_parts_are_held_against_all_that_fits(user: str, changed: dict[str, Any], n_breaches: int) -> None:
    rules = {"list_length": 3, "max_per_part_type": 2, "https_image": None, "max_universal": 1}
    assert audit(shop.staged([(user, 1, "p6", 0.75)]), **rules | changed)["too_many_universal"] == n_breaches


def test_parts_that_the_caps_leave_out_could_not_be_listed() -> None:
    # Of p1 and p2 one can be listed, as they are variants; without that rule both, but for a type of which there is one a list.
    rules = {"list_length": 3, "https_image": None, "max_universal": 0, "max_per_part_type": 2}
    staged = shop.staged([("u5", 1, "p1", 0.75), ("u5", 2, "p6", 0.5)])
    assert audit(staged, **rules)["too_many_universal"] == 0
    assert audit(staged, **rules | {"one_per_variant_group": None})["too_many_universal"] == 1
    assert audit(staged, **rules | {"one_per_variant_group": None, "max_per_part_type": 1})["too_many_universal"] == 0


@pytest.mark.parametrize(("days", "breach"), [(365, {}), (400, {"bought_already": 1}), (None, {})])
def test_the_orders_of_the_source_count_whatever_the_exports_hold(days: int | None, breach: dict[str, int]) -> None:
    # An older one, without an id: no evidence, and bought all the same.
    source = shop.source("events", [(None, "u5", "p4", "order", shop.days_ago(400), None, None)])
    tables = tables_for("audit") | {"events": source, "staged": shop.staged([("u5", 1, "p4", 0.5)])}
    changed = {"https_image": None, "max_universal": None, "exclude_bought_days": days}
    (counts,) = on_duckdb("audit", tables, parameters_of("audit") | changed)
    assert {name: count for name, count in counts.items() if count} == breach


def test_a_rule_without_a_setting_is_off() -> None:
    counts = breaches(shop.STAGED, **OFF | {"excluded_part_types": [], "require_fitment": False})
    assert not set(counts) & {
        "price_too_low",
        "not_available",
        "refurbished",
        "image_not_https",
        "bought_already",
        "variant_bought_already",
    }
    assert not set(counts) & {"second_of_variant_group", "over_max_per_part_type", "too_many_universal"}
    assert "neither_fitting_nor_universal" not in counts


def test_a_part_that_is_not_sold_any_more() -> None:
    withdrawn = [row | {"is_withdrawn": row["product_id"] == "p4"} for row in shop.PRODUCT_NODES.to_pylist()]
    tables = TABLES | {"staged": shop.staged([("u5", 1, "p4", 0.5)])}
    tables |= {"product_nodes": pa.Table.from_pylist(withdrawn, shop.PRODUCT_NODES.schema)}
    (counts,) = on_duckdb("audit", tables, parameters_of("audit") | {"https_image": None, "max_universal": None})
    assert {name: count for name, count in counts.items() if count} == {"withdrawn": 1}


def test_an_excluded_part_type_that_is_not_available_and_another_week() -> None:
    staged = shop.staged([("u5", 1, "p5", 0.5)])
    off = {"https_image": None, "max_universal": None}
    assert breaches(staged, **off) == {"excluded_part_type": 1, "not_available": 1}
    assert breaches(staged, **off, available_only=None) == {"excluded_part_type": 1}
    assert audit(staged, week=shop.AS_OF.date(), https_image=None)["wrong_week"] == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [("product_id", "p9"), ("final_score", 0.123), ("reason_text", "other"), ("segment", None), ("rank", 9)],
)
def test_the_hash_knows_content_and_not_order(column: str, value: Any) -> None:
    rows = shop.STAGED.to_pylist()
    turned = pa.Table.from_pylist(rows[::-1], shop.STAGED.schema)
    assert content_hash(turned) == content_hash(shop.STAGED)
    changed = pa.Table.from_pylist([rows[0] | {column: value}, *rows[1:]], shop.STAGED.schema)
    assert content_hash(changed) != content_hash(shop.STAGED)
    rerun = pa.Table.from_pylist([row | {"run_id": "another", "scored_at": shop.NOW} for row in rows], shop.STAGED.schema)
    assert content_hash(rerun) == content_hash(shop.STAGED)


@pytest.mark.parametrize(
    ("source", "kept", "breaches"),
    [
        ([(9, 1)], False, 1),  # what an export has lost is bought all the same
        ([(9, 1)], True, 1),
        ([(9, 1), (3, -1)], False, 0),
        ([(9, 2), (3, -1)], True, 1),  # some of it is left
        ([(9, 0)], False, 0),
    ],
)
def test_a_part_that_was_returned_may_be_recommended(source: list[tuple[int, int]], kept: bool, breaches: int) -> None:
    orders = [(f"e{n}", "u5", "p4", " Order", shop.days_ago(days), None, units) for n, (days, units) in enumerate(source)]
    edge = ("e0", "u5", "p4", "order", shop.days_ago(9), None, 1, None if kept else shop.days_ago(3))
    tables = tables_for("audit") | {
        "events": shop.source("events", orders),
        "interaction_edges": shop.edges([edge]),
        "other_orders": shop.OTHER_ORDERS.slice(0, 0),
        "staged": shop.staged([("u5", 1, "p4", 0.5)]),
    }
    (counts,) = on_duckdb("audit", tables, parameters_of("audit"))
    assert counts["bought_already"] == breaches

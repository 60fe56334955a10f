"""The baseline on six parts, worked by hand: which tier each part reaches, and what it scores."""

import datetime as dt
import math
from typing import Any

import pyarrow as pa
import pytest

from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb, parameters_of
from recs_assets_tests.sql.shop import AS_OF, days_ago

OWNERS = {"a": "camaro", "b": "camaro", "c": "camaro", "d": "nova", "e": "mustang"}
# Who ordered which part: model tier from 3 orders of Camaro owners, make tier from 4 of Chevrolet owners.
ORDERS = {"p1": "abc", "p2": "abdd", "p3": "e", "p4": "aabbe", "p5": "", "p6": "abcde"}
SMALL = {"model_min_orders": 3, "make_min_orders": 4, "exclude_bought_days": None, "exclude_bought_variants": None, "kept": 10}
SMALL |= {"list_length": 0, "slots": 0, "one_per_variant_group": None, "max_per_part_type": None}


PART_COLUMNS = dict.fromkeys(["product_id", "part_type", "variant_group", "ineligible_reason"], "STRING")
PART_COLUMNS |= {"is_universal": "BOOL", "created_at": "TIMESTAMP"}


def tables(**changed: pa.Table) -> dict[str, pa.Table]:
    vehicles = [("camaro", 1969, "Chevrolet", "Camaro", None), ("nova", 1970, "Chevrolet", "Nova", None)]
    vehicles += [("camaro2", 1970, "Chevrolet", "Camaro", None), ("mustang", 1969, "Ford", "Mustang", None)]
    parts = [(f"p{n}", "Gauges", "g" if n in {1, 2} else None, None, n >= 5, None) for n in range(1, 7)]
    events = [
        (f"{part}{n}", owner, part, "order", days_ago(n + 1), None, None)
        for part, owners in ORDERS.items()
        for n, owner in enumerate(owners)
    ]
    fits = [(f"p{n}", vehicle) for n in range(1, 5) for vehicle in ("camaro", "camaro2")]
    return {
        "vehicle_nodes": shop.source("vehicles", vehicles),
        "product_nodes": shop.table(PART_COLUMNS, parts),
        "fits_edges": shop.source("fitment", fits),
        # b owns two Camaros: one owner of the model, whose order counts once.
        "owns_edges": shop.source(
            "ownership", [(user, vehicle, 1, None) for user, vehicle in [*OWNERS.items(), ("b", "camaro2")]]
        ),
        "interaction_edges": shop.edges(events),
        "other_orders": shop.OTHER_ORDERS.slice(0, 0),
        "profiles": shop.table({"profile_id": "STRING", "user_id": "STRING"}, [("garage", None), ("none", None)]),
        "profile_vehicles": shop.table({"profile_id": "STRING", "vehicle_id": "STRING"}, [("garage", "camaro")]),
    } | changed


def lists(changed_tables: dict[str, pa.Table] | None = None, **changed: Any) -> dict[str, list[tuple[str, str, float]]]:
    rows = on_duckdb("v5_17", tables(**(changed_tables or {})), parameters_of("v5_17") | SMALL | changed)
    by_profile: dict[str, list[tuple[str, str, float]]] = {}
    for row in sorted(rows, key=lambda row: (row["profile_id"], -row["sql_score"], row["product_id"])):
        by_profile.setdefault(row["profile_id"], []).append((row["product_id"], row["pop_source"], round(row["sql_score"], 6)))
    return by_profile


def score(weight: float, n_orders: int) -> float:
    return round(weight * math.log(1 + n_orders), 6)


def test_each_part_gets_its_tier() -> None:
    by_profile = lists()
    assert by_profile["garage"] == [
        ("p4", "model", score(10, 4)),  # four orders of Camaro owners
        ("p1", "model", score(10, 3)),
        ("p6", "model", score(10, 3)),  # as many: the smaller id comes first
        ("p2", "make", score(8, 4)),  # two of Camaro owners are too few, four of Chevrolet owners are not
        ("p3", "global", score(2, 1)),
        ("p5", "global", 0.0),  # universal, never ordered
    ]
    # Without a vehicle there are universal parts, and no segment to be popular in.
    assert by_profile["none"] == [("p6", "global", score(2, 5)), ("p5", "global", 0.0)]


def test_model_tier_wins_even_where_the_make_would_score_more() -> None:
    assert lists(make_weight=100.0)["garage"][1:4] == [
        ("p4", "model", score(10, 4)),
        ("p1", "model", score(10, 3)),
        ("p6", "model", score(10, 3)),
    ]


def test_the_best_vehicle_of_a_garage_counts() -> None:
    vehicles = shop.table({"profile_id": "STRING", "vehicle_id": "STRING"}, [("garage", "mustang"), ("garage", "camaro")])
    assert lists({"profile_vehicles": vehicles})["garage"] == lists()["garage"]


def test_bought_parts_and_their_variants_are_left_out() -> None:
    profiles = {"profiles": shop.table({"profile_id": "STRING", "user_id": "STRING"}, [("garage", "c")])}
    kept = lists(profiles, exclude_bought_days=365, exclude_bought_variants=True)["garage"]
    assert [part for part, *_ in kept] == ["p4", "p3", "p5"]  # c bought p1 (p2 is its variant) and p6
    kept = lists(profiles, exclude_bought_days=365, exclude_bought_variants=None)["garage"]
    assert [part for part, *_ in kept] == ["p4", "p2", "p3", "p5"]
    kept = lists(profiles, exclude_bought_days=2, exclude_bought_variants=True)["garage"]
    assert [part for part, *_ in kept] == ["p4", "p1", "p6", "p2", "p3", "p5"]


def test_what_was_bought_before_the_look_back_is_left_out_too_and_is_no_evidence() -> None:
    profiles = {"profiles": shop.table({"profile_id": "STRING", "user_id": "STRING"}, [("garage", "c")])}
    before = lists(profiles, exclude_bought_days=730, exclude_bought_variants=None)["garage"]
    kinds = {"user_id": "STRING", "product_id": "STRING", "event_ts": "TIMESTAMP", "returned_at": "TIMESTAMP"}
    orders = [("c", "p4", days_ago(400)), ("c", "p5", days_ago(731)), ("d", "p3", days_ago(400))]
    returned = ("c", "p2", days_ago(300), days_ago(200))
    older = {"other_orders": shop.table(kinds, [*((*order, None) for order in orders), returned])}
    after = lists(profiles | older, exclude_bought_days=730, exclude_bought_variants=None)["garage"]
    assert [part for part, *_ in before] == ["p4", "p2", "p3", "p5"]
    assert after == [row for row in before if row[0] != "p4"]
    assert lists(profiles | older, exclude_bought_days=399, exclude_bought_variants=None)["garage"] == before


@pytest.mark.parametrize("switched_off", ["require_fitment", "has_fitment"])
def test_without_fitment_every_part_is_a_candidate(switched_off: str) -> None:
    by_profile = lists(**{switched_off: False})
    assert sorted(part for part, *_ in by_profile["none"]) == ["p1", "p2", "p3", "p4", "p5", "p6"]


def test_what_is_cut_is_what_ranks_last() -> None:
    """Candidates that cannot be kept are never ranked: the lists are those of a ranking of them all."""
    for fitment in (True, False):
        everything = lists(require_fitment=fitment)
        for kept in range(1, 7):
            assert lists(require_fitment=fitment, kept=kept) == {name: parts[:kept] for name, parts in everything.items()}


def test_nothing_at_or_after_as_of_counts() -> None:
    later = [(f"f{n}", "a", "p5", "order", AS_OF + dt.timedelta(days=n), None, None) for n in range(9)]
    earlier = [(f"old{n}", "a", "p5", "order", days_ago(365) - dt.timedelta(microseconds=1), None, None) for n in range(9)]
    events = pa.concat_tables([tables()["interaction_edges"], shop.edges(later + earlier)])
    assert lists({"interaction_edges": events}) == lists()
    owners = shop.source("ownership", [("e", "camaro", 1, AS_OF)])
    assert lists({"owns_edges": pa.concat_tables([tables()["owns_edges"], owners])}) == lists()


def test_an_ineligible_part_is_no_candidate() -> None:
    parts = tables()["product_nodes"]
    reasons = pa.array([None, None, None, "too cheap", None, None], pa.string())
    parts = parts.set_column(parts.column_names.index("ineligible_reason"), "ineligible_reason", reasons)
    assert [part for part, *_ in lists({"product_nodes": parts})["garage"]] == ["p1", "p6", "p2", "p3", "p5"]


def test_a_part_is_no_candidate_before_it_existed() -> None:
    def without(created_at: dt.datetime, *events: tuple[Any, ...]) -> list[str]:
        nodes = tables()["product_nodes"].to_pylist()
        nodes[4]["created_at"] = created_at  # p5, which nobody has ordered
        changed = {"product_nodes": pa.Table.from_pylist(nodes, tables()["product_nodes"].schema)}
        if events:
            changed["interaction_edges"] = pa.concat_tables([tables()["interaction_edges"], shop.edges(events)])
        return [part for part, *_ in lists(changed)["none"]]

    assert without(days_ago(1)) == ["p6", "p5"]
    assert without(AS_OF) == ["p6"]
    assert without(AS_OF, ("seen", "a", "p5", "view", days_ago(1), None, None)) == ["p6", "p5"]
    assert without(AS_OF, ("seen", "a", "p5", "view", AS_OF, None, None)) == ["p6"]


CROWDED = dict.fromkeys([f"u{n:03}" for n in range(130)], True) | dict.fromkeys([f"f{n:02}" for n in range(12)], False)


def crowded(types: dict[str, str], **changed: Any) -> list[str]:
    """What is kept for the owner of a rare vehicle: 130 universal parts that sell, and 12 that fit and were never bought."""
    parts = [(part, types.get(part, part), None, None, is_universal, None) for part, is_universal in CROWDED.items()]
    universal = [part for part, is_universal in CROWDED.items() if is_universal]
    sold = [(f"{part}{n}", "a", part, "order", days_ago(n + 1), None, None) for part in universal for n in range(2)]
    shops = {
        "product_nodes": shop.table(PART_COLUMNS, parts),
        "fits_edges": shop.source("fitment", [(part, "camaro") for part in CROWDED if part[0] == "f"]),
        "interaction_edges": shop.edges(sold),
    }
    rules = {"list_length": 20, "slots": 4, "max_per_part_type": 2, "kept": 100, **changed}
    return [part for part, *_ in lists(shops, **rules)["garage"]]


def test_fitting_parts_are_kept_behind_any_number_of_universal_ones() -> None:
    universal, fitting = sorted(CROWDED)[12:], sorted(CROWDED)[:12]
    assert crowded({}) == [*universal[:100], *fitting]
    # All of one type, of which a list takes two: two of each half make all that a list could hold.
    assert crowded(dict.fromkeys(CROWDED, "Gauges")) == [*universal[:100], *fitting[:2]]


def test_types_that_nobody_buys_are_kept_behind_one_that_everybody_buys() -> None:
    # 110 universal parts of one type on top of 20 of types of their own.
    one_type = {f"u{n:03}": "Gauges" for n in range(110)}
    kept = crowded(one_type)
    assert kept == [*(f"u{n:03}" for n in range(100)), *(f"u{n:03}" for n in range(110, 130)), *sorted(CROWDED)[:12]]


def test_what_a_light_tier_puts_last_hides_nothing_that_is_scored_globally() -> None:
    """30 parts that sell most, and score next to nothing as their buyers drive the same model: a list holds the others."""
    parts = [(f"u{n:02}", f"type {n}", None, None, True, None) for n in range(60)]
    buyers = {f"u{n:02}": ("a", 40) if n < 30 else ("e", 70 - n) for n in range(60)}
    sold = [
        (f"{part}{n}", who, part, "order", days_ago(1), None, None) for part, (who, times) in buyers.items() for n in range(times)
    ]
    shops = {
        "product_nodes": shop.table(PART_COLUMNS, parts),
        "fits_edges": shop.source("fitment", []),
        "interaction_edges": shop.edges(sold),
    }
    rules = {"model_weight": 0.1, "kept": 5, "list_length": 20, "slots": 4, "max_per_part_type": 2}
    assert [part for part, *_ in lists(shops, **rules)["garage"]] == [f"u{n:02}" for n in range(30, 54)]

"""Small queries on the hand-made shop, with what must come out written down."""

import datetime as dt
from typing import Any

import pytest

from recs_assets.contract import SOURCE_TABLES
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb, parameters_of, tables_for

DAY = dt.timedelta(days=1)


def rows(query: str, **changed: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in on_duckdb(query, tables_for(query), parameters_of(query) | changed)]


def test_co_purchases_are_counted_in_the_week_of_the_later_one() -> None:
    before, running = dt.date(2026, 2, 16), dt.date(2026, 2, 23)
    # p1 and p4: u1 a day apart on Sunday 22 and Monday 23, u2 thirty days apart, u4 a day apart.
    everything = {"max_parts_per_user": 100, "min_users": 1}
    tables = {"interaction_edges": shop.INTERACTION_EDGES.slice(0, 9)}
    edges = on_duckdb("co_purchase_edges", tables, parameters_of("co_purchase_edges") | everything)
    assert [tuple(row.values()) for row in edges] == [("p1", "p4", running, 3, None)]
    edges = on_duckdb("co_purchase_edges", tables, parameters_of("co_purchase_edges") | everything | {"window_days": 29})
    assert [tuple(row.values()) for row in edges] == [("p1", "p4", running, 2, None)]
    assert rows("co_purchase_edges", max_parts_per_user=100, min_users=4) == []
    assert before < shop.days_ago(8).date() < running


def test_what_is_bought_later_takes_no_pair_back() -> None:
    # One person buys p1 to p6, a day apart; each pairs with the two before it, however many come after.
    def pairs(n_bought: int) -> set[tuple[str, str]]:
        bought = [(f"e{n}", "u1", f"p{n}", "order", shop.days_ago(9 - n), None, None) for n in range(1, n_bought + 1)]
        tables = {"interaction_edges": shop.edges(bought)}
        pairs = on_duckdb("co_purchase_edges", tables, {"window_days": 30, "max_parts_per_user": 3, "min_users": 1})
        return {(row["product_id_a"], row["product_id_b"]) for row in pairs}

    assert pairs(3) == {("p1", "p2"), ("p1", "p3"), ("p2", "p3")}
    assert pairs(6) - pairs(5) == {("p4", "p6"), ("p5", "p6")}
    assert all(pairs(n) < pairs(n + 1) for n in range(1, 6))


@pytest.mark.parametrize("name", SOURCE_TABLES)
def test_the_profile_of_a_table_counts_the_blanks_of_every_column(name: str) -> None:
    (profile,) = on_duckdb(
        f"source_profile_{name}", tables_for(f"source_profile_{name}"), parameters_of(f"source_profile_{name}")
    )
    counted = {column for column in profile if column.startswith("n_null_")}
    assert counted == {f"n_null_{column.name}" for column in SOURCE_TABLES[name].columns}


def test_orders_that_are_no_evidence_are_kept_apart() -> None:
    kinds = {**dict.fromkeys(("user_id", "product_id", "event_type", "fault"), "STRING"), "event_ts": "TIMESTAMP"}
    kinds |= {"quantity": "INT64", "is_repetition": "BOOL", "returned_at": "TIMESTAMP"}
    old, bot = "outside window", "bot: over 3 events in a week"
    orders = [
        ("u1", "p1", "order", None, shop.days_ago(3), None, False, None),  # an edge
        ("u1", "p2", "order", old, shop.days_ago(400), 1, False, None),
        ("u1", "p2", "order", old, shop.days_ago(399), 1, True, None),
        ("u1", "p4", "view", old, shop.days_ago(400), None, False, None),
        ("u1", "p3", "order", "quantity is 0", shop.days_ago(9), 0, False, None),
        ("u1", "p3", "order", old, shop.days_ago(400), -1, False, None),
        ("u2", "p1", "order", bot, shop.days_ago(1), None, False, None),
        ("u2", "p2", "order", old, shop.days_ago(730), 1, False, shop.days_ago(5)),
        ("u2", "p3", "order", old, shop.days_ago(731), 1, False, None),
        ("u2", "p4", "order", old, shop.AS_OF, 1, False, None),
        ("u9", "p1", "order", "unknown user_id", shop.days_ago(1), 1, False, None),
    ]
    tables = tables_for("other_orders") | {"classified": shop.table(kinds, orders)}
    orders_before = on_duckdb("other_orders", tables, parameters_of("other_orders"))
    assert [tuple(row.values()) for row in orders_before] == [
        ("u1", "p2", shop.days_ago(400), None),
        ("u2", "p1", shop.days_ago(1), None),
        ("u2", "p2", shop.days_ago(730), shop.days_ago(5)),
    ]


def test_profiles_are_histories_or_garages() -> None:
    profiles = {user: values for user, *values in rows("user_profiles")}
    assert profiles["u1"] == ["user:u1", "hot", 2, 2]
    assert profiles["u4"] == ["user:u4", "hot", 4, 1]  # the order at AS_OF is not known yet
    assert profiles["u3"] == [
        "user:u3",
        "cold",
        0,
        0,
    ]  # nor is the vehicle added at AS_OF; an old order asks for a list of u3's own
    assert profiles["u5"][1:] == ["cold", 0, 1]
    assert profiles["u5"][0].startswith("garage:")


def test_a_pair_lasts_until_one_of_it_is_returned_and_the_next_purchase_counts_from_then_on() -> None:
    # u1 buys p1 and p4, returns p1, had bought another p1 by then; u2 returns p4 after a week.
    bought = [
        ("a", "u1", "p1", "order", shop.days_ago(40), None, 1, shop.days_ago(10)),
        ("b", "u1", "p4", "order", shop.days_ago(39), None, 1),
        ("c", "u1", "p1", "order", shop.days_ago(38), None, 1),
        ("d", "u2", "p1", "order", shop.days_ago(40), None, 1),
        ("e", "u2", "p4", "order", shop.days_ago(40), None, 1, shop.days_ago(33)),
        ("f", "u3", "p1", "order", shop.days_ago(40), None, 1, shop.days_ago(41)),
        ("g", "u3", "p4", "order", shop.days_ago(40), None, 1),
    ]
    pairs = on_duckdb(
        "co_purchase_edges",
        {"interaction_edges": shop.edges(bought)},
        {"window_days": 30, "max_parts_per_user": 9, "min_users": 1},
    )
    first, second = dt.date(2026, 1, 19), dt.date(2026, 2, 16)
    assert [tuple(row.values()) for row in pairs] == [
        ("p1", "p4", first, 1, shop.days_ago(33)),
        ("p1", "p4", first, 1, shop.days_ago(10)),
        ("p1", "p4", second, 1, None),
    ]


def test_an_account_of_many_people_has_no_profile() -> None:
    query = "shared_accounts"
    nodes = shop.table({"user_id": "STRING"}, [("GUEST ",), ("u1",), ("u2",), ("u3",)])
    classified = shop.table(
        {"user_id": "STRING", "fault": "STRING"}, [("u2", "account shared by many"), ("u3", None), ("u1", "bot")]
    )
    exported = on_duckdb(query, {"user_nodes": nodes, "classified": classified}, parameters_of(query))
    assert [row["user_id"] for row in exported] == ["GUEST ", "u2"]
    shared = shop.table({"user_id": "STRING"}, [("u1",)])
    people = on_duckdb("user_profiles", tables_for("user_profiles") | {"shared_accounts": shared}, {"as_of": shop.AS_OF})
    assert [row["user_id"] for row in people] == ["u2", "u3", "u4", "u5"]

"""Small queries on the hand-made shop, with what must come out written down."""

import datetime as dt
from typing import Any

from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb, parameters_of, tables_for


def rows(query: str, **changed: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in on_duckdb(query, tables_for(query), parameters_of(query) | changed)]


def test_co_purchases_are_counted_in_the_week_of_the_later_one() -> None:
    before, running = dt.date(2026, 2, 16), dt.date(2026, 2, 23)
    # p1 and p4: u1 a day apart on Sunday 22 and Monday 23, u2 thirty days apart, u4 a day apart.
    everything = {"max_parts_per_user": 100, "min_users": 1}
    assert rows("co_purchase_edges", **everything) == [("p1", "p4", running, 3)]
    assert rows("co_purchase_edges", **everything, window_days=29) == [("p1", "p4", running, 2)]
    assert rows("co_purchase_edges", max_parts_per_user=100, min_users=4) == []
    assert before < shop.days_ago(8).date() < running


def test_what_is_bought_later_takes_no_pair_back() -> None:
    # One person buys p1 to p6, a day apart; each pairs with the two before it, however many come after.
    def pairs(n_bought: int) -> set[tuple[str, str]]:
        bought = [(f"e{n}", "u1", f"p{n}", "order", shop.days_ago(9 - n), None, None) for n in range(1, n_bought + 1)]
        tables = {"interaction_edges": shop.source("events", bought)}
        found = on_duckdb("co_purchase_edges", tables, {"window_days": 30, "max_parts_per_user": 3, "min_users": 1})
        return {(row["product_id_a"], row["product_id_b"]) for row in found}

    assert pairs(3) == {("p1", "p2"), ("p1", "p3"), ("p2", "p3")}
    assert pairs(6) - pairs(5) == {("p4", "p6"), ("p5", "p6")}
    assert all(pairs(n) < pairs(n + 1) for n in range(1, 6))


def test_profiles_are_histories_or_garages() -> None:
    found = {user: values for user, *values in rows("user_profiles")}
    assert found["u1"] == ["user:u1", "hot", 2, 2]
    assert found["u4"] == ["user:u4", "hot", 4, 1]  # the order at AS_OF is not known yet
    assert found["u3"] == ["garage:none", "cold", 0, 0]  # nor is the vehicle added at AS_OF
    assert found["u5"][1:] == ["cold", 0, 1]
    assert found["u5"][0].startswith("garage:")


def test_one_mail_an_address_and_none_without_consent() -> None:
    query = "final_vehicle_recommendations"
    users = shop.source(
        "users",
        [
            ("u1", "Ann@Example.com", None, True),
            ("u2", "ann@example.COM", None, None),  # the same address: the smaller id is mailed
            ("u5", "eve@example.com", None, False),
        ],
    )
    (found,) = on_duckdb(query, tables_for(query) | {"users": users}, parameters_of(query))
    assert found == {
        "email_lower": "ann@example.com",
        "v1_year": 1970,  # v2 is in the first slot
        "v1_make": "Chevrolet",
        "v1_model": "Camaro",
        "rec_part_1": "p1",
        "rec1_price": 100.0,
        "rec1_score": 0.5,
        "rec1_image": "https://x/1.png",
        "rec1_type": "fitment",
        "rec1_pop_source": "gnn",
        "rec_part_2": "p3",
        "rec2_price": 49.99,
        "rec2_score": found["rec2_score"],  # NaN in the staged rows
        "rec2_image": "http://x/3.png",
        "rec2_type": "universal",
        "rec2_pop_source": "gnn",
        "generated_at": shop.NOW,
        "pipeline_version": "1",
    }

"""Of several rows of one key: which one counts, and what the others are called."""

import datetime as dt
from collections import Counter
from typing import Any

import pytest

from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import faults, on_duckdb, parameters_of, table_on_duckdb, tables_for

DAY = dt.timedelta(days=1)


def test_the_newest_row_without_a_fault_is_the_one_that_counts() -> None:
    kept = {row["product_id"]: row for row in faults("products") if row["fault"] is None}
    assert kept["p2"]["price"] == 90.0  # the other row has no created_at
    assert kept["p4"]["price"] == 60.0
    # A newer row of p4 says NaN: it is known by its older one, and not sold. An undated row is older than any other.
    assert {name for name, row in kept.items() if row["is_withdrawn"]} == {"p4"}


@pytest.mark.parametrize(
    ("rows", "withdrawn"),
    [
        ([(60.0, 5)], False),
        ([(60.0, 5), (0.0, 1)], True),
        ([(60.0, 5), (None, 1)], True),
        ([(60.0, 5), (-1.0, 1), (70.0, 3)], True),
        ([(60.0, 5), (0.0, 9)], False),  # on sale again since
        ([(60.0, 5), (0.0, None)], False),  # an undated row is older than any
        ([(60.0, None), (0.0, 5)], True),
        ([(60.0, 5), (0.0, 5)], True),  # neither is newer
        ([(60.0, 5), (None, 5)], True),
        ([(60.0, None), (0.0, None)], True),
        ([(60.0, 5), (0.0, -1)], False),  # after the week
        ([(60.0, 5), (0.0, 3), (80.0, 1)], False),
    ],
)
def test_where_the_newest_row_of_a_part_has_a_faulty_price_it_is_not_sold(
    rows: list[tuple[float | None, int | None]], withdrawn: bool
) -> None:
    products = [("p1", "Tools", price, *[None] * 6, None if age is None else shop.days_ago(age)) for price, age in rows]
    (kept,) = (row for row in faults("products", shop.source("products", products)) if row["fault"] is None)
    assert (kept["is_withdrawn"], kept["price"]) == (withdrawn, max(price for price, _ in rows if price and price > 0))


@pytest.mark.parametrize(
    ("rows", "slot", "since"),
    [
        ([(1, 400)], 1, 400),
        ([(2, 400), (1, 3)], 1, 400),
        ([(1, 3), (2, 400), (3, 30)], 1, 400),
        ([(2, 400), (None, 3)], None, 400),
        ([(1, None), (2, 3)], 2, None),  # it had no date: since ever
        ([(1, 3), (2, -1)], 1, 3),  # what is saved after the week is not known yet
    ],
)
def test_a_garage_that_is_saved_again_keeps_its_past(
    rows: list[tuple[int | None, int | None]], slot: int | None, since: int | None
) -> None:
    owned = [("u1", "v1", place, None if age is None else shop.days_ago(age)) for place, age in rows]
    classified = faults("ownership", shop.source("ownership", owned))
    (kept,) = (row for row in classified if row["fault"] is None)
    assert (kept["slot"], kept["owned_since"]) == (slot, None if since is None else shop.days_ago(since))
    assert {row["fault"] for row in classified} <= {None, "repeated user_id and vehicle_id", "outside window"}


def a_part(
    price: float = 60.0, *, refurbished: Any = None, universal: Any = None, available: Any = None, title: Any = None
) -> Any:
    return ("p1", "Tools", price, None, title, None, None, refurbished, universal, shop.days_ago(9), available)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (a_part(80.0, refurbished=True, available=True, universal=True), a_part(60.0, available=False, universal=False)),
        (a_part(80.0, available=False, universal=True), a_part(60.0, universal=False)),
        (a_part(80.0, universal=False), a_part(60.0, universal=True)),
        (a_part(80.0), a_part(60.0, universal=True)),
        (a_part(60.0, title="a"), a_part(80.0, title="b")),
        (a_part(title="b"), a_part(title="a")),
    ],
)
def test_of_two_rows_of_one_moment_the_one_for_fewer_lists_counts(one: Any, other: Any) -> None:
    for rows in ([one, other], [other, one]):
        tables = tables_for("clean_products") | {"products": shop.source("products", rows)}
        classified = table_on_duckdb("clean_products", tables, parameters_of("clean_products"))
        kept = [tuple(row.values())[:11] for row in classified.to_pylist() if row["fault"] is None]
        assert kept == [one]
        assert classified["fault"].to_pylist().count("tied row of the same product_id") == 1
        assert on_duckdb("tied_rows", {"classified": classified}, {}) == [{"n_rows": 2, "n_tied": 1}]


def test_an_older_row_and_a_tied_one_have_their_own_names() -> None:
    at, before = shop.days_ago(9), shop.days_ago(10)
    users = [
        ("u1", "a@x.com", at, True),
        ("u1", "b@x.com", at, True),
        ("u1", "c@x.com", before, True),
        ("u2", "d@x.com", at, True),
    ]
    n_rows = Counter(row["fault"] for row in faults("users", shop.source("users", users)))
    assert n_rows == {None: 2, "tied row of the same user_id": 1, "older row of the same user_id": 1}
    garages = [("u1", "v1", 2, at), ("u1", "v1", 1, at), ("u1", "v1", None, at), ("u1", "v1", 0, before)]
    owned = faults("ownership", shop.source("ownership", garages))
    assert {row["slot"]: row["fault"] for row in owned} == {
        1: None,
        2: "tied row of the same user_id and vehicle_id",
        None: "tied row of the same user_id and vehicle_id",
        0: "repeated user_id and vehicle_id",
    }

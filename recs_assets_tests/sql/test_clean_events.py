"""What becomes of the events that shops export: ordinary rows are set aside, contradictions faults, repetitions count once."""

import datetime as dt
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recs_assets.contract import SOURCE_TABLES
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb, parameters_of, tables_for

DAY, MINUTE, SECOND = dt.timedelta(days=1), dt.timedelta(minutes=1), dt.timedelta(seconds=1)
MOMENT = shop.days_ago(9) + 12 * 60 * MINUTE

Event = tuple[Any, ...]


def event(
    event_id: str, user: str | None = "u1", product: str = "p1", kind: str = "order", at: Any = MOMENT, **more: Any
) -> Event:
    return (event_id, user, product, kind, at, more.get("order_id"), more.get("quantity"))


def cleaned(events: list[Event], **changed: Any) -> list[dict[str, Any]]:
    tables = tables_for("clean_events") | {"events": shop.source("events", events)}
    return on_duckdb("clean_events", tables, parameters_of("clean_events") | {"max_events_per_user_week": 1000} | changed)


def faults(events: list[Event], **changed: Any) -> dict[str, str | None]:
    """The fault of each event, by its id."""
    return {row["event_id"]: row["fault"] for row in cleaned(events, **changed)}


@pytest.mark.parametrize("written", ["order", "Order", " ORDER\t", "\u00a0oRdEr\n"])
def test_event_types_are_read_in_any_case(written: str) -> None:
    (row,) = cleaned([event("a", kind=written)])
    assert (row["fault"], row["event_type"]) == (None, "order")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Wishlist", "Wishlist"),
        ("add to-cart", "add to-cart"),
        ("ann@example.com", None),
        ("user000011", None),
        (None, None),
    ],
)
def test_a_type_that_nobody_knows_is_shown_where_it_is_words(written: str | None, shown: str | None) -> None:
    classified = cleaned([event("a", kind=written)])
    assert [(row["fault"], row["event_type"]) for row in classified] == [("unknown event_type", written)]
    columns = ("fault", "event_id", *(column.name for column in SOURCE_TABLES["events"].columns if column.name != "event_id"))
    tables = {"classified": pa.Table.from_pylist([{name: row[name] for name in columns} for row in classified])}
    (counted,) = on_duckdb("fault_counts_events", tables, {})
    assert (counted["fault"], counted["n_rows"], counted["value_1"]) == ("unknown event_type", 1, shown)


def test_ordinary_rows_are_set_aside_by_name() -> None:
    assert faults(
        [
            event("nobody", user=None),
            event("blank", user=" ", kind="cart"),
            event("gone", product="p99"),
            event("guest", user="guest"),
            event("GUEST", user=" Guest\t"),
            event("stranger", user="u99"),
        ]
    ) == {
        "nobody": "no user",
        "blank": "no user",
        "gone": "part not sold",
        "guest": "account shared by many",
        "GUEST": "account shared by many",
        "stranger": "unknown user_id",
    }


def test_what_lies_outside_the_window_is_no_fault_whatever_it_holds() -> None:
    long_ago = dt.datetime(1999, 5, 1, tzinfo=dt.UTC)
    assert faults(
        [
            event("before 2000", at=long_ago),
            event("too old", at=shop.days_ago(731), user="u99"),
            event("old", at=shop.days_ago(400), user="u99", kind="wishlist"),
            event("since", at=shop.AS_OF, user="u99", kind="wishlist"),
            event("future", at=shop.NOW + SECOND),
            event("dateless", at=None),
        ]
    ) == {"old": "outside window", "since": "outside window", "future": "event in the future", "dateless": "empty event_ts"}


def test_an_event_id_of_two_events_is_a_fault_of_the_later_one() -> None:
    # The number of an order as the id of its lines: four lines, of which one comes twice, later.
    lines = [event("o1", product=part) for part in ("p1", "p2", "p3", "p4")]
    events = cleaned([*lines[::-1], event("o1", at=MOMENT + MINUTE)])
    assert Counter(row["fault"] for row in events) == {None: 1, "event_id of another event": 3, "repeated event_id": 1}
    assert [row["product_id"] for row in events if row["fault"] is None] == ["p1"]


@pytest.mark.parametrize("other", [{"user": "u2"}, {"product": "p2"}, {"kind": "view"}])
def test_another_user_part_or_type_makes_another_event(other: dict[str, str]) -> None:
    events = cleaned([event("a"), event("a", at=MOMENT + DAY, **other)])
    assert {row["event_ts"]: row["fault"] for row in events} == {MOMENT: None, MOMENT + DAY: "event_id of another event"}


def test_of_one_event_id_at_one_moment_the_row_of_more_units_stays() -> None:
    events = cleaned([event("a", quantity=1, order_id="z"), event("a", quantity=3, order_id="a")])
    assert {row["quantity"]: row["fault"] for row in events} == {3: None, 1: "repeated event_id"}


def test_an_order_line_that_two_systems_deliver_is_one_purchase() -> None:
    shop_and_erp = [event("shop", order_id="o1", quantity=1), event("erp", order_id="o1", quantity=1, at=MOMENT + 7 * MINUTE)]
    assert faults(shop_and_erp) == {"erp": None, "shop": "repeated purchase"}
    more = [event("shop", order_id="o1", quantity=2), event("erp", order_id="o1", quantity=1, at=MOMENT + 7 * MINUTE)]
    assert faults(more) == {"erp": "repeated purchase", "shop": None}


@pytest.mark.parametrize(
    "other",
    [
        {"order_id": "o2"},
        {"order_id": None},
        {"product": "p2"},
        {"user": "u2"},
        {"at": MOMENT + DAY},
        {"kind": "cart"},
    ],
)
def test_another_order_line_is_another_purchase(other: dict[str, Any]) -> None:
    second = {"order_id": "o1", "at": MOMENT + MINUTE} | other
    assert faults([event("a", order_id="o1"), event("b", **second)]) == {"a": None, "b": None}


@pytest.mark.parametrize("kind", ["view", "cart", "order"])
def test_nobody_does_the_same_twice_in_a_second(kind: str) -> None:
    again = [event(name, kind=kind, at=MOMENT + n * SECOND / 10) for n, name in enumerate("cab")]
    assert faults([*again, event("d", kind=kind, at=MOMENT + SECOND)]) == {
        "a": None,
        "b": "repeated in the same second",
        "c": "repeated in the same second",
        "d": None,
    }


def test_no_units_of_an_order_or_a_cart_are_a_fault_and_of_a_view_mean_nothing() -> None:
    kinds = ("view", "cart", "order")
    assert faults([event(kind, kind=kind, quantity=0) for kind in kinds]) == {
        "view": None,
        "cart": "quantity is 0",
        "order": "quantity is 0",
    }


def test_a_bot_is_set_aside_whatever_its_share() -> None:
    bot = [event(f"b{n:02}", user="u2", kind="view", at=MOMENT + n * SECOND) for n in range(40)]
    events = faults([*bot, event("a")], max_events_per_user_week=30)
    assert Counter(events.values()) == {None: 1, "bot: over 30 events in a week": 40}


def test_who_buys_a_large_share_of_everything_is_no_person() -> None:
    orders = [
        *(event(f"many{n}", user="u1", product=f"p{1 + n % 4}", at=MOMENT + n * MINUTE) for n in range(8)),
        *(event(f"one{n}", user="u2", product="p1", at=MOMENT + n * MINUTE) for n in range(8)),
        event("few1", user="u3", product="p1"),
        event("few2", user="u3", product="p2"),
        event("seen", user="u1", product="p3", kind="view"),
    ]
    limits = {"max_account_orders_share": 0.4, "max_account_parts": 3}
    events = faults(orders, **limits)
    assert {name.rstrip("0123456789") for name, fault in events.items() if fault == "account shared by many"} == {"many", "seen"}
    assert set(faults(orders, **limits | {"max_account_parts": 4}).values()) == {None}
    assert set(faults(orders, **limits | {"max_account_orders_share": 0.45}).values()) == {None}


def test_amounts_beyond_all_reason_do_no_harm() -> None:
    events = cleaned([event("a", quantity=-(2**63)), event("b", quantity=2**63 - 1, product="p2")])
    assert len(events) == 2


def kept(rows: list[tuple[str, int, int | None]], kind: str = "order") -> dict[str, int | None]:
    """By purchase, how many days before AS_OF it was wholly returned; rows are ids, days before AS_OF and quantities."""
    events = cleaned([event(name, kind=kind, at=shop.days_ago(days), quantity=units) for name, days, units in rows])
    assert {row["fault"] for row in events} <= {None, "return", "taken out of the cart", "outside window"}
    returned = {row["event_id"]: row["returned_at"] for row in events if row["quantity"] is None or row["quantity"] > 0}
    return {name: moment and (shop.AS_OF - moment).days for name, moment in sorted(returned.items())}


@pytest.mark.parametrize(
    ("rows", "returned"),
    [
        ([("a", 9, 1), ("x", 5, -1)], {"a": 5}),
        ([("x", 5, -1), ("a", 9, None)], {"a": 5}),  # the order of rows says nothing, NULL is 1
        ([("a", 5, 1), ("x", 9, -1)], {"a": None}),  # of something bought before the rows that are read
        ([("x", 9, -2), ("a", 8, 2), ("y", 7, -1), ("z", 5, -1)], {"a": 5}),  # and what comes back later is of what was bought
        ([("a", 9, 1), ("x", 8, -5), ("b", 7, 1), ("c", 6, 1), ("y", 5, -1)], {"a": 8, "b": 5, "c": None}),
        ([("a", 9, 3), ("x", 5, -1)], {"a": None}),  # two are kept
        ([("a", 9, 3), ("x", 5, -1), ("y", 3, -2)], {"a": 3}),
        ([("a", 9, 1), ("x", 5, -7)], {"a": 5}),  # more than was bought
        ([("a", 9, 1), ("x", 5, -1), ("b", 3, 1)], {"a": 5, "b": None}),  # bought again
        ([("a", 9, 1), ("b", 8, 1), ("x", 5, -1)], {"a": 5, "b": None}),  # the oldest first
        ([("a", 9, 2), ("b", 8, 1), ("x", 5, -3), ("c", 4, 1)], {"a": 5, "b": 5, "c": None}),
        ([("x", 5, -1)], {}),  # nothing to take back
        ([("a", 400, 1), ("b", 8, 1), ("x", 5, -1)], {"a": 5, "b": None}),  # what is older than the window counts too
        ([("a", 500, 1), ("x", 400, -1), ("b", 8, 1)], {"a": 400, "b": None}),
        ([("a", 9, 1), ("x", 0, -1)], {"a": None}),  # not known yet
    ],
)
@pytest.mark.parametrize("kind", ["order", "cart"])
def test_what_is_taken_back_is_taken_from_the_oldest(
    rows: list[tuple[str, int, int | None]], returned: dict[str, int | None], kind: str
) -> None:
    assert kept(rows, kind) == returned


@pytest.mark.parametrize("other", [{"user": "u2"}, {"product": "p2"}, {"kind": "cart"}])
def test_only_the_same_part_of_the_same_person_is_returned(other: dict[str, str]) -> None:
    events = cleaned([event("a"), event("x", at=MOMENT + DAY, quantity=-1, **other)])
    assert [row["returned_at"] for row in events] == [None, None]


def test_what_is_left_out_takes_nothing_back_and_a_return_told_twice_counts_once() -> None:
    twice = [
        event("a", quantity=2),
        event("x", at=MOMENT + DAY, quantity=-1, order_id="r"),
        event("y", at=MOMENT + DAY + MINUTE, quantity=-1, order_id="r"),
        event("z", user=None, at=MOMENT + DAY, quantity=-1),
        event("v", kind="view", at=MOMENT + DAY, quantity=-1),
    ]
    events = {row["event_id"]: (row["fault"], row["returned_at"]) for row in cleaned(twice)}
    assert events == {
        "a": (None, None),
        "x": ("return", None),
        "y": ("repeated purchase", None),
        "z": ("no user", None),
        "v": (None, None),
    }


def test_returns_in_every_order_leave_every_purchase_returned() -> None:
    bought = [event(f"a{n}", user=f"u{1 + n % 3}", product=f"p{1 + n % 4}", at=MOMENT + n * MINUTE) for n in range(24)]
    back = [(f"x{row[0]}", *row[1:4], row[4] + DAY, None, -1) for row in bought]
    events = cleaned([*bought, *back])
    assert Counter(row["fault"] for row in events) == {None: 24, "return": 24}
    assert sum(row["returned_at"] is not None for row in events) == 24


@pytest.mark.long
@settings(max_examples=25, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(1, 300), st.sampled_from([-3, -2, -1, 1, 2, 3])), max_size=9, unique_by=lambda row: row[0]))
def test_a_purchase_is_bought_at_a_moment_as_if_nothing_came_after(rows: list[tuple[int, int]]) -> None:
    events = kept([(f"e{days:03}", days, units) for days, units in rows])
    for moment in range(0, 301, 25):
        known = sorted((row for row in rows if row[0] > moment), reverse=True)
        for days, left in left_of(known).items():
            returned = events[f"e{days:03}"]
            assert (returned is not None and returned > moment) is (left == 0)


def left_of(moves: list[tuple[int, int]]) -> dict[int, int]:
    """By day of purchase, how many units are left of it after some moves, the earliest first; unit by unit."""
    left: dict[int, int] = {}
    for days, units in moves:
        if units > 0:
            left[days] = units
        for _ in range(-units):
            oldest = next((day for day, n in left.items() if n), None)
            if oldest is not None:
                left[oldest] -= 1
    return left


def test_two_clocks_of_a_day_do_not_keep_a_return_from_its_purchase() -> None:
    midnight = MOMENT.replace(hour=0)
    events = cleaned([event("a"), event("x", at=midnight, quantity=-1), event("y", at=midnight - DAY, quantity=-1)])
    assert {row["event_id"]: row["returned_at"] for row in events} == {"a": midnight, "x": None, "y": None}

"""What becomes of each row of bad input: its fault, in plain words, and never in silence."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recs_assets.contract import SOURCE_TABLES
from recs_assets.resources.queries import query_text
from recs_assets.resources.source_queries import CLEANED
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb, parameters_of, table_on_duckdb, tables_for

DAY = dt.timedelta(days=1)


def faults(table: str, rows: pa.Table | None = None) -> list[dict[str, Any]]:
    query = f"clean_{table}"
    tables = tables_for(query) | ({} if rows is None else {table: rows})
    return on_duckdb(query, tables, parameters_of(query))


def counted(table: str) -> Counter[str | None]:
    return Counter(row["fault"] for row in faults(table))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "users",
            {
                None: 7,
                "exact duplicate": 1,
                "older row of the same user_id": 1,
                "empty user_id": 2,
                "NUL character in user_id": 1,
                "created_at in the future": 1,
                "outside window": 1,
            },
        ),
        ("vehicles", {None: 5, "exact duplicate": 1, "tied row of the same vehicle_id": 1, "empty vehicle_id": 1}),
        (
            "products",
            {
                None: 4,
                "exact duplicate": 2,
                "older row of the same product_id": 1,
                "no price": 2,
                "price is not a positive finite number": 4,
                "created_at in the future": 1,
                "outside window": 1,
                "empty product_id": 1,
            },
        ),
        (
            "ownership",
            {
                None: 3,
                "exact duplicate": 1,
                "repeated user_id and vehicle_id": 1,
                "outside window": 2,
                "added_at in the future": 1,
                "unknown user_id": 1,
                "unknown vehicle_id": 1,
                "empty user_id": 1,
                "empty vehicle_id": 1,
            },
        ),
        (
            "fitment",
            {
                None: 2,
                "exact duplicate": 1,
                "part not sold": 2,
                "unknown vehicle_id": 2,
                "outside window": 1,
                "empty product_id": 1,
                "empty vehicle_id": 1,
                "NUL character in vehicle_id": 1,
            },
        ),
        (
            "events",
            {
                None: 7,
                "exact duplicate": 2,
                "repeated event_id": 1,
                "repeated purchase": 1,
                "repeated in the same second": 1,
                "event_id of another event": 1,
                "account shared by many": 1,
                "quantity is 0": 1,
                "return": 1,
                "taken out of the cart": 1,
                "outside window": 7,
                "event in the future": 1,
                "unknown event_type": 2,
                "unknown user_id": 2,
                "part not sold": 2,
                "no user": 1,
                "empty product_id": 1,
                "empty event_id": 1,
                "NUL character in event_id": 1,
                "empty event_ts": 1,
                "bot: over 3 events in a week": 4,
            },
        ),
    ],
)
def test_each_fault_is_named(table: str, expected: dict[str | None, int]) -> None:
    assert counted(table) == expected


AT, BEFORE, LATER = shop.AS_OF, shop.days_ago(3), shop.AS_OF + DAY
VIEW, ORDER = ("e1", "u1", "p1", "view", BEFORE, None, None), ("e1", "u1", "p1", "order", BEFORE, None, None)


@pytest.mark.parametrize(
    ("created", "traces", "known"),
    [
        ([LATER], {}, None),
        ([LATER], {"events": [VIEW]}, BEFORE),
        ([LATER], {"events": [("e1", "u1", "p1", "view", AT, None, None)]}, None),
        ([LATER], {"events": [("e1", "u2", "p1", "view", BEFORE, None, None)]}, None),
        ([LATER], {"ownership": [("u1", "v1", 1, BEFORE)]}, BEFORE),
        ([LATER], {"ownership": [("u1", "v1", 1, None)]}, None),  # since when, nobody can tell
        ([LATER, AT], {"events": [VIEW]}, BEFORE),  # one of two rows is known
        ([LATER, None], {"events": [VIEW]}, None),
        ([shop.days_ago(2)], {"events": [VIEW], "ownership": [("u1", "v1", 1, shop.days_ago(90))]}, shop.days_ago(90)),
        ([shop.days_ago(9)], {"events": [VIEW]}, shop.days_ago(9)),
    ],
)
def test_who_has_events_or_a_vehicle_existed_before(
    created: list[dt.datetime | None], traces: dict[str, list[Any]], known: dt.datetime | None
) -> None:
    rows = [("u1", f"{n}@example.com", moment, True) for n, moment in enumerate(created)]
    sources = {"users": rows, "events": [], "ownership": []} | traces
    tables = {name: shop.source(name, given) for name, given in sources.items()}
    classified = table_on_duckdb("clean_users", tables, parameters_of("clean_users"))
    nodes = on_duckdb("user_nodes", {"classified": classified}, {})
    assert [row["created_at"] for row in nodes] == ([known] if known or None in created else [])
    assert classified["fault"].to_pylist().count("outside window") == len(created) - len(nodes)


@pytest.mark.parametrize(
    ("created", "events", "price"),
    [
        ([LATER], [], None),
        ([LATER], [VIEW], None),  # a page may be looked at before its part is on sale
        ([LATER], [ORDER], 60.0),
        ([LATER, AT], [ORDER], 61.0),  # the earlier of two rows is nearer to the week
        ([LATER, shop.days_ago(9)], [ORDER], 61.0),
        ([LATER, None], [ORDER], 61.0),
    ],
)
def test_what_was_ordered_existed_before(created: list[dt.datetime | None], events: list[Any], price: float | None) -> None:
    rows = [("p1", "Tools", 60.0 + n, *[None] * 6, moment) for n, moment in enumerate(created)]
    sources = {"products": rows, "events": events, "fitment": [], "vehicles": []}
    tables = {name: shop.source(name, given) for name, given in sources.items()}
    found = on_duckdb("clean_products", tables, parameters_of("clean_products"))
    assert [row["price"] for row in found if row["fault"] is None] == ([] if price is None else [price])


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


def test_a_bot_week_begins_on_monday() -> None:
    monday = shop.WEEK_START
    moments = [monday - 2 * DAY, monday - DAY, monday, monday + DAY]
    rows = shop.source("events", [(f"e{n}", "u1", "p1", "view", moment, None, None) for n, moment in enumerate(moments)])
    assert {row["fault"] for row in faults("events", rows)} == {None}
    rows = shop.source("events", [(f"e{n}", "u1", "p1", "view", monday + n * DAY, None, None) for n in range(4)])
    assert {row["fault"] for row in faults("events", rows)} == {"bot: over 3 events in a week"}


def test_one_of_two_exact_copies_of_an_event_always_stays() -> None:
    moments = [shop.WEEK_START + n * dt.timedelta(seconds=1) for n in range(5_000)]
    delivered = [(f"e{n}", "u1", "p1", "view", moment, None, None) for n, moment in enumerate(moments)]
    tables = tables_for("clean_events") | {"events": shop.source("events", delivered + delivered)}
    classified = on_duckdb("clean_events", tables, parameters_of("clean_events") | {"max_events_per_user_week": 10_000})
    assert Counter(row["fault"] for row in classified) == {None: 5_000, "exact duplicate": 5_000}


def kept(table: str) -> list[dict[str, Any]]:
    query = f"quarantined_rows_{table}"
    return on_duckdb(query, tables_for(query), parameters_of(query))


def test_quarantined_rows_can_be_read_again() -> None:
    (row,) = (row for row in kept("events") if row["row_key"] == "e8")
    assert (row["reason"], row["outcome"], row["source_table"]) == ("unknown event_type", "quarantined", "events")
    assert row["row_json"] == (
        '{"event_id":"e8","user_id":"u1","product_id":"p2","event_type":"return",'
        '"event_ts":"2026-03-01T00:00:00","order_id":null,"quantity":null}'
    )


@pytest.mark.parametrize("table", CLEANED)
def test_what_is_left_out_is_kept_unless_it_is_only_counted(table: str) -> None:
    outcomes = Counter(SOURCE_TABLES[table].fault(fault).outcome for fault in counted(table).elements() if fault)
    assert Counter(row["outcome"] for row in kept(table)) == {
        outcome: count for outcome, count in outcomes.items() if outcome in ("quarantined", "set aside")
    }
    assert all(row["row_json"] and "@" not in row["row_json"] for row in kept(table)), "no address leaves the source"


@pytest.mark.parametrize("table", CLEANED)
def test_every_fault_that_a_table_declares_of_its_own_is_looked_for(table: str) -> None:
    texts = sqlglot.parse_one(query_text(f"clean_{table}"), read="bigquery").find_all(sqlglot.exp.Literal)
    assert {fault.name for fault in SOURCE_TABLES[table].faults} <= {str(text.this).partition(":")[0] for text in texts}


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
    found = Counter(row["fault"] for row in faults("users", shop.source("users", users)))
    assert found == {None: 2, "tied row of the same user_id": 1, "older row of the same user_id": 1}
    garages = [("u1", "v1", 2, at), ("u1", "v1", 1, at), ("u1", "v1", None, at), ("u1", "v1", 0, before)]
    owned = faults("ownership", shop.source("ownership", garages))
    assert {row["slot"]: row["fault"] for row in owned} == {
        1: None,
        2: "tied row of the same user_id and vehicle_id",
        None: "tied row of the same user_id and vehicle_id",
        0: "repeated user_id and vehicle_id",
    }


# Six vehicles under nine ids, and what garages and fitment name.
CAMARO = (1969, "Chevrolet", "Camaro", "V8")
VEHICLES = [
    ("b", *CAMARO),
    ("a", 1969, " chevrolet", "CAMARO\t", "v8 "),
    ("c", 1969, "Chevrolet", "Camaro", None),
    ("d", 1969, "Chevrolet", "camaro", None),
    ("e", 1970, "Chevrolet", "Camaro", "V8"),
    ("f", None, "Chevrolet", "Camaro", "V8"),
    ("g", None, "Chevrolet", "Camaro", "V8"),
    ("h", 1969, "Chevrolet", None, "V8"),
    ("i", 1969, "Chevrolet", None, "V8"),
]


def with_vehicle_ids(table: str, rows: list[Any]) -> pa.Table:
    """A table cleaned beside the vehicles' ids."""
    vehicles = table_on_duckdb("clean_vehicles", {"vehicles": shop.source("vehicles", VEHICLES)}, {})
    ids = table_on_duckdb("vehicle_ids", {"classified": vehicles}, {})
    query = f"clean_{table}"
    return table_on_duckdb(query, tables_for(query) | {table: shop.source(table, rows), "vehicle_ids": ids}, parameters_of(query))


def test_one_vehicle_under_several_ids_is_one() -> None:
    tables = {"vehicles": shop.source("vehicles", VEHICLES)}
    classified = table_on_duckdb("clean_vehicles", tables, {})
    nodes = on_duckdb("vehicle_nodes", {"classified": classified}, {})
    assert [row["vehicle_id"] for row in nodes] == ["a", "c", "e", "f", "g", "h", "i"]
    assert {row["vehicle_id"]: row["fault"] for row in classified.to_pylist() if row["fault"]} == {
        "b": "another id of the same vehicle",
        "d": "another id of the same vehicle",
    }


def test_what_fits_any_id_of_a_vehicle_fits_it_once() -> None:
    fitment = with_vehicle_ids("fitment", [("p1", "a"), ("p1", "b"), ("p2", "b"), ("p2", "e"), ("p2", "z")])
    assert [tuple(row.values()) for row in on_duckdb("fits_edges", {"classified": fitment}, {})] == [
        ("p1", "a"),
        ("p2", "a"),
        ("p2", "e"),
    ]
    assert Counter(fitment["fault"].to_pylist()) == {None: 3, "repeated product_id and vehicle_id": 1, "unknown vehicle_id": 1}


def test_a_garage_with_two_ids_of_a_vehicle_has_it_once_since_the_earliest() -> None:
    rows = [("u1", "b", 1, shop.days_ago(9)), ("u1", "a", 2, shop.days_ago(20)), ("u2", "d", 1, None), ("u2", "e", 3, None)]
    owned = with_vehicle_ids("ownership", rows)
    assert [tuple(row.values()) for row in on_duckdb("owns_edges", {"classified": owned}, {})] == [
        ("u1", "a", 1, shop.days_ago(20)),
        ("u2", "c", 1, None),
        ("u2", "e", 3, None),
    ]


def test_a_universal_part_that_names_its_vehicles_is_not_universal() -> None:
    rows = [(f"p{n}", "Tools", 60.0, *[None] * 5, n != 4, None) for n in range(1, 5)]
    fitment = [("p1", "a"), ("p2", "z"), ("p4", "a")]  # nobody knows a vehicle z
    sources = {"products": rows, "fitment": fitment, "vehicles": VEHICLES, "events": []}
    tables = {name: shop.source(name, given) for name, given in sources.items()}
    classified = {"classified": table_on_duckdb("clean_products", tables, parameters_of("clean_products"))}
    flags = {row["product_id"]: row["is_universal"] for row in on_duckdb("product_nodes", classified, {})}
    assert flags == {"p1": False, "p2": True, "p3": True, "p4": False}
    assert on_duckdb("overruled_universal", classified, {}) == [{"n_universal": 3, "n_overruled": 1}]


IDS = st.sampled_from([None, "", " ", "u1", "u2", "p1", "p2", "v1", "v5", "é'\"\\"])
MOMENTS = st.sampled_from([None, shop.START - DAY, shop.START, shop.AS_OF - DAY, shop.AS_OF, shop.NOW, shop.NOW + DAY])
VALUES = {
    "string": IDS,
    "timestamp": MOMENTS,
    "number": st.sampled_from([None, float("nan"), float("inf"), float("-inf"), -1.0, 0.0, 1e-9, 50.0, 1e308]),
    "integer": st.sampled_from([None, 0, 1]),
    "boolean": st.sampled_from([None, True, False]),
}


def rows_of(table: str) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    columns = SOURCE_TABLES[table].columns
    row = st.tuples(*(VALUES[column.kind] for column in columns))
    return st.lists(row, max_size=8).flatmap(lambda rows: st.permutations(rows + rows[:2]))


@pytest.mark.parametrize("table", CLEANED)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nothing_is_lost_and_keys_are_unique(table: str, data: st.DataObject) -> None:
    rows: Sequence[tuple[Any, ...]] = data.draw(rows_of(table))
    classified = faults(table, shop.source(table, rows))
    assert len(classified) == len(rows)
    names = [column.name for column in SOURCE_TABLES[table].columns]
    assert Counter(text(row[name] for name in names) for row in classified) == Counter(text(row) for row in rows)
    keys = [tuple(row[name] for name in SOURCE_TABLES[table].key) for row in classified if row["fault"] is None]
    if SOURCE_TABLES[table].key:
        assert len(keys) == len(set(keys))
    again = faults(table, shop.source(table, rows[::-1]))
    assert sorted(map(str, classified)) == sorted(map(str, again)), "the order of rows decides nothing"


def text(values: Any) -> str:
    return " | ".join(str(value) for value in values)

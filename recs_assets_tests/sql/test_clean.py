"""What becomes of each row of bad input: its fault, in plain words, and never in silence."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recs_assets.contract import SOURCE_TABLES
from recs_assets.resources.queries import query_text
from recs_assets.resources.source_queries import CLEANED
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import faults, on_duckdb, parameters_of, table_on_duckdb, tables_for
from recs_assets_tests.sql.rows import START

DAY = dt.timedelta(days=1)


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
    cleaned = on_duckdb("clean_products", tables, parameters_of("clean_products"))
    assert [row["price"] for row in cleaned if row["fault"] is None] == ([] if price is None else [price])


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


IDS = st.sampled_from([None, "", " ", "u1", "u2", "p1", "p2", "v1", "v5", "é'\"\\"])
MOMENTS = st.sampled_from([None, START - DAY, START, shop.AS_OF - DAY, shop.AS_OF, shop.NOW, shop.NOW + DAY])
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


@pytest.mark.long
@pytest.mark.parametrize("table", CLEANED)
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
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

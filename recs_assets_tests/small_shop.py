"""A healthy shop of a few rows as a folder of Parquet: what the tests of bad input start from and spoil."""

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from recs_assets_tests.sql.rows import source as source_rows
from recs_assets_tests.worlds import WEEK, Place, messages, metadata, settings_with

# The week is [START, END); events may lie up to a year before.
START, END = (dt.datetime(2026, month, day, tzinfo=dt.UTC) for month, day in ((9, 28), (10, 5)))
SECOND = dt.timedelta(seconds=1)
IN_WEEK, LAST_MONTH, LAST_YEAR = START + dt.timedelta(days=2), START - dt.timedelta(days=30), START - dt.timedelta(days=500)

Row = tuple[Any, ...]

ROWS: dict[str, list[Row]] = {
    "users": [
        ("u1", "ann@example.com", LAST_YEAR, True),
        ("u2", "bob@example.com", LAST_YEAR, True),
        ("u3", "eve@example.com", LAST_YEAR, True),
    ],
    "vehicles": [("v1", 1969, "Chevrolet", "Camaro", "V8"), ("v2", 2001, "Ford", "Mustang", "V8")],
    "ownership": [("u1", "v1", 1, LAST_YEAR), ("u2", "v2", 1, LAST_YEAR)],
    "products": [
        ("p1", "Carburetors", 100.0, "Holley", "One", None, None, False, False, LAST_YEAR),
        ("p2", "Gauges", 60.0, "Autometer", "Two", None, None, False, True, LAST_YEAR),
        ("p3", "Exhausts", 300.0, "Borla", "Three", None, None, False, False, LAST_YEAR),
    ],
    "fitment": [("p1", "v1"), ("p3", "v2")],
    "events": [
        ("e1", "u1", "p1", "view", LAST_MONTH, None, None),
        ("e2", "u1", "p1", "order", IN_WEEK, "o1", 1),
        ("e3", "u2", "p3", "cart", IN_WEEK, None, None),
        ("e4", "u3", "p2", "view", IN_WEEK, None, None),
    ],
    "email_events": [("u1", "s1", "sent", IN_WEEK, None)],
}

RAW_TABLES = {
    "user_nodes": "users",
    "vehicle_nodes": "vehicles",
    "product_nodes": "products",
    "fits_edges": "fitment",
    "owns_edges": "ownership",
    "interaction_edges": "events",
}
REFERENCES = {
    "fits_edges": ["product_nodes", "vehicle_nodes"],
    "owns_edges": ["user_nodes", "vehicle_nodes"],
    "interaction_edges": ["user_nodes", "product_nodes"],
}


def small_shop(folder: Path, extra: dict[str, list[Row]] | None = None, **source_limits: Any) -> Place:
    """The shop with some more rows in some tables; two thirds of a table may be faulty unless said otherwise."""
    source = folder / "source"
    source.mkdir(parents=True)
    for table, rows in ROWS.items():
        pq.write_table(source_rows(table, [*rows, *(extra or {}).get(table, [])]), source / f"{table}.parquet")
    settings = settings_with(folder, {"source": {"max_quarantined_share": 0.67, **source_limits}})
    return Place(source, folder / "home", settings)


def needed_by(export: str) -> list[str]:
    """The assets to run for an export, itself among them."""
    exports = [*REFERENCES.get(export, []), export]
    return [*(f"raw_{RAW_TABLES[name]}" for name in exports), *exports]


def exported(place: Place, export: str, week: str = WEEK) -> pa.Table:
    """Run an export with all that it needs, and read it."""
    result = place.materialize(needed_by(export), week)
    assert result.success
    return place.table(export, week)


def event(
    event_id: str | None, user: str | None = "u1", product: str | None = "p1", kind: str = "view", at: Any = IN_WEEK
) -> Row:
    return (event_id, user, product, kind, at, None, None)


def part(product_id: str | None, price: float | None, created_at: dt.datetime = LAST_YEAR) -> Row:
    return (product_id, "Carburetors", price, "Holley", "One", None, None, False, False, created_at)


def outcome(place: Place, export: str) -> tuple[list[tuple[str, str | None]], int, int]:
    """Quarantined rows, duplicates removed, and rows accepted of an export run with all that it needs."""
    result = place.materialize(needed_by(export), WEEK)
    assert messages(result) == {}
    return outcome_of(place, result, export)


def outcome_of(place: Place, result: dg.ExecuteInProcessResult, export: str) -> tuple[list[tuple[str, str | None]], int, int]:
    """The same of an export that has run, checked against the rows of the source."""
    shown, table = metadata(result, export), RAW_TABLES[export]
    quarantined = place.quarantined(table)
    accepted: int = place.table(export).num_rows
    assert len(quarantined) == sum(shown["quarantined"].values()) + sum(shown["set aside"].values())
    assert shown["rows in"] == accepted + len(quarantined) + shown["duplicates removed"]
    assert place.read_source(table).num_rows == shown["rows in"] + shown["outside the window"]
    return quarantined, shown["duplicates removed"], accepted

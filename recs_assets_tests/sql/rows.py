"""Rows written by hand as Arrow tables, and the moments they are about."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from recs_assets.contract import SOURCE_TABLES
from recs_assets.own_tables import arrow_schema

AS_OF = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
START = dt.datetime(2025, 3, 2, tzinfo=dt.UTC)
WEEK_START = dt.datetime(2026, 2, 23, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC)

ARROW_KINDS = {
    "string": pa.string(),
    "timestamp": pa.timestamp("us", "UTC"),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
}


def days_ago(days: float) -> dt.datetime:
    """So many days before AS_OF."""
    return AS_OF - dt.timedelta(days=days)


def table(columns: dict[str, str], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows as an Arrow table; types are BigQuery's."""
    return pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], arrow_schema(columns))


def source(name: str, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows of a source table, in the contract's order of columns; the last ones of a row may be left out."""
    schema = pa.schema([(column.name, ARROW_KINDS[column.kind]) for column in SOURCE_TABLES[name].columns])
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=False)) for row in rows], schema)

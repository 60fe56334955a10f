"""The queries: the texts of ``recs_assets/sql``, one a file, and those that follow from the source tables' declarations; and the
statements of ``sql/changes``, which change persistent tables.

BigQuery's dialect, bare table names, ``@name`` parameters.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from recs_assets.own_tables import ADDED_OF_SLOT, USER_ID
from recs_assets.resources.source_queries import QUERIES

T = TypeVar("T")
# The text of a name, with so many slots and with these columns added.
TextOf = Callable[[str, int, tuple[str, ...]], str]

ADDED = (*ADDED_OF_SLOT, USER_ID)

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

FOLDER = Path(__file__).parents[1] / "sql"
CHANGES = FOLDER / "changes"

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
PARAMETER = re.compile(r"@([A-Za-z_][A-Za-z0-9_]*)")
SLOT_BLOCK = re.compile(r"^ *-- slot begins\n(.*?)^ *-- slot ends\n", re.DOTALL | re.MULTILINE)
ADDED_LINE = re.compile(r"^(.*)  -- added (\w+)\n", re.MULTILINE)


def names() -> list[str]:
    """The names of all queries, sorted."""
    return sorted([*(path.stem for path in FOLDER.glob("*.sql")), *QUERIES])


@cache
def query_text(name: str, slots: int = 0, columns: tuple[str, ...] = ()) -> str:
    """The text of the query ``name``; the lines between its slot markers are repeated for SLOT = 1…``slots``, and one
    that is marked as a column's that may be added to the mail stays where that is among ``columns``.

    Raises:
        ValueError: there is no such query.
    """
    if name in QUERIES:
        return QUERIES[name]
    path = FOLDER / f"{identifier(name)}.sql"
    if not path.exists():
        raise ValueError(f"there is no query '{name}' in {FOLDER}; there are {', '.join(names())}.")
    return _as_wide(path.read_text(), slots, columns)


def change_names() -> list[str]:
    """The names of all statements of ``sql/changes``, sorted."""
    return sorted(path.stem for path in CHANGES.glob("*.sql"))


@cache
def change_text(name: str, slots: int = 0, columns: tuple[str, ...] = ()) -> str:
    """The text of a statement of ``sql/changes``, its slots and columns as in ``query_text``.

    Raises:
        ValueError: there is no such statement.
    """
    path = CHANGES / f"{identifier(name)}.sql"
    if not path.exists():
        raise ValueError(f"there is no statement '{name}' in {CHANGES}; there are {', '.join(change_names())}.")
    return _as_wide(path.read_text(), slots, columns)


def _as_wide(text: str, slots: int, columns: tuple[str, ...]) -> str:
    text = ADDED_LINE.sub(lambda line: f"{line[1]}\n" if line[2] in columns else "", text)
    return SLOT_BLOCK.sub(lambda block: "".join(block[1].replace("SLOT", str(slot)) for slot in range(1, slots + 1)), text)


def prepare(name: str, parameters: Mapping[str, T], text_of: TextOf = query_text) -> tuple[str, dict[str, T]]:
    """The text of a query, or of a change, and the values to bind: its parameters, no more and no less.

    A text with slot markers takes their number as ``slots``, one with columns that may be added those as ``columns``; what the
    text does not say itself is not bound.

    Raises:
        ValueError: there is no such query, or a parameter is missing or unknown; the message names both sides.
    """
    shape = wide_parameters(name, text_of)
    slots, columns = (parameters.get(key) if key in shape else None for key in ("slots", "columns"))
    text = text_of(name, slots if isinstance(slots, int) else 0, tuple(columns) if isinstance(columns, Iterable) else ())
    # No query holds two hyphens within a literal; a test says so.
    named = set(PARAMETER.findall(re.sub(r"--[^\n]*", "", text)))
    needed = named | shape
    if needed != set(parameters):
        missing, unknown = sorted(needed - set(parameters)), sorted(set(parameters) - needed)
        raise ValueError(f"query '{name}' takes the parameters {sorted(needed)}; missing: {missing}, unknown: {unknown}.")
    return text, {key: parameters[key] for key in sorted(named)}


def wide_parameters(name: str, text_of: TextOf = query_text) -> set[str]:
    """Which of ``slots`` and ``columns`` a text takes."""
    has = {"slots": text_of(name, 0, ()) != text_of(name, 1, ()), "columns": text_of(name, 1, ()) != text_of(name, 1, ADDED)}
    return {parameter for parameter, is_taken in has.items() if is_taken}


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table as plain values, moments in UTC: as ``to_pylist``, which loads pandas for moments (0.9 s)."""
    columns: dict[str, list[Any]] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_timestamp(column.type):
            since = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64()).to_pylist()
            columns[name] = [None if moment is None else EPOCH + dt.timedelta(microseconds=moment) for moment in since]
        else:
            columns[name] = column.to_pylist()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def identifier(name: str) -> str:
    """The name, if it may stand in SQL text as it is.

    Raises:
        ValueError: it holds anything but letters, digits and underscores.
    """
    if not IDENTIFIER.fullmatch(name):
        raise ValueError(
            f"'{name}' is not a table or query name: letters, digits and underscores only, not starting with a digit."
        )
    return name

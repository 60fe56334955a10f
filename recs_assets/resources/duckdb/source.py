"""The retailer's tables as DuckDB reads them: a folder with one Parquet file a table, brought to the contract's types."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from recs_assets.contract import SOURCE_TABLES, Column, ContractError, Kind
from recs_assets.resources.errors import SourceError

TYPES: dict[Kind, str] = {
    "string": "VARCHAR",
    "timestamp": "TIMESTAMPTZ",
    "number": "DOUBLE",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
}

KINDS: dict[str, str] = {
    "VARCHAR": "string",
    "BOOLEAN": "boolean",
    "FLOAT": "number",
    "DOUBLE": "number",
    '"NULL"': "null",
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), "integer"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "integer"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "timestamp"),
    **dict.fromkeys(("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"), "timestamp"),
}

# What stands around a text and is not seen: spaces of any width, line feeds and other control and format characters.
UNSEEN = r"[\p{Z}\p{Cc}\p{Cf}]*"

# The years that BigQuery and Python know. A moment outside of them becomes the nearest one inside, which is still far too
# early or too late, and so quarantined wherever a time has to make sense.
FIRST_MOMENT, LAST_MOMENT = "TIMESTAMPTZ '0001-01-01 00:00:00+00'", "TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'"

# Accidents of the machine, which may be gone when the step is tried again. Anything else that stops a query over a source
# table is in its data: a damaged page is a plain duckdb.Error as often as not.
OF_THE_MACHINE = (duckdb.OutOfMemoryException, duckdb.IOException, duckdb.InterruptException)
SHOWN_VALUE = re.compile(r'value ".*?"')


def source_columns(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, dict[str, str] | None]:
    """Every contract table with its columns and their kinds (or DuckDB's own word), or ``None`` where its file is absent.

    Raises:
        SourceError: the folder is missing or holds none of the tables.
        ContractError: a file is not Parquet, or has a column of the contract twice.
    """
    if not folder.is_dir():
        raise SourceError(f"there is no source folder {folder}. Set RECS_SOURCE to a folder of <table>.parquet files.")
    if not any(_path(folder, table).exists() for table in SOURCE_TABLES):
        wanted = ", ".join(f"{table}.parquet" for table in SOURCE_TABLES)
        raise SourceError(f"{folder} holds none of {wanted}. Set RECS_SOURCE to the folder that does.")
    return {table: _file_columns(connection, table, _path(folder, table)) for table in SOURCE_TABLES}


def source_select(folder: Path, table: str, present: Mapping[str, str] | None, blank_texts: Collection[str]) -> str:
    """The query, in DuckDB's dialect, that reads a source table with the contract's columns and types only.

    An absent optional column is NULL, and an absent table has no rows. A text is NULL that is one of ``blank_texts``,
    whatever its case and what is not seen around it.
    """
    columns = ", ".join(_column(column, present, blank_texts) for column in SOURCE_TABLES[table].columns)
    if present is None:
        return f"SELECT {columns} WHERE FALSE"
    return f"SELECT {columns} FROM read_parquet({quoted(_path(folder, table))})"


@contextmanager
def readable(tables: Collection[str]) -> Iterator[None]:
    """Say which source tables cannot be read, where a query fails on their data.

    Raises:
        ContractError: a page is damaged, a text is not UTF-8, or a value cannot be brought to the contract's type.
    """
    try:
        yield
    except duckdb.Error as error:
        if not tables or isinstance(error, OF_THE_MACHINE):
            raise
        # A value may be somebody's id, and errors are logged.
        reason = SHOWN_VALUE.sub("a value", str(error).splitlines()[0])
        fix = "Write the table again, from data that can be read whole."
        raise ContractError(" or ".join(sorted(tables)), f"its rows cannot be read ({reason})", fix) from error


def quoted(text: Path | str) -> str:
    """A path or text as a string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def _path(folder: Path, table: str) -> Path:
    return folder / f"{table}.parquet"


def _file_columns(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> dict[str, str] | None:
    if not path.exists():
        return None
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({quoted(path)})").fetchall()
        stored = connection.execute(f"SELECT name FROM parquet_schema({quoted(path)})").fetchall()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise ContractError(table, f"{path} is not a Parquet file ({reason})", "Write the table as Parquet again.") from error
    # DuckDB reads the second of two as another column, BigQuery takes neither; case makes no difference to either.
    times = Counter(str(name).lower() for (name,) in stored)
    for column in SOURCE_TABLES[table].columns:
        if times[column.name] > 1:
            fix = "Keep the one that is meant, and write the table again."
            raise ContractError(table, f"{times[column.name]} columns have this name", fix, column=column.name)
    return {name: _kind(kind) for name, kind, *_ in described}


def _kind(duckdb_type: str) -> str:
    if duckdb_type.startswith("DECIMAL"):
        return "number"
    return KINDS.get(duckdb_type, duckdb_type.lower())


def _column(column: Column, present: Mapping[str, str] | None, blank_texts: Collection[str]) -> str:
    kind = TYPES[column.kind]
    if present is None or column.name not in present:
        return f"CAST(NULL AS {kind}) AS {column.name}"
    if column.kind == "integer":
        # A float column with NaN for NULL is how pandas writes integers that may be absent.
        return f"TRY_CAST({column.name} AS {kind}) AS {column.name}"
    if column.kind == "timestamp":
        moment = f"TRY_CAST({column.name} AS {kind})"
        bounded = f"WHEN {moment} < {FIRST_MOMENT} THEN {FIRST_MOMENT} WHEN {moment} <= {LAST_MOMENT} THEN {moment}"
        return f"CASE WHEN {column.name} IS NULL THEN NULL {bounded} ELSE {LAST_MOMENT} END AS {column.name}"
    value = f"CAST({column.name} AS {kind})"
    if column.kind == "string":
        blank = f"(?i){UNSEEN}(?:{'|'.join(map(re.escape, blank_texts))}){UNSEEN}"
        return f"CASE WHEN regexp_full_match({value}, {quoted(blank)}) THEN NULL ELSE {value} END AS {column.name}"
    return f"{value} AS {column.name}"

"""The retailer's tables as DuckDB reads them: a folder with one Parquet file a table, brought to the contract's types."""

from collections.abc import Mapping
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


def source_columns(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, dict[str, str] | None]:
    """Every contract table with its columns and their kinds (or DuckDB's own word), or ``None`` where its file is absent.

    Raises:
        SourceError: the folder is missing or holds none of the tables.
        ContractError: a file is not Parquet.
    """
    if not folder.is_dir():
        raise SourceError(f"there is no source folder {folder}. Set RECS_SOURCE to a folder of <table>.parquet files.")
    if not any(_path(folder, table).exists() for table in SOURCE_TABLES):
        wanted = ", ".join(f"{table}.parquet" for table in SOURCE_TABLES)
        raise SourceError(f"{folder} holds none of {wanted}. Set RECS_SOURCE to the folder that does.")
    return {table: _file_columns(connection, table, _path(folder, table)) for table in SOURCE_TABLES}


def source_select(folder: Path, table: str, found: Mapping[str, str] | None) -> str:
    """The query, in DuckDB's dialect, that reads a source table with the contract's columns and types only.

    An absent optional column is NULL, and an absent table has no rows.
    """
    columns = ", ".join(_column(column, found) for column in SOURCE_TABLES[table].columns)
    if found is None:
        return f"SELECT {columns} WHERE FALSE"
    return f"SELECT {columns} FROM read_parquet({quoted(_path(folder, table))})"


def quoted(path: Path) -> str:
    """A path as a string literal."""
    return "'" + str(path).replace("'", "''") + "'"


def _path(folder: Path, table: str) -> Path:
    return folder / f"{table}.parquet"


def _file_columns(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> dict[str, str] | None:
    if not path.exists():
        return None
    try:
        found = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({quoted(path)})").fetchall()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise ContractError(table, f"{path} is not a Parquet file ({reason})", "Write the table as Parquet again.") from error
    return {name: _kind(kind) for name, kind, *_ in found}


def _kind(duckdb_type: str) -> str:
    if duckdb_type.startswith("DECIMAL"):
        return "number"
    return KINDS.get(duckdb_type, duckdb_type.lower())


def _column(column: Column, found: Mapping[str, str] | None) -> str:
    kind = TYPES[column.kind]
    if found is None or column.name not in found:
        return f"CAST(NULL AS {kind}) AS {column.name}"
    if column.kind == "integer":
        # A float column with NaN for NULL is how pandas writes integers that may be absent.
        return f"TRY_CAST({column.name} AS {kind}) AS {column.name}"
    return f"CAST({column.name} AS {kind}) AS {column.name}"

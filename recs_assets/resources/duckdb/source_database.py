"""A DuckDB database as the source: tables or views of the contract's names in its main schema, never written to."""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recs_assets.breaches import ContractError
from recs_assets.contract import SOURCE_TABLES
from recs_assets.resources.duckdb.source import Located, Relation, Source, identifier, quoted
from recs_assets.resources.errors import SourceError, WarehouseError
from recs_assets.resources.resembled import resembled

# The database while it is attached.
ATTACHED = "source_database"


class DatabaseSource(Source):
    """Every table as a table or a view; their names, like those of columns, are told apart by more than case."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def present(self, connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
        """The tables that the main schema has."""
        return frozenset(SOURCE_TABLES) & self._names(connection).keys()

    def locate(self, connection: duckdb.DuckDBPyConnection, table: str) -> Located | None:
        """The table or view of that name."""
        names = self._names(connection)
        if table not in names:
            alike = [name for name in names.values() if resembled(name, [table]) == table]
            problem = f"it is absent, and {', '.join(map(repr, alike[:3]))} looks like it and is not read"
            fix = f"Make a view '{table}' of it, or rename it."
            return Located((), (ContractError(table, problem, fix),)) if alike else None
        sql = f"{ATTACHED}.main.{identifier(names[table])}"
        try:
            described = connection.execute(f"DESCRIBE {sql}").fetchall()
        except duckdb.Error as error:
            problem = f"{names[table]} cannot be read ({str(error).splitlines()[0]})"
            return Located((), (ContractError(table, problem, "Fix the view, or make it a table."),))
        columns = {str(name).lower(): (str(name), str(kind)) for name, kind, *_ in described}
        return Located((Relation(sql, columns, names[table]),))

    def _names(self, connection: duckdb.DuckDBPyConnection) -> Mapping[str, str]:
        """The names of the main schema's tables and views, by themselves in lower case."""
        self._attach(connection)
        rows = connection.execute(
            f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{ATTACHED}' AND schema_name = 'main' UNION ALL "
            f"SELECT view_name FROM duckdb_views() WHERE database_name = '{ATTACHED}' AND schema_name = 'main' AND NOT internal "
            "ORDER BY ALL"
        ).fetchall()
        names = {str(name).lower(): str(name) for (name,) in rows}
        if not any(resembled(name, list(SOURCE_TABLES)) for name in names):
            wanted = ", ".join(SOURCE_TABLES)
            raise SourceError(
                f"the main schema of {self._file} has none of the tables {wanted}. Set RECS_SOURCE to a database that does."
            )
        return names

    def _attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            connection.execute(f"ATTACH IF NOT EXISTS {quoted(self._file)} AS {ATTACHED} (TYPE duckdb, READ_ONLY)")
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            if "lock" in reason.lower():
                fix = "Close the program that writes to it, or export its tables, then run again."
                raise WarehouseError(f"the source {self._file} is locked: {reason} {fix}") from error
            fix = "Set RECS_SOURCE to a folder of Parquet tables, or to a DuckDB database."
            raise SourceError(f"the source {self._file} is not a DuckDB database that can be read: {reason} {fix}") from error

"""Our own tables in DuckDB: the ledger's statements on the attached warehouse file."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot

from recs_assets.resources.duckdb.instances import SESSION
from recs_assets.resources.ledger import Ledger
from recs_assets.resources.queries import identifier, plain_rows
from recs_assets.resources.table_names import parsed, resolved

# The warehouse file while it is attached. Its own tables go by their bare names, after those of the session.
ATTACHED = "warehouse"
OWN_TABLES = f"{ATTACHED}.main"
ALL_TABLES = f"{SESSION}.main,{OWN_TABLES}"


@cache
def transpile(text: str) -> str:
    """A text in BigQuery's dialect as DuckDB's, ``@name`` as ``$name``."""
    return parsed(text).sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)


def tables_of_database(connection: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    """The names of the tables of an attached database."""
    listed = "SELECT table_name FROM duckdb_tables() WHERE database_name = $database"
    return [str(table) for (table,) in connection.execute(listed, {"database": database}).fetchall()]


class DuckDBLedger(Ledger):
    """The tables of the attached warehouse file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._is_in_transaction = False

    def _run(self, text: str, tables: Mapping[str, str], parameters: Mapping[str, Any]) -> None:
        with self._own_tables():
            self._connection.execute(transpile(resolved(text, tables)), dict(parameters))

    def _rows(self, text: str, tables: Mapping[str, str], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self._own_tables():
            rows = self._connection.sql(transpile(resolved(text, tables)), params=dict(parameters)).to_arrow_table()
        return plain_rows(rows)

    def columns(self, table: str) -> list[str]:
        """The columns of a persistent table in their order; none where there is no such table."""
        # Two cheap questions: the first use of ``duckdb_columns`` in a database prepares every view of the system for its answer.
        known = "SELECT 1 FROM duckdb_tables() WHERE database_name = $database AND table_name = $table"
        if not self._connection.execute(known, {"database": ATTACHED, "table": table}).fetchall():
            return []
        statement = "SELECT name FROM pragma_table_info($table) ORDER BY cid"
        rows = self._connection.execute(statement, {"table": f'{OWN_TABLES}."{table}"'}).fetchall()
        return [str(name) for (name,) in rows]

    def create(self, table: str, columns: Mapping[str, str]) -> None:
        """Make a persistent table, where there is none of the name."""
        kinds = ", ".join(f"{identifier(column)} {kind}" for column, kind in columns.items())
        self._define(f"CREATE TABLE IF NOT EXISTS {identifier(table)} ({kinds})")

    def drop(self, table: str) -> None:
        """Remove a persistent table, if it is there."""
        self._define(f"DROP TABLE IF EXISTS {identifier(table)}")

    def alterations(self, table: str, added: Mapping[str, str], dropped: Sequence[str]) -> list[str]:
        """Statements that give a table columns and take others from it."""
        changes = [f"ADD COLUMN {identifier(column)} {kind}" for column, kind in added.items()]
        changes += [f"DROP COLUMN {identifier(column)}" for column in dropped]
        return [transpile(f"ALTER TABLE {identifier(table)} {change}") for change in changes]

    def add_columns(self, table: str, columns: Mapping[str, str]) -> None:
        """Give a persistent table columns."""
        for statement in self.alterations(table, columns, []):
            self._define(statement)

    def _define(self, statement: str) -> None:
        if self._is_in_transaction:
            raise RuntimeError(f"BigQuery makes, alters and drops no table within a transaction, so nobody does: {statement}")
        with self._own_tables():
            self._connection.execute(transpile(statement))

    @contextmanager
    def temporary(self, name: str, rows: pa.Table) -> Iterator[None]:
        """Rows that the statements of the block read as ``name``; in memory alone."""
        self._connection.register(identifier(name), rows)
        try:
            yield
        finally:
            self._connection.unregister(name)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements of the block, or none of them."""
        self._connection.execute("BEGIN TRANSACTION")
        self._is_in_transaction = True
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        finally:
            self._is_in_transaction = False
        self._connection.execute("COMMIT")

    @contextmanager
    def _own_tables(self) -> Iterator[None]:
        # A session may have mounted something under the name of one of them.
        self._connection.execute(f"SET search_path = '{OWN_TABLES}'")
        try:
            yield
        finally:
            self._connection.execute(f"SET search_path = '{ALL_TABLES}'")

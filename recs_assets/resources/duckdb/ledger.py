"""Our own tables in DuckDB: the ledger's statements on the attached warehouse file."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot

from recs_assets.resources.ledger import Ledger
from recs_assets.resources.queries import identifier, plain_rows

# The warehouse file while it is attached. Its own tables go by their bare names, after those of the session.
ATTACHED = "warehouse"
OWN_TABLES = f"{ATTACHED}.main"
ALL_TABLES = f"memory.main,{OWN_TABLES}"


@cache
def transpile(text: str) -> str:
    """A text in BigQuery's dialect as DuckDB's, ``@name`` as ``$name``."""
    tree = sqlglot.parse_one(text, read="bigquery")
    return tree.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)


class DuckDBLedger(Ledger):
    """The tables of the attached warehouse file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def run(self, statement: str, **parameters: Any) -> None:
        """Execute a statement in BigQuery's dialect."""
        with self._own_tables():
            self._connection.execute(transpile(statement), parameters)

    def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows of a query in BigQuery's dialect."""
        with self._own_tables():
            rows = self._connection.sql(transpile(statement), params=parameters).to_arrow_table()
        return plain_rows(rows)

    def columns(self, table: str) -> list[str]:
        """The columns of a persistent table in their order; none where there is no such table."""
        condition = "database_name = $database AND table_name = $table ORDER BY column_index"
        statement = f"SELECT column_name FROM duckdb_columns() WHERE {condition}"
        rows = self._connection.execute(statement, {"database": ATTACHED, "table": table}).fetchall()
        return [str(name) for (name,) in rows]

    def insert(self, table: str, rows: pa.Table) -> None:
        """Add rows, by column name."""
        self._connection.register("incoming", rows)
        self._connection.execute(f"INSERT INTO {OWN_TABLES}.{identifier(table)} BY NAME SELECT * FROM incoming")
        self._connection.unregister("incoming")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements of the block, or none of them."""
        self._connection.execute("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def _own_tables(self) -> Iterator[None]:
        # A session may have mounted something under the name of one of them.
        self._connection.execute(f"SET search_path = '{OWN_TABLES}'")
        try:
            yield
        finally:
            self._connection.execute(f"SET search_path = '{ALL_TABLES}'")

"""A session over the retailer's tables and our own: one in-memory database, the warehouse file attached for moments only."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from recs_assets.contract import SOURCE_TABLES
from recs_assets.fault_points import reached
from recs_assets.resources.duckdb.instances import SESSION, begun
from recs_assets.resources.duckdb.ledger import OWN_TABLES, DuckDBLedger, transpile
from recs_assets.resources.duckdb.source import quoted, readable
from recs_assets.resources.duckdb.source_files import pattern
from recs_assets.resources.ledger import note_staged
from recs_assets.resources.queries import identifier, prepare, query_text
from recs_assets.resources.row_groups import ROW_GROUP_ROWS
from recs_assets.resources.source_queries import ROWS
from recs_assets.resources.store.artifact import local_path
from recs_assets.resources.table_names import tables_of
from recs_assets.resources.warehouse import Mount, Parameter, Session

if TYPE_CHECKING:
    from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse


class DuckDBSession(Session):
    """One in-memory database; the warehouse file is attached only for the queries that name a table of it."""

    def __init__(self, warehouse: "DuckDBWarehouse", connection: duckdb.DuckDBPyConnection) -> None:
        self._warehouse = warehouse
        self._connection = connection
        self._local: set[str] = set()
        self._from_source: set[str] = set()
        self._aliases: dict[str, str] = {}

    def batches(self, query: str, **parameters: Parameter) -> pa.RecordBatchReader:
        """The rows of a query as a stream; other queries may run while it is read."""
        text, bound = prepare(query, parameters)
        if not self._persistent(text) and not self._of_source(text):
            cursor = begun(self._connection.cursor())
            return cursor.sql(transpile(text), params=bound).to_arrow_reader(ROW_GROUP_ROWS)
        # All rows are read at once: the file must not stay attached while somebody reads on, and the error of a source that
        # cannot be read has to name it.
        with self._attached(text, read_only=True):
            rows = self._connection.sql(transpile(text), params=bound).to_arrow_table()
        return rows.to_reader(ROW_GROUP_ROWS)

    def materialize(self, name: str, query: str, **parameters: Parameter) -> None:
        """Keep the rows of a query as a table of this session."""
        text, bound = prepare(query, parameters)
        with self._attached(text, read_only=True):
            self._connection.execute(f"CREATE OR REPLACE TABLE {SESSION}.main.{identifier(name)} AS {transpile(text)}", bound)
        self._local.add(name)

    def stage(self, table: str, query: str, **parameters: Parameter) -> int:
        """Write the rows of a query to a persistent table, created or replaced whole; see ``Session.stage``."""
        text, bound = prepare(query, parameters)
        with self._attached(text, read_only=False):
            ledger = DuckDBLedger(self._connection)
            note_staged(ledger, table, dt.datetime.now(dt.UTC))
            self._connection.execute(f"CREATE OR REPLACE TABLE {OWN_TABLES}.{table} AS {transpile(text)}", bound)
            reached("stage.filled")
            return int(ledger.rows("n_rows", {"counted": table})[0]["n_rows"])

    def view(self, name: str, select: str) -> None:
        """Make a query in DuckDB's dialect readable under a name."""
        self._connection.execute(f"CREATE OR REPLACE VIEW {SESSION}.main.{identifier(name)} AS {select}")
        self._local.add(name)

    def mount(self, name: str, mount: Mount) -> None:
        """Make an Arrow table, Parquet files or a persistent table readable under a name."""
        if isinstance(mount, str):
            self._aliases[identifier(name)] = identifier(mount)
            self._local.discard(name)
        elif isinstance(mount, pa.Table):
            self._connection.register("incoming", mount)
            if name in self._local:  # it may be a view
                self._connection.execute(f"DROP VIEW IF EXISTS {SESSION}.main.{identifier(name)}")
            self._connection.execute(f"CREATE TABLE {SESSION}.main.{name} AS SELECT * FROM incoming")
            self._connection.unregister("incoming")
            self._local.add(name)
        else:
            listed = ", ".join(quoted(pattern(local_path(file))) for file in mount)
            self.view(name, f"SELECT * FROM read_parquet([{listed}], hive_partitioning = false)")

    def _persistent(self, text: str) -> frozenset[str]:
        absent = tables_of(text) - self._local
        of_rows = absent & set(ROWS)
        from_source = (absent | {ROWS[name] for name in of_rows}) & set(SOURCE_TABLES) - self._local
        if from_source:
            retailer = self._warehouse.retailer()
        for table in from_source:
            self.view(table, retailer.select(self._connection, table, self._warehouse.blank_texts))
            self._from_source.add(table)
        for name in of_rows:
            self.view(name, transpile(query_text(name)))
        return absent - from_source - of_rows

    def _of_source(self, text: str) -> frozenset[str]:
        return frozenset(ROWS.get(name, name) for name in tables_of(text)) & self._from_source

    @contextmanager
    def _attached(self, text: str, *, read_only: bool) -> Iterator[None]:
        needed = self._persistent(text)
        if read_only and not needed:
            with readable(self._of_source(text)):
                yield
            return
        with self._warehouse.attached(self._connection, read_only=read_only):
            for name in needed & set(self._aliases):
                self._connection.execute(
                    f"CREATE OR REPLACE VIEW {SESSION}.main.{name} AS SELECT * FROM {OWN_TABLES}.{self._aliases[name]}"
                )
            yield

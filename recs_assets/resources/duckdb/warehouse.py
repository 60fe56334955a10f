"""The warehouse on one machine: DuckDB over a folder of Parquet or a database, with our own tables in one file."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from recs_assets.fault_points import reached
from recs_assets.own_tables import FIXED_TABLES
from recs_assets.resources.duckdb.instances import SESSION, Config, database_in_memory
from recs_assets.resources.duckdb.ledger import ALL_TABLES, ATTACHED, OWN_TABLES, DuckDBLedger, tables_of_database
from recs_assets.resources.duckdb.session import DuckDBSession
from recs_assets.resources.duckdb.source import Source, quoted
from recs_assets.resources.duckdb.source_database import DatabaseSource
from recs_assets.resources.duckdb.source_folder import FolderSource
from recs_assets.resources.errors import SourceError, WarehouseError
from recs_assets.resources.ledger import Ledger
from recs_assets.resources.store.scratch import scratch
from recs_assets.resources.warehouse import Mount, Session, Warehouse
from recs_assets.settings import ComputeSettings
from recs_assets.stored_tables import StoredTable

LOCK_POLL_SECONDS = 0.2

log = logging.getLogger(__name__)


class DuckDBWarehouse(Warehouse):
    """DuckDB: heavy work in memory (spilling beside the file), the file itself attached only for as long as needed."""

    def __init__(
        self,
        file: Path,
        source: Path,
        compute: ComputeSettings,
        blank_texts: Sequence[str] = ("",),
    ) -> None:
        self.file = file
        self.source = source
        self.blank_texts = tuple(blank_texts)
        self.lock_wait_seconds = compute.lock_wait_seconds
        self._config: Config = {
            "preserve_insertion_order": False,
            "memory_limit": compute.memory_limit,
            "threads": compute.cores,
        }

    def source_tables(self) -> frozenset[str]:
        """The contract's tables that are there; see ``Warehouse.source_tables``."""
        with self.connection() as connection:
            return self.retailer().present(connection)

    def source_table(self, table: str) -> StoredTable | None:
        """A table of the contract as it is stored; see ``Warehouse.source_table``."""
        with self.connection() as connection:
            return self.retailer().stored(connection, table)

    def retailer(self) -> Source:
        """The retailer's tables, as they are at this moment.

        Raises:
            SourceError: the source is this warehouse's own file.
        """
        if self.source.is_dir() or not self.source.exists():
            return FolderSource(self.source)
        if self.file.exists() and self.source.samefile(self.file):
            raise SourceError(
                f"the source {self.source} is this project's own warehouse. Set RECS_SOURCE to the retailer's tables."
            )
        return DatabaseSource(self.source)

    @contextmanager
    def session(self, tables: Mapping[str, Mount] | None = None) -> Iterator[Session]:
        """A session over the source tables, ``tables`` and the persistent ones; see ``Warehouse.session``.

        The source is opened by the first query that reads a table of it.
        Raises:
            WarehouseError: a query ran out of memory and of room to spill.
        """
        with self.connection() as connection:
            session = DuckDBSession(self, connection)
            for name, mount in (tables or {}).items():
                session.mount(name, mount)
            try:
                yield session
            except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
                raise WarehouseError(
                    f"a query ended with: {str(error).splitlines()[0]} It may use {self._config['memory_limit']} of memory "
                    f"(compute.memory_limit) and spills to {self.file.parent}: allow more, or make room there, then run again."
                ) from error

    def tables_with(self, pattern: str) -> list[str]:
        """Our own tables in which a text matches a regular expression."""
        with self.connection() as connection, self.attached(connection, read_only=True):
            columns = "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = $file AND data_type = 'VARCHAR'"
            named: dict[str, list[str]] = defaultdict(list)
            for table, column in connection.execute(columns, {"file": ATTACHED}).fetchall():
                named[table].append(f'regexp_matches("{column}", $pattern)')
            return sorted(
                table
                for table, matches in named.items()
                if connection.execute(
                    f'SELECT 1 FROM {OWN_TABLES}."{table}" WHERE {" OR ".join(matches)} LIMIT 1', {"pattern": pattern}
                ).fetchall()
            )

    @contextmanager
    def attached(self, connection: duckdb.DuckDBPyConnection, *, read_only: bool) -> Iterator[None]:
        """Attach the warehouse file to a connection for the block, with its fixed tables made where they are missing.

        Raises:
            WarehouseError: another process has held the file for too long, or disk or memory ran out.
        """
        try:
            with self._attached(connection, read_only=read_only):
                yield
        except (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException, duckdb.FatalException) as error:
            verb = "read" if read_only else "written"
            raise WarehouseError(
                f"{self.file} cannot be {verb}: {str(error).splitlines()[0]} A version is served whole or not at all; "
                "make room on the disk or in memory, then run again."
            ) from error

    @contextmanager
    def _attached(self, connection: duckdb.DuckDBPyConnection, *, read_only: bool) -> Iterator[None]:
        if read_only and not self.file.exists():
            read_only = False
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._attach(connection, read_only=read_only)
        try:
            connection.execute(f"SET search_path = '{ALL_TABLES}'")
            if not read_only:
                reached("attach.opened")
                # One question for all: to create one that is there takes as long as to ask.
                present = tables_of_database(connection, ATTACHED)
                for table, columns in FIXED_TABLES.items():
                    if table not in present:
                        DuckDBLedger(connection).create(table, columns)
                reached("attach.made")
            yield
        finally:
            connection.execute(f"USE {SESSION}")
            connection.execute(f"DETACH {ATTACHED}")

    @contextmanager
    def _ledger(self) -> Iterator[Ledger]:
        with self.connection() as connection, self.attached(connection, read_only=False):
            yield DuckDBLedger(connection)

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A database in memory, with the threads and memory that are allowed, which spills beside the file."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        # Two processes that spill into one folder would overwrite each other's files.
        with (
            scratch(self.file.with_suffix(".spill"), "run") as spill,
            database_in_memory(self._config, spill) as connection,
        ):
            yield connection

    def _attach(self, connection: duckdb.DuckDBPyConnection, *, read_only: bool) -> None:
        statement = f"ATTACH {quoted(self.file)} AS {ATTACHED}" + (" (READ_ONLY)" if read_only else "")
        deadline = time.monotonic() + self.lock_wait_seconds
        told = False
        while True:
            try:
                connection.execute(statement)
            except (duckdb.IOException, duckdb.ResourceInUseException) as error:
                if not _is_lock(error):
                    raise WarehouseError(f"{self.file} cannot be opened: {error}") from error
                if time.monotonic() >= deadline:
                    raise WarehouseError(
                        f"{self.file} has been locked for {self.lock_wait_seconds:g} seconds: {error} "
                        "Close the program that holds it (an open DuckDB shell, another run), then run again."
                    ) from error
                if not told:
                    log.warning("waiting for %s, which another program has open: %s", self.file, error)
                    told = True
                time.sleep(LOCK_POLL_SECONDS)
            else:
                return


def _is_lock(error: duckdb.Error) -> bool:
    return isinstance(error, duckdb.ResourceInUseException) or "Could not set lock" in str(error)

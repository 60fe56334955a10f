"""The warehouse file as a file of its own: every table as it is at one moment, whoever writes before and after."""

from pathlib import Path

import duckdb

from recs_assets.resources.duckdb.ledger import ATTACHED, tables_of_database
from recs_assets.resources.duckdb.source import quoted
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.errors import WarehouseError

COPY = "copied"


def copy_tables(warehouse: DuckDBWarehouse, to: Path) -> None:
    """Copy all tables into a new file, and compare them there with what they are here; writers wait until it is done.

    Only rows that are there are copied: what was deleted, and still lies in free blocks of the file, is not.

    Raises:
        WarehouseError: the file cannot be opened, or the copy has other rows.
    """
    with warehouse.connection() as connection, warehouse.attached(connection, read_only=True):
        connection.execute(f"ATTACH {quoted(to)} AS {COPY}")
        connection.execute(f"COPY FROM DATABASE {ATTACHED} TO {COPY}")
        # What is compared is read from the disk.
        connection.execute(f"DETACH {COPY}")
        connection.execute(f"ATTACH {quoted(to)} AS {COPY} (READ_ONLY)")
        here, there = (_fingerprints(connection, database) for database in (ATTACHED, COPY))
        connection.execute(f"DETACH {COPY}")
    if here != there:
        differing = sorted(table for table in here.keys() | there.keys() if here.get(table) != there.get(table))
        raise WarehouseError(
            f"{to} has other rows than {warehouse.file} in {', '.join(differing)}. Look at the disk, then run again."
        )


def _fingerprints(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, tuple[int, int | None]]:
    """Rows of each table, and the sum of their hashes, which does not depend on their order."""
    fingerprints = {}
    for table in tables_of_database(connection, database):
        ((n_rows, total),) = connection.execute(
            f'SELECT COUNT(*), SUM(hash(rows)::HUGEINT) FROM {database}.main."{table}" AS rows'
        ).fetchall()
        fingerprints[table] = (n_rows, total)
    return fingerprints

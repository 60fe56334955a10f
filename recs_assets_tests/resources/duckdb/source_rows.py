"""A source as the queries of cleaning read it, and ways to write the same table."""

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.stored_tables import StoredTable
from recs_assets_tests.sql.engines import COMPUTE


def rows_of(source: Path, table: str) -> pa.Table:
    """The rows of a source table with the contract's columns and types, in an order of their own."""
    with tempfile.TemporaryDirectory() as home:
        warehouse = DuckDBWarehouse(Path(home) / "warehouse.duckdb", source, COMPUTE)
        with warehouse.session() as session:
            rows = session.read(f"{table}_rows")
    return rows.sort_by([(name, "ascending") for name in rows.column_names])


def stored_in(source: Path, table: str) -> StoredTable | None:
    """The table as it is stored."""
    with tempfile.TemporaryDirectory() as home:
        return DuckDBWarehouse(Path(home) / "warehouse.duckdb", source, COMPUTE).source_table(table)


def problems(source: Path, table: str) -> list[str]:
    """What keeps a table from being read."""
    stored = stored_in(source, table)
    return [] if stored is None else [breach.problem for breach in stored.breaches]


def put(rows: pa.Table, column: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The table with other values in a column."""
    return rows.set_column(rows.schema.get_field_index(column), column, values)


def halves(rows: pa.Table) -> list[pa.Table]:
    """The rows in two parts."""
    half = rows.num_rows // 2
    return [rows.slice(0, half), rows.slice(half)]


def write(path: Path, rows: pa.Table) -> None:
    """One Parquet file, in folders that are made where they are missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, path)

"""One query on both engines."""

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from recs_assets import settings_file
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.queries import PARAMETER, prepare, query_text
from recs_assets.resources.source_queries import CLEANED, ROWS
from recs_assets.resources.table_names import tables_of
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.parameters import PARAMETERS

COMPUTE = settings_file.load().compute

# Which query's rows are the table `classified` that a query reads.
CLASSIFIED_BY = {
    "user_nodes": "clean_users",
    "vehicle_nodes": "clean_vehicles",
    "product_nodes": "clean_products",
    "fits_edges": "clean_fitment",
    "owns_edges": "clean_ownership",
    "interaction_edges": "clean_events",
    "other_orders": "clean_events",
    "vehicle_ids": "clean_vehicles",
    "overruled_universal": "clean_products",
    "seen_before": "clean_users",
    "tied_rows": "clean_products",
    "garage_dates": "clean_ownership",
    "shared_accounts": "clean_events",
    "kind_counts_events": "clean_events",
    **{f"{query}_{table}": f"clean_{table}" for query in ("fault_counts", "quarantined_rows") for table in CLEANED},
}

# What a query reads instead of the shop's table: all of its customers are still there.
OF_ITS_OWN = {"gone_people": {"users": shop.TABLES["users"].slice(5)}}


def parameters_of(query: str) -> dict[str, Any]:
    """The shop's values of a query's parameters."""
    text = query_text(query, 1)
    names = set(PARAMETER.findall("\n".join(line.split("--")[0] for line in text.splitlines())))
    if text != query_text(query):
        names.add("slots")
    return {name: PARAMETERS[name] for name in names}


def tables_for(query: str) -> dict[str, pa.Table]:
    """The shop's tables that a query reads; the source's own where it reads ``<table>_rows``."""
    classified = {"classified": _classified(CLASSIFIED_BY[query])} if query in CLASSIFIED_BY else {}
    tables = shop.TABLES | classified | OF_ITS_OWN.get(query, {})
    return {name: tables[name] for name in (ROWS.get(name, name) for name in tables_of(query_text(query, 1)))}


def on_duckdb(query: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a query through the warehouse that production uses on one machine."""
    rows: list[dict[str, Any]] = table_on_duckdb(query, tables, parameters).to_pylist()
    return rows


def table_on_duckdb(query: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any]) -> pa.Table:
    """The same as one Arrow table, which another query can read."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse = DuckDBWarehouse(Path(folder) / "warehouse.duckdb", Path(folder), COMPUTE)
        with warehouse.session(tables) as session:
            return session.read(query, **parameters)


def on_reference(query: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a query on Google's reference implementation."""
    from recs_assets_tests.sql.reference import run_reference  # compiles for half a minute, once

    text, bound = prepare(query, parameters)
    read = tables_of(text)
    tables = {name: table for name, table in tables.items() if name in read} | {
        rows: table_on_duckdb(rows, {ROWS[rows]: tables[ROWS[rows]]}, {}) for rows in read & set(ROWS)
    }
    return run_reference(text, tables, bound)


def faults(table: str, rows: pa.Table | None = None) -> list[dict[str, Any]]:
    """The rows of a cleaned source table, the shop's or others in its place, each with its fault."""
    query = f"clean_{table}"
    tables = tables_for(query) | ({} if rows is None else {table: rows})
    return on_duckdb(query, tables, parameters_of(query))


@cache
def _classified(query: str) -> pa.Table:
    return table_on_duckdb(query, tables_for(query), parameters_of(query))

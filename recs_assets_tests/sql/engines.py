"""One query, or one change, on both engines."""

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlglot

from recs_assets import settings_file
from recs_assets.resources.duckdb.ledger import ATTACHED, OWN_TABLES, DuckDBLedger
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.queries import ADDED, PARAMETER, TextOf, change_text, plain_rows, prepare, query_text, wide_parameters
from recs_assets.resources.source_queries import CLEANED, ROWS
from recs_assets.resources.table_names import resolved, tables_of
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.edge_rows import with_edges
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
    "mail_events": "clean_email_events",
    "kind_counts_events": "clean_events",
    **{f"{query}_{table}": f"clean_{table}" for query in ("fault_counts", "quarantined_rows") for table in CLEANED},
}

# Queries to which some customers are gone, of whom there are still lists.
WITHOUT_SOME = {"gone_people"}
# What a query reads instead of the world's table: nobody of these is assigned yet, whatever letters an id has.
OF_ITS_OWN = {"rollout_buckets": {"user_nodes": pa.table({"user_id": ["u9", "é", "日本", "a:b", " x"]})}}


@dataclass(frozen=True, eq=False, repr=False)
class World:
    """The tables that queries and changes read, by the names that they have for them, and what they are asked with."""

    tables: Mapping[str, pa.Table]
    parameters: Mapping[str, Any] = field(default_factory=lambda: PARAMETERS)


SHOP = World(shop.TABLES)
EDGES = World({name: with_edges(name, table) for name, table in shop.TABLES.items()})
EMPTY = World({name: table.slice(0, 0) for name, table in shop.TABLES.items()})
# What a ledger's table takes for the rows of a moment; a persistent table is none of these.
TEMPORARY = ("incoming", "addressees")


def parameters_of(name: str, text_of: TextOf = query_text, world: World = SHOP) -> dict[str, Any]:
    """A world's values of the parameters of a query, or of a change."""
    text = text_of(name, 1, ())
    names = set(PARAMETER.findall("\n".join(line.split("--")[0] for line in text.splitlines())))
    return {name: world.parameters[name] for name in names | wide_parameters(name, text_of)}


def tables_for(query: str, world: World = SHOP) -> dict[str, pa.Table]:
    """The tables of a world that a query reads; the source's own where it reads ``<table>_rows``."""
    tables = dict(world.tables) | OF_ITS_OWN.get(query, {})
    if query in CLASSIFIED_BY:
        tables["classified"] = _classified(CLASSIFIED_BY[query], world)
    if query in WITHOUT_SOME:
        tables["users"] = tables["users"].slice(5)
    return {name: tables[name] for name in tables_read(query)}


def tables_read(query: str) -> set[str]:
    """The tables that a query names; the source's own where it reads ``<table>_rows``."""
    return {ROWS.get(name, name) for name in tables_of(query_text(query, 1, ADDED))}


def on_duckdb(query: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a query through the warehouse that production uses on one machine."""
    rows: list[dict[str, Any]] = table_on_duckdb(query, tables, parameters).to_pylist()
    return rows


def table_on_duckdb(query: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any]) -> pa.Table:
    """The same as one Arrow table, which another query can read."""
    read = {name: table for name, table in tables.items() if name in tables_read(query)}
    with tempfile.TemporaryDirectory() as folder, warehouse_in(Path(folder)).session(read) as session:
        return session.read(query, **parameters)


def warehouse_in(folder: Path) -> DuckDBWarehouse:
    """A warehouse with nothing in it."""
    return DuckDBWarehouse(folder / "warehouse.duckdb", folder, COMPUTE)


def on_reference(query: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a query on Google's reference implementation, its tables under the names that BigQuery has for them."""
    from recs_assets_tests.sql.reference import run_reference  # compiles for half a minute, once

    text, bound = prepare(query, parameters)
    read = tables_of(text)
    tables = {name: table for name, table in tables.items() if name in read} | {
        rows: table_on_duckdb(rows, {ROWS[rows]: tables[ROWS[rows]]}, {}) for rows in read & set(ROWS)
    }
    return run_reference(_as_bigquery(text), _named(tables), bound)


def change_tables(change: str, world: World = SHOP) -> tuple[str, dict[str, pa.Table]]:
    """The table that a statement of ``sql/changes`` changes, and all that it names; ``incoming`` is rows of that table."""
    text = change_text(change, 1, ADDED)
    changed = sqlglot.parse_one(text, read="bigquery").find(sqlglot.exp.Table)
    assert changed is not None
    name = changed.name
    return name, {read: world.tables[name if read == "incoming" else read] for read in tables_of(text)}


def changed_on_duckdb(
    change: str, changed: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The rows of a table after a change through the ledger that production uses on one machine, tables under other names."""
    real = {name: f"real_{name}" for name in tables if name not in TEMPORARY}
    with (
        tempfile.TemporaryDirectory() as folder,
        warehouse_in(Path(folder)).connection() as connection,
        ExitStack() as stack,
    ):
        connection.execute(f"ATTACH ':memory:' AS {ATTACHED}")
        ledger = DuckDBLedger(connection)
        for name, table in tables.items():
            stack.enter_context(ledger.temporary(name, table))
            if name in real:
                connection.execute(f"CREATE TABLE {OWN_TABLES}.{real[name]} AS SELECT * FROM {name}")
        ledger.run(change, real, **parameters)
        return plain_rows(connection.sql(f"SELECT * FROM {OWN_TABLES}.{real[changed]}").to_arrow_table())


def changed_on_reference(
    change: str, changed: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The same on Google's reference implementation."""
    from recs_assets_tests.sql.reference import change_reference  # compiles for half a minute, once

    text, bound = prepare(change, parameters, change_text)
    (target,) = _full_names({changed: None}).values()
    return change_reference(_as_bigquery(text), target, _named(tables), bound)


def faults(table: str, rows: pa.Table | None = None) -> list[dict[str, Any]]:
    """The rows of a cleaned source table, the shop's or others in its place, each with its fault."""
    query = f"clean_{table}"
    tables = tables_for(query) | ({} if rows is None else {table: rows})
    return on_duckdb(query, tables, parameters_of(query))


def _as_bigquery(text: str) -> str:
    return resolved(text, {name: f"`{full}`" for name, full in _full_names(tables_of(text)).items()})


def _named(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    return {full: tables[name] for name, full in _full_names(tables).items()}


def _full_names(names: Mapping[str, Any] | frozenset[str]) -> dict[str, str]:
    return {name: f"project.dataset.real_{name}" for name in names}


@cache
def _classified(query: str, world: World) -> pa.Table:
    return table_on_duckdb(query, tables_for(query, world), parameters_of(query, world=world))

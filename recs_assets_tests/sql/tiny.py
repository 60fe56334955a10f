"""The tiny world as queries read it after a run of the graph: a few of its people, as the reference is slow over many rows."""

import datetime as dt
from collections.abc import Collection
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import World, table_on_duckdb
from recs_assets_tests.sql.parameters import MAIL, PARAMETERS
from recs_assets_tests.warehouse_reader import reading
from recs_assets_tests.worlds import WEEK, Place

N_ACTIVE, N_OTHERS, N_MAILED = 8, 4, 30
WEEK_START = dt.datetime.fromisoformat(WEEK).replace(tzinfo=dt.UTC)
AS_OF = WEEK_START + dt.timedelta(days=7)
NOW = AS_OF + dt.timedelta(days=2)
# Tables of the warehouse by the names that queries have for them; of both staged ones the names are in the ledger.
OF_THE_WAREHOUSE = ("publications", "audits", "verdicts", "quarantine", "staged_tables", "final_vehicle_recommendations")

TINY_PARAMETERS: dict[str, Any] = PARAMETERS | {
    "as_of": AS_OF,
    "start": AS_OF - dt.timedelta(days=120),
    "orders_start": AS_OF - dt.timedelta(days=180),
    "now": NOW,
    "week_start": WEEK_START,
    "week": WEEK_START.date(),
    "before": WEEK_START.date(),
    "moment": AS_OF - dt.timedelta(days=30),
    "max_events_per_user_week": 20,
    "list_length": 20,
    "slots": 4,
    "columns": [],
    "gate": ["mail_coverage", "overlap"],
    "weeks": [WEEK],
}


def tiny_world(place: Place) -> World:
    """The tables of a finished run, and what queries are asked with."""
    return World(_tables_of(place), TINY_PARAMETERS)


def _tables_of(place: Place) -> dict[str, pa.Table]:
    """Every table that a query reads: the source's, the store's, the warehouse's, or the shop's where a run leaves none."""
    tables = {path.stem: pq.read_table(path) for path in place.source.glob("*.parquet")}
    for folder in (place.home / "store").glob("[!.]*"):
        artifact = place.artifact(folder.name)
        stems = {name.removesuffix(".parquet") for name in artifact.manifest.files if name.endswith(".parquet")}
        tables |= {name: artifact.table(f"{name}.parquet") for name in stems & shop.TABLES.keys()}
    with reading(place.home / "warehouse.duckdb") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        ((staged, mail),) = connection.execute("SELECT long_table, wide_table FROM publications").fetchall()
        for name, table in {**{name: name for name in OF_THE_WAREHOUSE}, "staged": staged, "mail": mail}.items():
            tables[name] = connection.table(table).to_arrow_table()
    _keep_few(tables)
    for name in ("mail", "final_vehicle_recommendations"):
        tables[name] = tables[name].sort_by("email_lower").slice(0, N_MAILED)
    tables |= {"recommendations": tables["staged"], "counted": tables["user_nodes"], "mail_before": tables["mail"].slice(1)}
    typed = {name: _typed(name, table) for name, table in tables.items()}
    typed["mail_addresses"] = table_on_duckdb("mail_addresses", {"users": typed["users"]}, {"now": NOW, **MAIL.parameters})
    typed["addressees"] = typed["mail_addresses"].select(["email_lower"]).slice(1)
    return shop.TABLES | typed


def _keep_few(tables: dict[str, pa.Table]) -> None:
    """Leave the rows of a few people in every table, and of their profiles, garages and parts."""
    everybody, active = (sorted(set(tables[name]["user_id"].to_pylist())) for name in ("users", "interaction_edges"))
    people = {*active[:N_ACTIVE], *everybody[:N_OTHERS]}
    kept: dict[str, Collection[str]] = {"user_id": people}
    kept["profile_id"] = set(_few(tables["user_profiles"], kept)["profile_id"].to_pylist())
    kept["vehicle_id"] = set(_few(tables["ownership"], kept)["vehicle_id"].to_pylist())
    for name, table in tables.items():
        if name not in ("users", "shared_accounts"):
            tables[name] = _few(table, kept)
    tables["users"] = _few(tables["users"], {"user_id": {*people, *everybody[: 2 * N_OTHERS]}})


def _few(table: pa.Table, kept: dict[str, Collection[str]]) -> pa.Table:
    for column in kept.keys() & set(table.column_names):
        # A garage's profile is nobody's.
        is_kept = pc.or_(pc.is_null(table[column]), pc.is_in(table[column], pa.array(sorted(kept[column]), pa.string())))
        table = table.filter(is_kept)
    return table


def _typed(name: str, table: pa.Table) -> pa.Table:
    """The columns and types of the shop's table, but for the number of slots of a mail."""
    if name in {"mail", "mail_before", "final_vehicle_recommendations"}:
        return table
    schema = shop.TABLES[name].schema
    absent = [field for field in schema if field.name not in table.column_names]
    for field in absent:
        table = table.append_column(field.name, pa.nulls(table.num_rows, field.type))
    return table.select(schema.names).cast(schema)

"""Datasets of a stand-in for BigQuery: a retailer's, our own, and one whose tables expire."""

import io
import uuid
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud import bigquery

from recs_assets.contract import SOURCE_TABLES
from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.bigquery.types import arrow_columns, bigquery_schema
from recs_assets_tests.stand_ins.servers import PROJECT, BigQuery

DAY_MS = 24 * 60 * 60 * 1000


def new_places(server: BigQuery) -> Places:
    """Three new datasets, empty."""
    name = uuid.uuid4().hex[:8]
    source, tables, scratch = (f"{PROJECT}.{kind}_{name}" for kind in ("source", "tables", "scratch"))
    places = Places(PROJECT, "EU", source, tables, scratch, server.url, server.grpc)
    for dataset in (source, tables, scratch):
        made = bigquery.Dataset(dataset)
        made.default_table_expiration_ms = DAY_MS if dataset == scratch else None
        places.client.create_dataset(made)
    return places


def environment(places: Places) -> dict[str, str]:
    """The variables that name these places."""
    return {
        "RECS_GCP_PROJECT": places.project,
        "RECS_BQ_LOCATION": places.location,
        "RECS_BQ_SOURCE": places.source,
        "RECS_BQ_TABLES": places.tables,
        "RECS_BQ_SCRATCH": places.scratch,
        "RECS_BQ_ENDPOINT": str(places.endpoint),
        "RECS_BQ_STORAGE_ENDPOINT": str(places.storage_endpoint),
    }


def fill_source(places: Places, tables: Mapping[str, pa.Table]) -> None:
    """Put source tables, with whatever columns they have, in the place of those that are there; logs are partitioned by day."""
    for name, rows in tables.items():
        table = bigquery.Table(f"{places.source}.{name}", bigquery_schema(arrow_columns(rows.schema)))
        declared = SOURCE_TABLES.get(name)
        if declared is not None and declared.is_log:
            table.time_partitioning = bigquery.TimePartitioning(type_="DAY", field=declared.dated_by)
        places.client.delete_table(table, not_found_ok=True)
        places.client.create_table(table)
        config = bigquery.LoadJobConfig(source_format="PARQUET", schema=table.schema)
        file = io.BytesIO()
        pq.write_table(rows, file)
        file.seek(0)
        places.client.load_table_from_file(file, table.reference, job_config=config).result(timeout=60)


def source_of(folder: Path) -> dict[str, pa.Table]:
    """The source tables of a folder, a file each."""
    return {path.stem: pq.read_table(path) for path in sorted(folder.glob("*.parquet"))}

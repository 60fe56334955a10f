"""Files as tables of a session: what lies in the bucket is loaded from there, and only what lies here alone is sent."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.bigquery.types import arrow_columns, bigquery_schema, sql_types
from recs_assets.resources.bigquery.warehouse import BigQueryWarehouse
from recs_assets.resources.store.artifact import Artifact, StoreError
from recs_assets.resources.store.bucket import Bucket
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Mount
from recs_assets_tests.stand_ins.faulty_proxy import Proxy, faulty_proxy
from recs_assets_tests.stand_ins.servers import Storage

WEEK = "2026-03-02"
ORIGIN = Provenance(dt.datetime(2026, 3, 9, tzinfo=dt.UTC), {}, "settings", "1", "run")


@pytest.fixture
def bucket(storage_server: Storage, places: Places) -> Iterator[Proxy]:
    """A bucket of its own, named like the datasets; the proxy in front of it keeps what it was asked for."""
    storage_server.make_bucket(_bucket(places))
    with faulty_proxy(storage_server.url) as proxy:
        yield proxy


def _bucket(places: Places) -> str:
    return places.tables.partition(".")[2].replace("_", "-")


def written(places: Places, bucket: Proxy, folder: Path, n_rows: int) -> Artifact:
    """An artifact with so many rows, as a machine finds it that has not written it."""
    with Store(Bucket(_bucket(places), folder / "writer", endpoint=bucket.url)).draft("scores", WEEK, ORIGIN) as draft:
        moments = pa.array([dt.datetime(2026, 3, 3, tzinfo=dt.UTC)] * n_rows, pa.timestamp("us", "UTC"))
        draft.write_table("scores.parquet", pa.table({"n": range(n_rows), "at": moments, "who": ["é"] * n_rows}))
    bucket.asked.clear()
    return Store(Bucket(_bucket(places), folder / "reader", endpoint=bucket.url)).current("scores", WEEK)


def n_rows(warehouse: BigQueryWarehouse, mount: Mount) -> int:
    """How many rows BigQuery finds in what is mounted."""
    with warehouse.session({"counted": mount}) as session:
        return int(session.rows("n_rows")[0]["n_rows"])


def loads(places: Places) -> list[list[str]]:
    """The objects that each load of a table that expires has read: none where the rows were sent."""
    jobs = [job for job in places.client.list_jobs(max_results=1000) if job.job_type == "load"]
    of_files = [job for job in jobs if f"{job.destination.project}.{job.destination.dataset_id}" == places.scratch]
    return [[uri for uri in job.source_uris or [] if uri.startswith("gs://")] for job in of_files]


def gets(bucket: Proxy) -> list[str]:
    """The requests for the content of a table's file."""
    return [path for method, path, _ in bucket.asked if method == "GET" and "scores.parquet" in path and "alt=media" in path]


def test_a_file_of_the_bucket_is_loaded_from_there_once_and_never_fetched(
    places: Places, warehouse: BigQueryWarehouse, bucket: Proxy, tmp_path: Path
) -> None:
    artifact = written(places, bucket, tmp_path, 3)
    for _ in range(2):
        assert n_rows(warehouse, [artifact.file("scores.parquet")]) == 3
    assert gets(bucket) == []
    assert loads(places) == [[f"gs://{_bucket(places)}/scores/{WEEK}/{artifact.version}/scores.parquet"]]
    loaded = next(iter(places.client.list_tables(places.scratch)))
    assert sql_types(places.client.get_table(loaded.reference).schema) == {"at": "TIMESTAMP", "n": "INT64", "who": "STRING"}
    # The same content from here: it is there already.
    assert n_rows(warehouse, [artifact.path("scores.parquet")]) == 3
    assert (len(gets(bucket)), len(loads(places))) == (1, 1)


def test_work_in_progress_is_sent_from_here(places: Places, warehouse: BigQueryWarehouse, bucket: Proxy, tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1, 2]}), tmp_path / "lists.parquet")
    assert n_rows(warehouse, [tmp_path / "lists.parquet"]) == 2
    assert (loads(places), bucket.asked) == ([[]], [])


def test_an_object_that_is_not_what_was_sent_is_looked_at_here_before_anything_reads_it(
    places: Places, warehouse: BigQueryWarehouse, bucket: Proxy, storage_server: Storage, tmp_path: Path
) -> None:
    artifact = written(places, bucket, tmp_path, 4)
    lying = storage_server.objects / _bucket(places) / artifact.name / "scores.parquet"
    whole = lying.read_bytes()
    pq.write_table(pa.table({"n": [0]}), lying)
    with pytest.raises(StoreError, match=r"^gs://\S+/scores\.parquet is damaged: SHA-256 .* materialize scores for week"):
        n_rows(warehouse, [artifact.file("scores.parquet")])
    lying.unlink()
    with pytest.raises(StoreError, match=r"^gs://\S+/scores\.parquet is missing, expected SHA-256"):
        n_rows(warehouse, [artifact.file("scores.parquet")])
    assert loads(places) == []
    lying.write_bytes(whole)  # put back by somebody, who has noted nothing on it
    assert n_rows(warehouse, [artifact.file("scores.parquet")]) == 4
    assert loads(places) == [[]]


def test_each_type_of_arrow_is_one_of_bigquery() -> None:
    kinds = {
        "STRING": [pa.string(), pa.large_string(), pa.null(), pa.dictionary(pa.int32(), pa.string())],
        "INT64": [pa.int8(), pa.int64(), pa.uint32()],
        "FLOAT64": [pa.float16(), pa.float32(), pa.float64()],
        "BOOL": [pa.bool_()],
        "DATE": [pa.date32(), pa.date64()],
        "TIMESTAMP": [pa.timestamp("us"), pa.timestamp("ns", "UTC")],
    }
    for name, types in kinds.items():
        schema = pa.schema([(f"c{number}", kind) for number, kind in enumerate(types)])
        assert {field.field_type for field in bigquery_schema(arrow_columns(schema))} == {name}
    for kind in (pa.list_(pa.string()), pa.binary(), pa.decimal128(9, 2)):
        with pytest.raises(ValueError, match=r"column 'c' is of type .*, which no table here has"):
            bigquery_schema({"c": str(kind)})

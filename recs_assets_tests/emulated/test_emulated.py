"""A night's list on BigQuery and a bucket, stood in for, from what the night on DuckDB has learned: the same to the bit."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from recs_assets import definitions
from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.store.bucket import Bucket
from recs_assets.resources.store.store import Store
from recs_assets_tests.conftest import Run
from recs_assets_tests.emulated.comparison import QUERIES, Reader, Rows, compared_files, of_bigquery, of_duckdb
from recs_assets_tests.emulated.rights import compared_rights, labelled
from recs_assets_tests.resources.bigquery.conftest import warehouse_at
from recs_assets_tests.stand_ins import servers
from recs_assets_tests.stand_ins.places import fill_source, new_places, source_of
from recs_assets_tests.worlds import NEXT_WEEK, Place, checks, messages, metadata

# What reads the source's log, expands profiles to people, audits, and publishes; the rest is what the night has made.
ASSETS = ["raw_events", "interaction_edges", "sql_scores", "recommendations", "published_recommendations"]


@dataclass(frozen=True)
class Emulated(Place):
    """A place in BigQuery and a bucket."""

    places: Places | None = None
    bucket: Bucket | None = None

    def definitions(self) -> dg.Definitions:
        """The project's own definitions with this place's resources."""
        assert self.places
        assert self.bucket
        return dg.Definitions(
            assets=definitions.defs.assets,
            jobs=definitions.defs.jobs,
            resources={"settings": self.settings, "warehouse": warehouse_at(self.places), "store": Store(self.bucket)},
            executor=dg.in_process_executor,
        )


def test_a_night_is_the_same(
    night: Run, storage_server: servers.Storage, bigquery_server: servers.BigQuery, tmp_path: Path
) -> None:
    storage_server.make_bucket("night")
    shutil.copytree(night.place.home / "store", storage_server.objects / "night", dirs_exist_ok=True)
    places, bucket = new_places(bigquery_server), Bucket("night", tmp_path / "bucket", endpoint=storage_server.url)
    fill_source(places, source_of(night.place.source))
    # As the store sends it, which notes what it is; the others have come by another way, and go by way of this machine.
    graph = night.place.store.current("hetero_graph", NEXT_WEEK)
    bucket.put(Path(shutil.copytree(graph.address, tmp_path / "draft")), graph.name, lambda: False)

    place = Emulated(night.place.source, tmp_path, night.place.settings, places=places, bucket=bucket)
    result = place.materialize(ASSETS, NEXT_WEEK)
    assert messages(result) == {}
    assert metadata(result, "published_recommendations")["outcome"] == "published"
    assert checks(result)["recommendations", "rules"]

    theirs, ours = of_bigquery(places), of_duckdb(night.place.home / "warehouse.duckdb")
    for name in ("lists", "mail"):
        assert in_order(theirs, f"{QUERIES[name]} WHERE TRUE{OF_WEEK if name == 'lists' else ''}") == in_order(
            ours, f"{QUERIES[name]} WHERE TRUE{OF_WEEK if name == 'lists' else ''}"
        )
    hashes = f"SELECT content_hash, mail_hash, n_mailed FROM publications WHERE TRUE{OF_WEEK}"
    assert theirs(hashes) == ours(hashes)
    assert compared_files(Store(bucket), night.place.store, [NEXT_WEEK]).difference is None

    jobs = [job for job in places.client.list_jobs(max_results=1000) if job.labels.get("run") == result.run_id]
    assert {job.labels["asset"] for job in jobs} == set(ASSETS)
    assert {job.labels["week"] for job in jobs} == {NEXT_WEEK}
    assert all(job.job_id.startswith(f"recs_{job.labels['asset']}_") for job in jobs if job.job_type == "query")
    assert any("gs://night/hetero_graph/" in uri for job in jobs if job.job_type == "load" for uri in job.source_uris or [])
    assert metadata(result, "recommendations")["jobs"] > 10
    assert (labelled(places).difference, compared_rights(places).difference) == (None, None)


OF_WEEK = f" AND week = DATE '{NEXT_WEEK}'"


def in_order(read: Reader, text: str) -> Rows:
    return sorted(read(text), key=repr)

"""Every call of BigQuery's API refused, done without an answer, and cut off: each is done in the end, and done once."""

import datetime as dt
import json
from dataclasses import replace

import grpc
import pyarrow as pa
import pytest
from google.resumable_media import _helpers

from recs_assets.resources.bigquery import jobs
from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.bigquery.warehouse import BigQueryWarehouse
from recs_assets.resources.errors import WarehouseError
from recs_assets.resources.publishing import Publication
from recs_assets_tests.resources.bigquery.conftest import warehouse_at
from recs_assets_tests.resources.bigquery.reading import query, served
from recs_assets_tests.resources.versions import FIRST, WEEK, publish, stage, wide
from recs_assets_tests.stand_ins.faulty_grpc_proxy import faulty_grpc_proxy
from recs_assets_tests.stand_ins.faulty_proxy import Fault, call_of, each_call_first, faulty_proxy
from recs_assets_tests.stand_ins.places import fill_source

JOBS = "/bigquery/v2/projects/*/jobs"
OF_A_DATASET = "/bigquery/v2/projects/*/datasets/*"
# All that a night asks of the API: a new use of it has to be tried here.
CALLS = {
    f"GET {OF_A_DATASET}",
    f"GET {OF_A_DATASET}/tables",
    f"POST {OF_A_DATASET}/tables",
    f"GET {OF_A_DATASET}/tables/*",
    f"DELETE {OF_A_DATASET}/tables/*",
    f"POST {JOBS} dry run",
    *(f"POST {JOBS} {word}" for word in ("SELECT", "INSERT", "DELETE", "UPDATE", "CREATE", "BEGIN", "COMMIT", "CALL")),
    "POST /upload/bigquery/v2/projects/*/jobs uploadType=resumable load",
    "PUT /upload/bigquery/v2/projects/*/jobs uploadType=resumable upload_id",
    "GET /bigquery/v2/projects/*/queries/*",
}
# A job that is there already, as the one before did not answer.
FOUND = f"GET {JOBS}/*"


def work(warehouse: BigQueryWarehouse, publication: Publication) -> None:
    """The source looked at, a table kept for a session, a version published, publishing held."""
    assert warehouse.source_tables() == {"users"}
    assert warehouse.source_table("users")
    with warehouse.session() as session:
        session.materialize("counted", "users_rows")
        assert session.rows("n_rows") == [{"n_rows": 3}]
    assert publish(warehouse, publication).outcome == "published"
    warehouse.hold(held_by="ann", reason="prices", now=dt.datetime(2026, 10, 1, tzinfo=dt.UTC))


@pytest.mark.parametrize("faults", [("429", "500", "503"), ("dropped", "lost", "cut")], ids=["not done", "done or not"])
def test_each_call_that_fails_is_sent_again_and_done_once(
    places: Places, faults: tuple[Fault, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # An upload is sent again by a library of its own, which waits for seconds.
    monkeypatch.setattr(_helpers, "calculate_retry_wait", lambda wait, most, multiplier: (wait, 0.01))
    publication = stage(warehouse_at(places), "one", FIRST)
    with faulty_proxy(str(places.endpoint)) as proxy:
        proxy.fault = each_call_first(faults)
        work(warehouse_at(replace(places, endpoint=proxy.url)), publication)
        assert proxy.calls() == CALLS | ({FOUND} if "lost" in faults else set())
    assert served(places) == (list(FIRST), wide(FIRST))
    for table in ("publications", "holds", "turn"):
        assert query(places, f"SELECT COUNT(*) FROM {table}") == [(1,)], table


def test_an_account_that_may_make_no_table_of_ours_works_with_those_that_are_there(places: Places) -> None:
    warehouse_at(places).served_version(WEEK)  # makes the tables
    with faulty_proxy(str(places.endpoint)) as proxy:
        warehouse = warehouse_at(replace(places, endpoint=proxy.url))
        warehouse.hold(held_by="ann", reason="prices", now=dt.datetime(2026, 10, 1, tzinfo=dt.UTC))
        assert f"POST {OF_A_DATASET}/tables" not in proxy.calls()
        assert f"POST {JOBS} UPDATE" in proxy.calls()


def jobs_of(places: Places, kind: str) -> list[str]:
    """The ids of the jobs of a kind that the service has done."""
    listed = places.client.list_jobs(max_results=1000)
    return [job.job_id for job in listed if job.job_type == kind and not getattr(job, "dry_run", False)]


def test_a_request_that_nobody_answers_is_given_up_in_time_and_done_once(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse_at(places).served_version(WEEK)  # makes the tables
    before = set(jobs_of(places, "query"))
    monkeypatch.setattr(jobs, "REQUEST_SECONDS", 3.0)
    held: list[Fault] = ["held"]
    with faulty_proxy(str(places.endpoint)) as proxy:
        proxy.fault = lambda *request: held.pop() if held and call_of(*request) == f"POST {JOBS} SELECT" else None
        assert warehouse_at(replace(places, endpoint=proxy.url)).served_version(WEEK) is None
        (sent, again) = [json.loads(body) for *request, body in proxy.asked if call_of(*request, body) == f"POST {JOBS} SELECT"]
    assert sent["jobReference"] == again["jobReference"]
    assert set(jobs_of(places, "query")) - before == {sent["jobReference"]["jobId"]}


def test_a_job_that_the_service_could_not_do_is_sent_anew(places: Places) -> None:
    failed: list[str] = []

    def fail(content: bytes, times: int = 1) -> bytes:
        job = json.loads(content or b"{}")
        kind = next(iter({"load", "query"} & job.get("configuration", {}).keys()), None)
        if kind is None or job["configuration"].get("dryRun") or failed.count(kind) == times:
            return content
        failed.append(kind)
        error = {"reason": "backendError", "message": "not now"}
        return json.dumps(job | {"status": {"state": "DONE", "errorResult": error, "errors": [error]}}).encode()

    with faulty_proxy(str(places.endpoint)) as proxy:
        at = replace(places, endpoint=proxy.url)
        proxy.edit = fail
        with warehouse_at(at).session({"counted": pa.table({"n": [1, 2]})}) as session:
            assert session.rows("n_rows") == [{"n_rows": 2}]
        assert sorted(failed) == ["load", "query"]
        proxy.edit = lambda content: fail(content, times=10_000)
        of_whom = r"load of stand-in\.scratch_\w+\.counted_\w+: 500 not now; .* The service did not answer as it should, for too"
        with (
            warehouse_at(at, retry_seconds=0.2).session({"counted": pa.table({"n": [1]})}) as session,
            pytest.raises(WarehouseError, match=of_whom),
        ):
            session.rows("n_rows")


def test_rows_that_stop_coming_are_asked_for_again(places: Places) -> None:
    code = grpc.StatusCode
    n_users = 30_000
    fill_source(places, {"users": pa.table({"user_id": [f"u{number}" for number in range(n_users)]})})
    with faulty_grpc_proxy(str(places.storage_endpoint)) as proxy:
        warehouse = warehouse_at(replace(places, storage_endpoint=proxy.url))
        for status in (code.UNAVAILABLE, code.RESOURCE_EXHAUSTED, code.INTERNAL):
            proxy.failing = {"CreateReadSession": [status]}
            with warehouse.session() as session:
                assert session.read("users_rows").num_rows == n_users
        proxy.failing = {"ReadRows": [code.UNAVAILABLE]}
        with warehouse.session() as session:
            assert session.read("users_rows").num_rows == n_users
        proxy.failing = {"ReadRows": [code.INTERNAL]}
        with (
            warehouse.session() as session,
            pytest.raises(WarehouseError, match=r"the rows of query 'users_rows', job recs_command_\w+: not now"),
        ):
            session.read("users_rows")
        assert {*proxy.asked} == {"CreateReadSession", "ReadRows"}

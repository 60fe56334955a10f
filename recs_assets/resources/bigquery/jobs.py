"""The one way in which jobs are sent: labelled, estimated before they run, limited, tried again within limits, and counted."""

import datetime as dt
import io
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core import exceptions, retry
from google.cloud import bigquery

from recs_assets.resources import running
from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.bigquery.failures import CLIENT_ERRORS, told
from recs_assets.resources.bigquery.types import bigquery_schema
from recs_assets.resources.errors import AccessError
from recs_assets.settings import BigQuerySettings

GIB, TIB = 1 << 30, 1 << 40
# A single request; the service says within it that a job has begun, not that it is done.
REQUEST_SECONDS = 120.0
# Of a part of an upload, and of the whole of it.
UPLOAD_RETRIES, UPLOADS = 4, 3
# A job that ended with one of these has done nothing, and may be sent again.
PASSING = frozenset(
    {"backendError", "internalError", "rateLimitExceeded", "jobBackendError", "jobInternalError", "jobRateLimitExceeded"}
)
# What a statement does with a run's turn to write: it opens a session, takes the turn in it, or gives it back.
Turn = Literal["opens", "takes", "ends"]

# Of parameters: a bool is an int, and a moment a date.
KINDS: Mapping[type, str] = {
    bool: "BOOL",
    int: "INT64",
    float: "FLOAT64",
    dt.datetime: "TIMESTAMP",
    dt.date: "DATE",
    str: "STRING",
    type(None): "STRING",
}


log = logging.getLogger(__name__)


class _FailedForNow(Exception):  # noqa: N818 - a reason to send a job again, never seen outside
    """A job that the service could not do this time."""


@dataclass(frozen=True)
class Ran:
    """A query that has run: its job, and its rows, which have not been read yet."""

    job: bigquery.QueryJob
    rows: Any


class Jobs:
    """Queries and loads, each a job with the labels of the step at work."""

    def __init__(self, places: Places, settings: BigQuerySettings) -> None:
        self.places = places
        self.settings = settings
        first_wait = min(1.0, settings.retry_seconds / 100)
        self.retry = bigquery.DEFAULT_RETRY.with_timeout(settings.retry_seconds).with_delay(initial=first_wait)
        self._again = retry.Retry(retry.if_exception_type(_FailedForNow), initial=first_wait, timeout=settings.retry_seconds)

    @property
    def client(self) -> bigquery.Client:
        """The client of the places."""
        return self.places.client

    @property
    def tables_label(self) -> str:
        """Whose turn it is about: a project may hold several datasets like ours."""
        return _label(self.places.tables)

    def query(
        self,
        text: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        name: str,
        session: str | None = None,
        turn: Turn | None = None,
    ) -> "Ran":
        """Run a query, or a statement that changes a table, to its end.

        Args:
            text: with the paths of tables in it.
            parameters: what it binds.
            name: what to call it.
            session: the id of the session in which it runs.
            turn: what it does with a turn to write, for its label. ``opens``: a session of its own.

        Raises:
            AccessError: it would read more than is allowed, or the service refuses it for good.
            ConcurrentError: another transaction changed the same table.
            WarehouseError: the service did not answer in time.
        """
        bound = [_parameter(key, value) for key, value in (parameters or {}).items()]
        within = [bigquery.ConnectionProperty("session_id", session)] if session else []
        limit = int(self.settings.max_gib_billed * GIB)
        marked = labels() | ({"turn": turn, "tables": self.tables_label} if turn else {})
        common = {"query_parameters": bound, "labels": marked, "connection_properties": within}
        # What begins or ends a transaction reads nothing.
        estimate = self.estimate(text, common, name=name) if turn in (None, "takes") else 0
        config = bigquery.QueryJobConfig(
            maximum_bytes_billed=limit,
            create_session=turn == "opens",
            job_timeout_ms=int(self.settings.job_seconds * 1000),
            **common,
        )

        def send(job_id: str) -> Any:
            # The client's own way of sending a job again would do so under another id.
            return self.client.query(
                text, job_config=config, job_id=job_id, retry=self.retry, job_retry=None, timeout=REQUEST_SECONDS
            )

        job, rows = self._done(send, f"query '{name}'")
        billed = job.total_bytes_billed
        self._count("query", name, job, estimate if billed is None else billed, job.slot_millis)
        return Ran(job, rows)

    def estimate(self, text: str, common: Mapping[str, Any], *, name: str) -> int:
        """The bytes that a query would read.

        Raises:
            AccessError: they are more than is allowed, or the service refuses the query.
        """
        with self.told(f"dry run of query '{name}'"):
            dry = self.described(text, common)
        n_bytes, allowed = int(dry.total_bytes_processed or 0), self.settings.max_gib_billed
        if n_bytes > allowed * GIB:
            raise AccessError(
                f"query '{name}' would read {n_bytes / GIB:,.1f} GiB of {_tables(dry)} (${self._dollars(n_bytes):,.2f}), and "
                f"bigquery.max_gib_billed allows {allowed:g} GiB. Nothing was run. Partition the tables of events by day "
                "(event_ts), or raise it in the settings."
            )
        return n_bytes

    def described(self, text: str, common: Mapping[str, Any]) -> bigquery.QueryJob:
        """A query that has not run: what it would read, and its columns."""
        config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False, **({"labels": labels()} | dict(common)))
        return self.client.query(
            text, job_config=config, job_id_prefix=id_prefix(), retry=self.retry, job_retry=None, timeout=REQUEST_SECONDS
        )

    def schema(self, text: str, parameters: Mapping[str, Any], *, name: str) -> list[bigquery.SchemaField]:
        """The columns that a query gives."""
        bound = [_parameter(key, value) for key, value in parameters.items()]
        with self.told(f"dry run of query '{name}'"):
            return list(self.described(text, {"query_parameters": bound}).schema or [])

    def load(self, rows: pa.Table | Sequence[str], table: str, *, columns: Mapping[str, str]) -> None:
        """Make a table of Arrow rows, or of Parquet files in the bucket, replaced whole.

        Args:
            rows: the rows, or the files' ``gs://`` addresses.
            table: its path.
            columns: of the rows, with their types in Arrow.

        Raises:
            AccessError: the service refuses it for good.
            WarehouseError: the service did not answer in time.
        """
        config = bigquery.LoadJobConfig(
            source_format="PARQUET", schema=bigquery_schema(columns), write_disposition="WRITE_TRUNCATE", labels=labels()
        )

        def send(job_id: str) -> Any:
            if isinstance(rows, pa.Table):
                return self._uploaded(rows, table, config, job_id)
            return self.client.load_table_from_uri(
                list(rows), table, job_config=config, job_id=job_id, retry=self.retry, timeout=REQUEST_SECONDS
            )

        job, _ = self._done(send, f"load of {table}")
        self._count("load", table.rpartition(".")[2], job, 0, None)

    def dataset(self, path: str) -> bigquery.Dataset:
        """A dataset.

        Raises:
            AccessError: it is not there, or may not be read, or lies elsewhere than the environment says.
        """
        with self.told(f"the dataset {path}"):
            dataset = self.client.get_dataset(path, retry=self.retry, timeout=REQUEST_SECONDS)
        if dataset.location.upper() != self.places.location.upper():
            raise AccessError(
                f"the dataset {path} lies in {dataset.location}. Set RECS_BQ_LOCATION to that, where all have to lie."
            )
        return dataset

    def drop(self, table: str) -> None:
        """Remove a table by its path, if it is there; raises as ``load``."""
        with self.told(f"the table {table}"):
            self.client.delete_table(table, not_found_ok=True, retry=self.retry, timeout=REQUEST_SECONDS)

    def told(self, what: str, job_id: str | None = None) -> AbstractContextManager[None]:
        """Say of what fails in the block where it was and what to do; see ``failures.told``."""
        return told(self.places, what, job_id)

    def _done(self, send: Callable[[str], Any], what: str) -> tuple[Any, Any]:
        """A job that ``send`` sends under an id, at its end, and its result; sent anew where the service failed it for now."""

        def run() -> tuple[Any, Any]:
            job_id = new_job_id()
            with self.told(what, job_id):
                try:
                    job = send(job_id)
                except exceptions.Conflict:  # the answer to it was lost: no other job has this id
                    job = self.client.get_job(job_id, retry=self.retry, timeout=REQUEST_SECONDS)
                try:
                    return job, job.result(retry=self.retry, timeout=self.settings.job_seconds)
                except CLIENT_ERRORS as error:
                    if (job.error_result or {}).get("reason") in PASSING:
                        raise _FailedForNow(str(error)) from error
                    raise

        with self.told(what):
            return self._again(run)()

    def _uploaded(self, rows: pa.Table, table: str, config: bigquery.LoadJobConfig, job_id: str) -> bigquery.LoadJob:
        """Rows are written whole, when all of them have come, and so may be sent again from the beginning."""

        def upload() -> bigquery.LoadJob:
            return self.client.load_table_from_file(
                _parquet(rows), table, job_config=config, job_id=job_id, num_retries=UPLOAD_RETRIES, timeout=REQUEST_SECONDS
            )

        for _ in range(UPLOADS - 1):
            try:
                return upload()
            except exceptions.Conflict:
                raise
            except CLIENT_ERRORS as error:
                log.warning("the rows of %s are sent again: %s", table, error)
        return upload()

    def _count(self, kind: str, name: str, job: Any, n_bytes: int, slot_millis: int | None) -> None:
        seconds = (slot_millis or 0) / 1000
        running.record(running.JobRecord(kind, name, job.job_id, n_bytes, seconds, self._dollars(n_bytes)))

    def _dollars(self, n_bytes: int) -> float:
        return n_bytes / TIB * self.settings.usd_per_tib


def labels() -> dict[str, str]:
    """The labels of the step at work, as BigQuery takes them."""
    return {word: _label(value) for word, value in running.current().labels.items()}


def id_prefix() -> str:
    """What the ids of all jobs of the step at work begin with."""
    return f"recs_{_label(running.current().name)}_"


def new_job_id() -> str:
    """An id that no other job has."""
    return f"{id_prefix()}{uuid.uuid4().hex}"


def _label(value: str) -> str:
    return "".join(character if character.isalnum() or character in "-_" else "_" for character in value.lower())[:63]


def _parameter(name: str, value: Any) -> bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter:
    if isinstance(value, list | tuple):
        return bigquery.ArrayQueryParameter(name, "STRING", list(value))
    # An absent value has no type of its own: the text says which, by a CAST.
    return bigquery.ScalarQueryParameter(name, next(kind for of, kind in KINDS.items() if isinstance(value, of)), value)


def _parquet(rows: pa.Table) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(rows, file, compression="zstd")
    file.seek(0)
    return file


def _tables(job: bigquery.QueryJob) -> str:
    names = sorted(f"{table.project}.{table.dataset_id}.{table.table_id}" for table in job.referenced_tables)
    return ", ".join(names) or "its tables"

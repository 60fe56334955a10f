"""What Google's clients raise, as errors that say where it was and what to do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import google.auth.exceptions
import requests
from google.api_core import exceptions

from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.errors import AccessError, WarehouseError

# What a transaction is told that has changed a table beside another one.
CONCURRENT = "concurrent update"

CLIENT_ERRORS = (
    exceptions.GoogleAPIError,
    google.auth.exceptions.GoogleAuthError,
    requests.RequestException,
    ConnectionError,
    TimeoutError,
)
FIXES: Mapping[type[Exception], str] = {
    exceptions.Forbidden: "Give the service account what the message names (jobUser on the project, dataViewer on the source, "
    "dataEditor on the other datasets), or raise the quota that it names.",
    exceptions.NotFound: "Look whether RECS_GCP_PROJECT, RECS_BQ_SOURCE, RECS_BQ_TABLES and RECS_BQ_SCRATCH name what is there, "
    "in the location RECS_BQ_LOCATION.",
    exceptions.BadRequest: "The text does not go with these tables: look at the columns that the message names.",
    google.auth.exceptions.GoogleAuthError: "Log in: gcloud auth application-default login; a pod: give it its service account.",
}


class ConcurrentError(WarehouseError):
    """Another transaction has changed the same table: nothing of this one was written."""


@contextmanager
def told(places: Places, what: str, job_id: str | None) -> Iterator[None]:
    """Say of what fails in the block where it was and what to do.

    Args:
        places: where it is.
        what: is done in the block.
        job_id: of the job that does it.

    Raises:
        AccessError: the service refuses it for good.
        ConcurrentError: another transaction changed the same table.
        WarehouseError: the service did not answer, or not in time.
    """
    try:
        yield
    except CLIENT_ERRORS as error:
        raise _error(places, what, job_id, error) from error


def _error(places: Places, what: str, job_id: str | None, error: Exception) -> WarehouseError:
    cause = error.cause if isinstance(error, exceptions.RetryError) and error.cause else error
    message = str(getattr(cause, "message", None) or cause).splitlines()[0]
    datasets = f"datasets {places.source}, {places.tables}, {places.scratch}"
    job = f", job {job_id}" if job_id else ""
    failed = f"BigQuery project {places.project} ({places.location}), {datasets}: {what}{job}: {message}"
    if CONCURRENT in str(cause):
        return ConcurrentError(f"{failed} Another run writes to the same tables: run again.")
    for kind, fix in FIXES.items():
        if isinstance(cause, kind):
            return AccessError(f"{failed} {fix}")
    return WarehouseError(f"{failed} The service did not answer as it should, for too long. What is served is whole; run again.")

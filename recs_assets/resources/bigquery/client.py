"""Where BigQuery is: a project, a location and three datasets, named by the environment; and the clients for it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import grpc
from google.auth.credentials import AnonymousCredentials, Credentials
from google.cloud import bigquery
from google.cloud.bigquery_storage import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

PROJECT, LOCATION = "RECS_GCP_PROJECT", "RECS_BQ_LOCATION"
SOURCE, TABLES, SCRATCH = "RECS_BQ_SOURCE", "RECS_BQ_TABLES", "RECS_BQ_SCRATCH"
# Only where something stands in for BigQuery.
ENDPOINT, STORAGE_ENDPOINT = "RECS_BQ_ENDPOINT", "RECS_BQ_STORAGE_ENDPOINT"

DATASET = re.compile(r"(?:[a-z][a-z0-9:.-]*\.)?[A-Za-z0-9_]+")


class PlaceError(ValueError):
    """A name of the environment that names no place; the message says which, and of what form it is."""


@dataclass(frozen=True)
class Places:
    """Where things are in BigQuery.

    Attributes:
        project: that jobs run in and are billed to.
        location: of all datasets.
        source: the retailer's dataset, ``project.dataset``.
        tables: our own dataset.
        scratch: the dataset of what a run needs for hours, whose tables expire.
        endpoint: the address of what stands in for BigQuery.
        storage_endpoint: that of its storage API, ``host:port``.
    """

    project: str
    location: str
    source: str
    tables: str
    scratch: str
    endpoint: str | None = None
    storage_endpoint: str | None = None

    @staticmethod
    def of(environment: Mapping[str, str] = os.environ) -> "Places":
        """The places that an environment names, all of them there.

        Raises:
            PlaceError: a dataset's name is none.
        """
        project = environment[PROJECT]
        datasets = []
        for variable in (SOURCE, TABLES, SCRATCH):
            name = environment[variable]
            if not DATASET.fullmatch(name):
                raise PlaceError(
                    f"{variable}={name}: that is no dataset. Write it as project.dataset, or as dataset of {project}."
                )
            datasets.append(name if "." in name else f"{project}.{name}")
        source, tables, scratch = datasets
        return Places(
            project,
            environment[LOCATION],
            source,
            tables,
            scratch,
            environment.get(ENDPOINT) or None,
            environment.get(STORAGE_ENDPOINT) or None,
        )

    @cached_property
    def client(self) -> bigquery.Client:
        """The client of jobs and tables; anonymous only where something stands in for BigQuery."""
        options = {"api_endpoint": self.endpoint} if self.endpoint else None
        return bigquery.Client(self.project, credentials=self._credentials, location=self.location, client_options=options)

    @cached_property
    def reader(self) -> BigQueryReadClient:
        """The client of the storage API, by which rows come as Arrow."""
        if self.storage_endpoint is None:
            return BigQueryReadClient()  # type: ignore[no-untyped-call]
        transport = BigQueryReadGrpcTransport(channel=grpc.insecure_channel(self.storage_endpoint))
        return BigQueryReadClient(transport=transport)  # type: ignore[no-untyped-call]

    @property
    def _credentials(self) -> Credentials | None:
        return AnonymousCredentials() if self.endpoint else None  # type: ignore[no-untyped-call]

"""The warehouse in BigQuery: the retailer's dataset, our own, and one whose tables expire."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property

from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.bigquery.jobs import REQUEST_SECONDS, Jobs
from recs_assets.resources.bigquery.ledger import BigQueryLedger
from recs_assets.resources.bigquery.scratch import Scratch
from recs_assets.resources.bigquery.session import BigQuerySession
from recs_assets.resources.bigquery.source import Source
from recs_assets.resources.ledger import Ledger
from recs_assets.resources.warehouse import Mount, Session, Warehouse
from recs_assets.settings import BigQuerySettings
from recs_assets.stored_tables import StoredTable


class BigQueryWarehouse(Warehouse):
    """BigQuery: heavy work in jobs, rows by the storage API, what is published in one transaction."""

    is_billed = True

    def __init__(
        self,
        places: Places,
        settings: BigQuerySettings,
        *,
        blank_texts: Sequence[str],
        lookback_days: int,
    ) -> None:
        """Open nothing yet.

        Args:
            places: where the datasets are.
            settings: what jobs may cost and take.
            blank_texts: of the source, that are no value.
            lookback_days: how old a log's rows are at most that anything looks at.
        """
        self._jobs = Jobs(places, settings)
        self._scratch = Scratch(self._jobs)
        self._blank_texts = tuple(blank_texts)
        self._lookback = dt.timedelta(days=lookback_days)

    def source_tables(self) -> frozenset[str]:
        """The contract's tables that are there; see ``Warehouse.source_tables``."""
        return self._source().present()

    def source_table(self, table: str) -> StoredTable | None:
        """A table of the contract as it is stored; see ``Warehouse.source_table``."""
        return self._source().stored(table)

    @contextmanager
    def session(self, tables: Mapping[str, Mount] | None = None) -> Iterator[Session]:
        """A session over the source tables, ``tables`` and the persistent ones; see ``Warehouse.session``."""
        session = BigQuerySession(self._jobs, self._made(), self._scratch, self._source())
        try:
            for name, mount in (tables or {}).items():
                session.mount(name, mount)
            yield session
        finally:
            session.close()

    def tables_with(self, pattern: str) -> list[str]:
        """Our own tables in which a text matches a regular expression."""
        jobs, ledger = self._jobs, self._made()
        with jobs.told(f"the list of tables of {jobs.places.tables}"):
            listed = jobs.client.list_tables(jobs.places.tables, retry=jobs.retry, timeout=REQUEST_SECONDS)
            names = [item.table_id for item in listed]
        return sorted(name for name in names if self._has(ledger.path(name), pattern))

    def _has(self, path: str, pattern: str) -> bool:
        with self._jobs.told(f"the table {path}"):
            table = self._jobs.client.get_table(path, retry=self._jobs.retry, timeout=REQUEST_SECONDS)
        matches = [f"REGEXP_CONTAINS(`{field.name}`, @pattern)" for field in table.schema if field.field_type == "STRING"]
        text = f"SELECT COUNT(*) AS n FROM `{path}` WHERE {' OR '.join(matches) or 'FALSE'}"
        (row,) = self._jobs.query(text, {"pattern": pattern}, name="search").rows
        return bool(row["n"])

    def _source(self) -> Source:
        return Source(self._jobs, self._scratch, self._blank_texts, self._lookback)

    @contextmanager
    def _ledger(self) -> Iterator[Ledger]:
        yield self._made()

    def _made(self) -> BigQueryLedger:
        """The ledger, its tables made where they are missing, once a process."""
        assert self._are_tables_made
        return BigQueryLedger(self._jobs, self._scratch)

    @cached_property
    def _are_tables_made(self) -> bool:
        BigQueryLedger(self._jobs, self._scratch).make()
        return True

"""Our own tables in BigQuery: the ledger's statements as jobs, its transactions as sessions."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from google.api_core import exceptions
from google.cloud import bigquery

from recs_assets.fault_points import reached
from recs_assets.own_tables import FIXED_TABLES, arrow_schema
from recs_assets.resources.bigquery.jobs import REQUEST_SECONDS, Jobs
from recs_assets.resources.bigquery.scratch import Scratch
from recs_assets.resources.bigquery.turns import TURN_TABLE, Turns
from recs_assets.resources.bigquery.types import sql_types, table_schema
from recs_assets.resources.ledger import STAGED_PREFIX, Ledger
from recs_assets.resources.queries import identifier, plain_rows
from recs_assets.resources.table_names import resolved, tables_of

# Large ones, beside those that are staged: a week's rows are deleted and read without the others.
PARTITIONED = ("recommendations", "quarantine")


class BigQueryLedger(Ledger):
    """The tables of our own dataset."""

    def __init__(self, jobs: Jobs, scratch: Scratch) -> None:
        self._jobs = jobs
        self._scratch = scratch
        self._turns = Turns(jobs)
        self._session: str | None = None
        self._temporary: dict[str, str] = {}

    def path(self, table: str) -> str:
        """The path of a persistent table."""
        return f"{self._jobs.places.tables}.{identifier(table)}"

    def make(self) -> None:
        """Make the fixed tables that are missing, and ask for no more: most accounts may make none."""
        self._jobs.dataset(self._jobs.places.tables)
        with self._jobs.told(f"the list of tables of {self._jobs.places.tables}"):
            listed = self._jobs.client.list_tables(self._jobs.places.tables, retry=self._jobs.retry, timeout=REQUEST_SECONDS)
            present = {item.table_id for item in listed}
        reached("attach.opened")
        for table, columns in FIXED_TABLES.items():
            if table not in present:
                self.create(table, columns)
        if TURN_TABLE not in present:
            self._turns.make()
        reached("attach.made")

    def _run(self, text: str, tables: Mapping[str, str], parameters: Mapping[str, Any]) -> None:
        self._jobs.query(self._resolved(text, tables), parameters, name=_name(text), session=self._session)

    def _rows(self, text: str, tables: Mapping[str, str], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        ran = self._jobs.query(self._resolved(text, tables), parameters, name=_name(text), session=self._session)
        with self._jobs.told(f"the rows of query '{_name(text)}'", ran.job.job_id):
            # Few rows: to ask for a stream of them takes longer.
            rows = ran.rows.to_arrow(create_bqstorage_client=False)
        return plain_rows(rows.cast(arrow_schema(sql_types(ran.rows.schema))))

    def columns(self, table: str) -> list[str]:
        """The columns of a persistent table in their order; none where there is no such table."""
        with self._jobs.told(f"the table {self.path(table)}"):
            try:
                # As a query sees them. A dry run costs nothing.
                dry = self._jobs.described(f"SELECT * FROM `{self.path(table)}` LIMIT 0", {})
            except exceptions.NotFound:
                return []
        return [field.name for field in dry.schema or []]

    def create(self, table: str, columns: Mapping[str, str]) -> None:
        """Make a persistent table, by weeks and sorted by people where it is large, where there is none of the name."""
        made = bigquery.Table(self.path(table), table_schema(columns))
        is_large = table in PARTITIONED or table.startswith(STAGED_PREFIX)
        if is_large and "week" in columns:
            made.time_partitioning = bigquery.TimePartitioning(type_="DAY", field="week")
        if is_large and "user_id" in columns:
            made.clustering_fields = ["user_id"]
        with self._jobs.told(f"the table {self.path(table)}"):
            self._jobs.client.create_table(made, exists_ok=True, retry=self._jobs.retry, timeout=REQUEST_SECONDS)

    def drop(self, table: str) -> None:
        """Remove a persistent table, if it is there."""
        self._jobs.drop(self.path(table))

    def alterations(self, table: str, added: Mapping[str, str], dropped: Sequence[str]) -> list[str]:
        """Statements that give a table columns and take others from it."""
        changes = [f"ADD COLUMN {identifier(column)} {kind}" for column, kind in added.items()]
        changes += [f"DROP COLUMN {identifier(column)}" for column in dropped]
        return [f"ALTER TABLE `{self.path(table)}` {change}" for change in changes]

    def add_columns(self, table: str, columns: Mapping[str, str]) -> None:
        """Give a persistent table columns."""
        for statement in self.alterations(table, columns, []):
            self._jobs.query(statement, name=f"columns of {table}")

    @contextmanager
    def temporary(self, name: str, rows: pa.Table) -> Iterator[None]:
        """Rows that the statements of the block read as ``name``; in the scratch dataset, whose tables expire."""
        self._temporary[name] = self._scratch.of_rows(identifier(name), rows)
        try:
            yield
        finally:
            self._scratch.drop(self._temporary.pop(name))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements of the block, or none of them.

        Raises:
            WarehouseError: it may have been committed, and nobody knows: who asks again finds it.
        """
        session = self._session = self._turns.take()
        try:
            yield
        except BaseException:
            self._turns.roll_back(session)
            raise
        else:
            self._turns.commit(session)
        finally:
            self._session = None

    def _resolved(self, text: str, tables: Mapping[str, str]) -> str:
        paths = {name: self._temporary.get(name) or self.path(tables.get(name, name)) for name in tables_of(text)}
        return resolved(text, {name: f"`{path}`" for name, path in paths.items()})


def _name(text: str) -> str:
    """What a statement is for, as its first line says."""
    first = text.partition("\n")[0]
    return first.removeprefix("-- ") if first.startswith("-- ") else "of the ledger"

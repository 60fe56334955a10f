"""A session over the retailer's tables and our own: queries as jobs, whose texts name tables by their paths."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from recs_assets.breaches import ContractError
from recs_assets.contract import SOURCE_TABLES
from recs_assets.fault_points import reached
from recs_assets.own_tables import arrow_schema
from recs_assets.resources.bigquery.jobs import Jobs, Ran
from recs_assets.resources.bigquery.ledger import BigQueryLedger
from recs_assets.resources.bigquery.scratch import Scratch
from recs_assets.resources.bigquery.source import Source
from recs_assets.resources.bigquery.types import sql_types
from recs_assets.resources.errors import AccessError
from recs_assets.resources.ledger import note_staged
from recs_assets.resources.queries import identifier, prepare, query_text
from recs_assets.resources.source_queries import ROWS
from recs_assets.resources.table_names import resolved, tables_of
from recs_assets.resources.warehouse import Mount, Parameter, Session

# What a query over a source table says where a value is none of its column's kind; see ``readings.selected``.
LOST_VALUE = "holds a value that is no"
# The parameter that says from when on a log's rows are read.
SINCE = "orders_start"


class BigQuerySession(Session):
    """Mounted tables lie in the scratch dataset; those that this session made go with it."""

    def __init__(self, jobs: Jobs, ledger: BigQueryLedger, scratch: Scratch, source: Source) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._scratch = scratch
        self._source = source
        self._mounts: dict[str, Mount] = {}
        self._paths: dict[str, str] = {}
        self._own: list[str] = []

    def batches(self, query: str, **parameters: Parameter) -> pa.RecordBatchReader:
        """The rows of a query as a stream; other queries may run while it is read."""
        text, bound = prepare(query, parameters)
        return self.streamed(self._run(text, bound, name=query), query)

    def materialize(self, name: str, query: str, **parameters: Parameter) -> None:
        """Keep the rows of a query as a table of this session."""
        text, bound = prepare(query, parameters)
        path = self._scratch.path(identifier(name))
        self._own.append(path)
        self._run(text, bound, name=query, prefix=f"CREATE TABLE `{path}` AS\n")
        self._paths[name] = path

    def mount(self, name: str, mount: Mount) -> None:
        """Make an Arrow table, Parquet files or a persistent table readable under a name; loaded when a query names it."""
        self._mounts[identifier(name)] = mount

    def close(self) -> None:
        """Remove the tables that this session made."""
        for path in self._own:
            self._scratch.drop(path)

    def streamed(self, ran: Ran, name: str) -> pa.RecordBatchReader:
        """The rows of a query that has run, in its order: one stream alone keeps that, and the client knows when it has to."""
        schema = arrow_schema(sql_types(ran.rows.schema))

        def read() -> Iterator[pa.RecordBatch]:
            with self._jobs.told(f"the rows of query '{name}'", ran.job.job_id):
                for batch in ran.rows.to_arrow_iterable(
                    bqstorage_client=self._jobs.places.reader, timeout=self._jobs.settings.job_seconds
                ):
                    yield from pa.Table.from_batches([batch]).cast(schema).to_batches()

        return pa.RecordBatchReader.from_batches(schema, read())

    def _run(self, text: str, bound: Mapping[str, Any], *, name: str, prefix: str = "") -> Ran:
        sources = sorted({ROWS.get(table, table) for table in tables_of(text) - self._mounts.keys()} & SOURCE_TABLES.keys())
        try:
            return self._jobs.query(prefix + resolved(text, self._references(text, bound)), bound, name=name)
        except AccessError as error:
            if LOST_VALUE not in str(error):
                raise
            problem = f"its rows cannot be read ({error})"
            raise ContractError(
                " or ".join(sources), problem, "Write the table again, from data that can be read whole."
            ) from error

    def _references(self, text: str, bound: Mapping[str, Any]) -> dict[str, str]:
        return {table: f"`{self._path(table, bound)}`" for table in tables_of(text)}

    def _mounted(self, name: str) -> str | None:
        """The path of what is mounted or kept under a name."""
        if name not in self._paths and name in self._mounts:
            mount = self._mounts[name]
            if isinstance(mount, str):
                self._paths[name] = self._ledger.path(mount)
            elif isinstance(mount, pa.Table):
                self._paths[name] = self._scratch.of_rows(name, mount)
                self._own.append(self._paths[name])
            else:
                self._paths[name] = self._scratch.of_files(name, mount)
        return self._paths.get(name)

    def _path(self, table: str, bound: Mapping[str, Any]) -> str:
        if (mounted := self._mounted(table)) is not None:
            return mounted
        if table in ROWS:
            of = ROWS[table]
            # Rows of a log that its cleaning does not look at are not read at all.
            since = bound.get(SINCE) if SOURCE_TABLES[of].is_log else None
            rows = self._mounted(of) or self._source.view(of, since=since)
            return self._scratch.view(table, resolved(query_text(table), {of: f"`{rows}`"}))
        if table in SOURCE_TABLES:
            return self._source.view(table)
        return self._ledger.path(table)

    def stage(self, table: str, query: str, **parameters: Parameter) -> int:
        """Write the rows of a query to a persistent table, created or replaced whole; see ``Session.stage``."""
        text, bound = prepare(query, parameters)
        note_staged(self._ledger, table, dt.datetime.now(dt.UTC))
        paths = self._references(text, bound)
        schema = self._jobs.schema(resolved(text, paths), bound, name=query)
        self._ledger.drop(table)
        self._ledger.create(table, sql_types(schema))
        reached("stage.made")
        # A table that a query makes has no clusters; one that is there is filled by the order of its columns.
        columns = ", ".join(field.name for field in schema)
        self._run(text, bound, name=query, prefix=f"INSERT INTO `{self._ledger.path(table)}` ({columns})\n")
        reached("stage.filled")
        return int(self._ledger.rows("n_rows", {"counted": table})[0]["n_rows"])

"""The retailer's dataset, brought to the contract's columns and types by views in the scratch dataset."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from google.cloud import bigquery

from recs_assets.breaches import ContractError, refuse
from recs_assets.contract import SOURCE_TABLES, SourceTable
from recs_assets.resources.bigquery.jobs import REQUEST_SECONDS, Jobs
from recs_assets.resources.bigquery.readings import absent, has_spaces, reading, selected, trimmed, word
from recs_assets.resources.bigquery.scratch import Scratch
from recs_assets.resources.errors import AccessError, SourceError
from recs_assets.resources.resembled import resembled
from recs_assets.stored_tables import StoredColumn, StoredTable

SHOWN_CHARACTERS = 60
# A day's beginning, as a value of what a moment is stored as. Partitions are days, or longer.
LITERALS = {"TIMESTAMP": "TIMESTAMP '{} 00:00:00+00'", "DATETIME": "DATETIME '{} 00:00:00'", "DATE": "DATE '{}'"}
FIRST_DAY = "0001-01-01"


class Source:
    """The tables of the retailer's dataset, as they are when it is made."""

    def __init__(self, jobs: Jobs, scratch: Scratch, blank_texts: Sequence[str], lookback: dt.timedelta) -> None:
        """``lookback``: how old a log's rows are at most whose values are looked at before anything reads them."""
        self._jobs = jobs
        self._lookback = lookback
        self._scratch = scratch
        self._blank_texts = tuple(blank_texts)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """The names of the dataset's tables and views, by themselves in lower case."""
        dataset = self._jobs.places.source
        try:
            self._jobs.dataset(dataset)
        except AccessError as error:
            raise SourceError(str(error)) from error
        with self._jobs.told(f"the list of tables of {dataset}"):
            listed = self._jobs.client.list_tables(dataset, retry=self._jobs.retry, timeout=REQUEST_SECONDS)
            names = {item.table_id.lower(): item.table_id for item in listed}
        if not any(resembled(name, list(SOURCE_TABLES)) for name in names):
            raise SourceError(
                f"the dataset {dataset} has none of the tables {', '.join(SOURCE_TABLES)}. Set RECS_BQ_SOURCE to one that does."
            )
        return names

    def present(self) -> frozenset[str]:
        """The contract's tables that are there.

        Raises:
            SourceError: there is no such dataset, or it has none of them.
        """
        return frozenset(SOURCE_TABLES) & self._names.keys()

    def stored(self, table: str) -> StoredTable | None:
        """A table as it is stored, looked at down to its values where its types may not hold what the contract's do."""
        alike = self._look_alikes(table)
        if alike:
            return StoredTable({}, (), (alike,))
        if table not in self._names:
            return None
        remote = self._table(table)
        columns = {field.name.lower(): field for field in remote.schema}
        known = {column.name for column in SOURCE_TABLES[table].columns}
        extra = tuple(field.name for name, field in columns.items() if name not in known)
        return StoredTable(self._looked_at(SOURCE_TABLES[table], remote, columns), extra)

    def view(self, table: str, *, since: dt.datetime | None = None) -> str:
        """The path of a view that has the contract's columns and types only; see ``Warehouse.session``.

        Args:
            table: of the contract.
            since: of a log, rows without a moment or from this one's day on alone, so that only their partitions are read.

        Raises:
            SourceError: there is no such dataset.
            ContractError: the table cannot be read as one.
        """
        alike = self._look_alikes(table)
        refuse([alike] if alike else [])
        declared = SOURCE_TABLES[table]
        if table not in self._names:
            return self._scratch.view(
                table, f"SELECT {', '.join(f'{absent(column)} AS {column.name}' for column in declared.columns)} LIMIT 0"
            )
        remote = self._table(table)
        columns = {field.name.lower(): field for field in remote.schema}
        listed = []
        for column in declared.columns:
            field = columns.get(column.name)
            read = reading(column, f"`{field.name}`", field.field_type) if field else None
            listed.append(selected(column, read, self._blank_texts) if read else f"{absent(column)} AS {column.name}")
        text = f"SELECT {', '.join(listed)} FROM `{self._path(table)}`{self._of_moments(declared, remote, columns, since)}"
        return self._scratch.view(table, text)

    def _of_moments(
        self,
        declared: SourceTable,
        remote: bigquery.Table,
        columns: Mapping[str, bigquery.SchemaField],
        since: dt.datetime | None,
    ) -> str:
        """The condition on a log's moments, on the stored column itself: partitions are skipped by no other."""
        moment = columns.get(declared.dated_by or "")
        if moment is None or not (since or remote.require_partition_filter):
            return ""
        day = since.astimezone(dt.UTC).date().isoformat() if since else FIRST_DAY
        literal = LITERALS[moment.field_type].format(day)
        return f" WHERE `{moment.name}` IS NULL OR `{moment.name}` >= {literal}"

    def _look_alikes(self, table: str) -> ContractError | None:
        if table in self._names:
            return None
        alike = [name for name in self._names.values() if resembled(name, [table]) == table]
        if not alike:
            return None
        problem = f"it is absent, and {', '.join(map(repr, alike[:3]))} looks like it and is not read"
        return ContractError(table, problem, f"Make a view '{table}' of it, or rename it.")

    def _looked_at(
        self, declared: SourceTable, remote: bigquery.Table, columns: Mapping[str, bigquery.SchemaField]
    ) -> dict[str, StoredColumn]:
        """The columns that the contract knows, with what one scan of those in doubt tells of their values."""
        looked_at, counts, meant = dict[str, StoredColumn](), [], list[tuple[str, str]]()
        for column in declared.columns:
            if column.name not in columns:
                continue
            field = columns[column.name]
            stored, held = f"`{field.name}`", word(field.field_type)
            is_lost = reading(column, stored, field.field_type).is_lost
            looked_at[column.name] = StoredColumn(held)
            if is_lost:
                counts.append(f"COUNT(IF({is_lost}, 1, NULL))")
                meant.append((column.name, "n_lost"))
            if is_lost and column.seen == "anywhere":
                counts.append(f"SUBSTR(MIN(IF({is_lost}, CAST({stored} AS STRING), NULL)), 1, {SHOWN_CHARACTERS})")
                meant.append((column.name, "sample"))
            if column.is_id and held == "text":
                counts.append(f"COUNT(IF({has_spaces(stored)} AND {trimmed(stored)} != '', 1, NULL))")
                meant.append((column.name, "n_trimmed"))
        if counts:
            listed = ", ".join(f"{count} AS c{number}" for number, count in enumerate(counts))
            since = dt.datetime.now(dt.UTC) - self._lookback if declared.is_log else None
            text = f"SELECT {listed} FROM `{self._path(declared.name)}`{self._of_moments(declared, remote, columns, since)}"
            (row,) = self._jobs.query(text, name=f"look at {declared.name}").rows
            for (name, what), value in zip(meant, row.values(), strict=True):
                looked_at[name] = replace(looked_at[name], **{what: value})
        return looked_at

    def _table(self, table: str) -> bigquery.Table:
        with self._jobs.told(f"the table {self._path(table)}"):
            return self._jobs.client.get_table(self._path(table), retry=self._jobs.retry, timeout=REQUEST_SECONDS)

    def _path(self, table: str) -> str:
        return f"{self._jobs.places.source}.{self._names[table]}"

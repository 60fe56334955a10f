"""The warehouse: the only gateway to tables. Read SQL into Arrow, stage a table, audit it, publish it in one transaction.

Two engines stand behind one text of SQL (the files of ``recs_assets/sql``): DuckDB, and BigQuery. This module is what
both have in common; what assets call is here.
"""

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from recs_assets.fault_points import reached
from recs_assets.own_tables import FIXED_TABLES, arrow_schema
from recs_assets.resources import erasing, holding, publishing, restoring, swapping
from recs_assets.resources.errors import RolloutMoved
from recs_assets.resources.holding import Hold
from recs_assets.resources.ledger import Ledger, newest_row, prune, superfluous_tables
from recs_assets.resources.publishing import Publication, Published
from recs_assets.resources.queries import plain_rows
from recs_assets.resources.restoring import Restoration
from recs_assets.resources.row_groups import ROW_GROUP_ROWS, row_groups
from recs_assets.resources.store.artifact import TableFile
from recs_assets.settings import MailSettings
from recs_assets.stored_tables import StoredTable

# Nullable parameters stand only inside CAST(@name AS type) in the queries: an untyped NULL has no type on BigQuery.
Parameter = dt.datetime | dt.date | str | int | float | bool | Sequence[str] | None

# An Arrow table, Parquet files, or the name of a persistent table (a staged one, say) to be read under another name.
Mount: TypeAlias = pa.Table | Sequence[TableFile] | str

APPENDED = ("quarantine", "audits", "verdicts", "costs", "rollout_assignment")


class Session(ABC):
    """Some tables under bare names, and queries over them. ``query`` is a name of ``queries.names()``.

    Every method raises ``ValueError`` where a parameter of the query is missing or unknown, or a name is no name.
    A query with slot markers takes their number as the parameter ``slots``.
    """

    @abstractmethod
    def batches(self, query: str, **parameters: Parameter) -> pa.RecordBatchReader:
        """The rows of a query as a stream; other queries may run while it is read."""

    @abstractmethod
    def materialize(self, name: str, query: str, **parameters: Parameter) -> None:
        """Keep the rows of a query as a table of this session, readable as ``name`` and gone with the session."""

    @abstractmethod
    def stage(self, table: str, query: str, **parameters: Parameter) -> int:
        """Write the rows of a query to a persistent table, created or replaced whole.

        Args:
            table: starts with ``staged_``; a version in the ledger cannot be replaced, so choose a name a run.

        Returns:
            The number of rows.

        Raises:
            ValueError: the name does not start so, or it is that of a published version.
        """

    def read(self, query: str, **parameters: Parameter) -> pa.Table:
        """The rows of a query as one Arrow table."""
        return self.batches(query, **parameters).read_all()

    def rows(self, query: str, **parameters: Parameter) -> list[dict[str, Any]]:
        """The rows of a query as plain values."""
        return plain_rows(self.read(query, **parameters))

    def audit(self, query: str, **parameters: Parameter) -> dict[str, Any]:
        """The single row of a query.

        Raises:
            ValueError: the query gave any other number of rows.
        """
        rows: list[dict[str, Any]] = self.read(query, **parameters).to_pylist()
        if len(rows) != 1:
            raise ValueError(f"query '{query}' gave {len(rows)} rows where one was expected.")
        return rows[0]

    def export(self, query: str, path: Path, **parameters: Parameter) -> int:
        """Stream the rows of a query into one Parquet file; the same rows in the same order give the same bytes.

        Returns:
            The number of rows.
        """
        reader = self.batches(query, **parameters)
        n_rows = 0
        with pq.ParquetWriter(path, reader.schema, compression="zstd", write_page_checksum=True) as writer:
            reached("export.opened")
            for group in row_groups(reader):
                reached("export.group")
                writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
                n_rows += group.num_rows
        reached("export.written", path)
        return n_rows


class Warehouse(ABC):
    """The retailer's source tables (read-only), and our own: staged, served, and the ledgers.

    Attributes:
        is_billed: what its queries read costs money.
    """

    is_billed = False

    @abstractmethod
    def source_tables(self) -> frozenset[str]:
        """The contract's tables that are there, readable or not.

        Raises:
            SourceError: there is no source, or it has none of the tables.
        """

    @abstractmethod
    def source_table(self, table: str) -> StoredTable | None:
        """A table of the contract as it is stored, looked at down to its values; ``None`` where it is absent.

        Raises:
            SourceError: there is no source, or it has none of the tables.
        """

    @abstractmethod
    def session(self, tables: Mapping[str, Mount] | None = None) -> AbstractContextManager[Session]:
        """A session that reads, under bare names, the contract's source tables, ``tables``, and the persistent ones.

        Source tables hold the contract's columns only; an absent optional column is NULL, an absent optional table empty.
        ``<table>_rows`` of ``source_queries`` are read like tables.

        A query that reads a source table raises ``SourceError`` as ``source_table`` does, and ``ContractError`` where the
        table cannot be read as one.
        """

    @abstractmethod
    def tables_with(self, pattern: str) -> list[str]:
        """Our own tables, staged ones among them, in which a text matches a regular expression (RE2)."""

    @abstractmethod
    def _ledger(self) -> AbstractContextManager[Ledger]:
        """The persistent tables, open for writing for as long as needed."""

    def bring_up(self) -> None:
        """Give the tables of an earlier version of this program the columns that were added since; see ``home_layout``."""
        with self._ledger() as ledger:
            for table, columns in FIXED_TABLES.items():
                present = ledger.columns(table)
                ledger.add_columns(table, {name: kind for name, kind in columns.items() if name not in present})

    def append(self, table: str, rows: pa.Table, *, replace: Mapping[str, Parameter] | None = None) -> None:
        """Add rows to a ledger of ``APPENDED``, in one transaction.

        Args:
            table: the ledger's name.
            rows: its columns, in any order.
            replace: what ``sql/changes/delete_<ledger>`` binds; those rows of the ledger are deleted first.

        Raises:
            ValueError: no such ledger, other columns than its own, or something else to replace.
        """
        if table not in APPENDED:
            raise ValueError(f"'{table}' is not a ledger to append to; choose one of {', '.join(APPENDED)}.")
        columns = FIXED_TABLES[table]
        if set(rows.column_names) != set(columns):
            raise ValueError(f"ledger '{table}' has the columns {list(columns)}; got {rows.column_names}.")
        typed = rows.select(list(columns)).cast(arrow_schema(columns))
        with self._ledger() as ledger, ledger.temporary("incoming", typed), ledger.transaction():
            if replace:
                ledger.run(f"delete_{table}", **replace)
                reached("append.deleted")
            ledger.run(f"insert_{table}")
            reached("append.inserted")
        reached("append.committed")

    def note_rollout(self, row: Mapping[str, Any], *, expected: int) -> None:
        """Add a row to the ledger ``rollout``, if its newest one is still the one of sequence ``expected``.

        Raises:
            RolloutMoved: somebody else has moved it meanwhile.
        """
        incoming = pa.Table.from_pylist([{**row, "sequence": expected + 1}], arrow_schema(FIXED_TABLES["rollout"]))
        with self._ledger() as ledger, ledger.temporary("incoming", incoming), ledger.transaction():
            newest = ledger.rows("rollout_state")
            if (newest[0]["sequence"] if newest else 0) != expected:
                raise RolloutMoved("the rollout has been moved meanwhile by somebody else. Look where it stands: make rollout.")
            ledger.run("insert_rollout")

    def publish(self, publication: Publication, *, kept_versions: int) -> Published | Hold:
        """Make a staged and audited version the served one, in one transaction; see ``publishing.publish``."""
        addressees = self._addressees(publication.published_at, publication.mail)
        with self._ledger() as ledger:
            return publishing.publish(ledger, publication, addressees, kept_versions=kept_versions)

    def restore(self, restoration: Restoration) -> Published:
        """Make an earlier version the served one again, in one transaction; see ``restoring.restore``."""
        addressees = self._addressees(restoration.published_at, restoration.mail)
        with self._ledger() as ledger:
            return restoring.restore(ledger, restoration, addressees)

    def unlike_served(self, table: str) -> str | None:
        """Why a staged mail cannot take the place of the served one, and what brings them together; ``None``: it can."""
        with self._ledger() as ledger:
            return swapping.unlike_served(ledger, ledger.columns(table))

    def hold(self, *, held_by: str, reason: str, now: dt.datetime, until: dt.datetime | None = None) -> None:
        """Stop publishing, until it is released or, at the latest, ``until``; raises as ``holding.note``."""
        with self._ledger() as ledger, ledger.transaction():
            holding.note(ledger, "set", held_by=held_by, reason=reason, now=now, held_until=until)

    def release(self, *, held_by: str, reason: str, now: dt.datetime) -> None:
        """Lift the hold on publishing; raises as ``holding.note``."""
        with self._ledger() as ledger, ledger.transaction():
            holding.note(ledger, "lifted", held_by=held_by, reason=reason, now=now)

    def held(self, now: dt.datetime) -> Hold | None:
        """The hold on publishing that is in force, or ``None``."""
        with self._ledger() as ledger:
            return holding.hold_in_force(ledger, now)

    def _addressees(self, now: dt.datetime, mail: MailSettings) -> pa.Table:
        """Who may be mailed at this moment, by the source's users as they are; user_id and email_lower."""
        with self.session() as session:
            return session.read("mail_addresses", now=now, **mail.parameters)

    def superfluous_tables(self, *, kept_versions: int, now: dt.datetime) -> list[str]:
        """Staged tables of versions that are not kept any more, and of runs that never published."""
        with self._ledger() as ledger:
            return superfluous_tables(ledger, kept_versions, now)

    def prune(
        self, *, kept_versions: int, now: dt.datetime, lists_up_to: dt.date | None, quarantined_weeks: Sequence[str]
    ) -> None:
        """Drop superfluous tables, and delete rows of weeks that are not looked back at any more.

        Args:
            kept_versions: how many published versions can be restored.
            now: the moment.
            lists_up_to: the last week whose served lists go; ``None``: none go.
            quarantined_weeks: whose rows of ``quarantine`` go.
        """
        with self._ledger() as ledger:
            prune(ledger, kept_versions, now)
            reached("prune.dropped")
            with ledger.transaction():
                if lists_up_to is not None:
                    ledger.run("delete_old_lists", week=lists_up_to)
                ledger.run("delete_old_quarantine", weeks=list(quarantined_weeks))
                reached("prune.deleted")
            reached("prune.forgotten")

    def erase(self, *, made_before: dt.datetime, now: dt.datetime, kept_versions: int, max_share: float) -> int:
        """Delete whoever is no user of the source any more from what was made before a moment.

        That is served and kept versions, and the arms of experiments.

        Args:
            made_before: the moment.
            now: for the ledger.
            kept_versions: how many published versions can be restored.
            max_share: of a table's people; where more are gone, nothing is erased.

        Returns:
            The number of rows, and of people who had an arm.

        Raises:
            ErasureRefused: more people of a table are gone than that.
        """
        with self.session() as session:
            served = session.read("served_versions").to_pylist()
            kept = session.read("kept_versions", kept_versions=kept_versions).to_pylist()
            assigned = session.rows("gone_assigned", moment=made_before)
        with self._ledger() as ledger:
            tables = erasing.of_people(ledger, served, kept, made_before)
        gone = {}
        for table in tables:
            with self.session({"staged": table.table, "mail": table.table}) as session:
                people = session.read("gone_people", week=table.week) if table.week else session.read("gone_addresses")
            if people.num_rows:
                gone[table] = people.column(0).to_pylist()
        if not gone and not assigned:
            return 0
        with self._ledger() as ledger, ledger.transaction():
            n_erased = erasing.erase(ledger, gone, now=now, max_share=max_share)
            n_erased += erasing.erase_assignments(ledger, assigned, max_share=max_share)
            reached("erase.noted")
        reached("erase.committed")
        return n_erased

    def served_version(self, week: dt.date) -> str | None:
        """The id of the newest publication of a week, which a publisher must expect; ``None`` before the first."""
        with self._ledger() as ledger:
            newest = newest_row(ledger, week)
        return None if newest is None else str(newest["publication_id"])

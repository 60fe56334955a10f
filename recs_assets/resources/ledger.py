"""The persistent tables of a warehouse as publishing sees them: statements, transactions, and who published what."""

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pyarrow as pa

from recs_assets.fault_points import reached
from recs_assets.own_tables import shape_of
from recs_assets.resources.queries import change_text, identifier, prepare

STAGED_PREFIX = "staged_"
# What another run has staged is no orphan while that run is still on its way to publishing it.
ORPHAN_AGE = dt.timedelta(days=1)

LONG, WIDE = "recommendations", "final_vehicle_recommendations"


class Ledger(ABC):
    """The persistent tables of a warehouse, open for writing.

    Statements are files: reads of ``sql``, changes of ``sql/changes``. They name tables by bare names: persistent ones, those of
    ``temporary``, and any other name that ``tables`` gives a table for. What makes, alters or drops a table stands outside of
    every transaction: BigQuery allows it nowhere else.
    """

    def run(self, change: str, tables: Mapping[str, str] | None = None, /, **parameters: Any) -> None:
        """Execute a statement of ``sql/changes``.

        Args:
            change: its name.
            tables: persistent tables, by the names that the statement has for them.
            **parameters: what it binds; ``slots`` and ``columns`` where it has markers of them.

        Raises:
            ValueError: there is no such statement, or it has other tables or parameters.
        """
        text, bound = prepare(change, parameters, change_text)
        self._run(text, _identifiers(tables), bound)

    def rows(self, query: str, tables: Mapping[str, str] | None = None, /, **parameters: Any) -> list[dict[str, Any]]:
        """The rows of a query of ``sql``, as plain values; arguments and errors as those of ``run``."""
        text, bound = prepare(query, parameters)
        return self._rows(text, _identifiers(tables), bound)

    @abstractmethod
    def _run(self, text: str, tables: Mapping[str, str], parameters: Mapping[str, Any]) -> None:
        """Execute a statement in BigQuery's dialect."""

    @abstractmethod
    def _rows(self, text: str, tables: Mapping[str, str], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a query in BigQuery's dialect."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """All changes of the block, or none of them; it reads what was committed before it began, and its own changes."""

    @abstractmethod
    def temporary(self, name: str, rows: pa.Table) -> AbstractContextManager[None]:
        """Rows that the statements of the block read as ``name``: made before a transaction begins, and gone after the block,
        or by themselves where the process dies in it."""

    @abstractmethod
    def columns(self, table: str) -> list[str]:
        """The columns of a persistent table in their order; none where there is no such table."""

    @abstractmethod
    def create(self, table: str, columns: Mapping[str, str]) -> None:
        """Make a persistent table of these columns and types of BigQuery's, where there is none of the name."""

    @abstractmethod
    def drop(self, table: str) -> None:
        """Remove a persistent table, if it is there."""

    @abstractmethod
    def alterations(self, table: str, added: Mapping[str, str], dropped: Sequence[str]) -> list[str]:
        """Statements of the engine's own that give a persistent table columns and take others from it, for a person to run."""

    @abstractmethod
    def add_columns(self, table: str, columns: Mapping[str, str]) -> None:
        """Give a persistent table columns, by name and type of BigQuery's; rows that are there have no value in them."""


def _identifiers(tables: Mapping[str, str] | None) -> dict[str, str]:
    return {name: identifier(table) for name, table in (tables or {}).items()}


def newest_row(ledger: Ledger, week: dt.date) -> dict[str, Any] | None:
    """The newest ledger row of a week, or ``None``."""
    return _as_it_stands(ledger, ledger.rows("newest_publication", week=week))


def newest_wide(ledger: Ledger) -> dict[str, Any] | None:
    """The newest ledger row that changed the mail, or ``None``."""
    return _as_it_stands(ledger, ledger.rows("newest_mail"))


def row_of(ledger: Ledger, publication_id: str) -> dict[str, Any] | None:
    """The ledger row of a publication, or ``None``."""
    return _as_it_stands(ledger, ledger.rows("publication", publication_id=publication_id))


def content(ledger: Ledger, table: str, week: dt.date) -> dict[str, Any]:
    """n_rows, n_users and content_hash of a week's rows in a long table, staged or served."""
    return ledger.rows("content_hash", {"staged": table}, week=week)[0]


def mail_hash(ledger: Ledger, table: str) -> str | None:
    """The hash of a wide table's content; ``None`` where there is no such table."""
    shape = shape_of(ledger.columns(table))
    return str(ledger.rows("mail_hash", {"mail": table}, **shape)[0]["mail_hash"]) if shape["slots"] else None


def standing(ledger: Ledger, table: str, publication_id: str) -> dict[str, Any] | None:
    """n_rows, n_users and content_hash of what is left of a version's table since rows were erased; ``None``: none were."""
    rows = ledger.rows("standing", table_name=table, publication_id=publication_id)
    return rows[0] if rows else None


def _as_it_stands(ledger: Ledger, rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The one ledger row, or none, with what erasures have left of its lists and of its mail while it is the served one."""
    if not rows:
        return None
    row = rows[0]
    mail = standing(ledger, WIDE, row["publication_id"]) if row["wide_table"] else None
    left = standing(ledger, row["long_table"], row["version_after"]) or {}
    return row | left | ({"mail_hash": mail["content_hash"], "n_mailed": mail["n_rows"]} if mail else {})


def note_staged(ledger: Ledger, table: str, now: dt.datetime) -> None:
    """Note a table that is staged next: one that is noted and never made is found by ``prune``, one that is not noted by nobody.

    Raises:
        ValueError: its name does not start with ``staged_``, or it is that of a published version.
    """
    if not identifier(table).startswith(STAGED_PREFIX):
        raise ValueError(f"a staged table's name starts with '{STAGED_PREFIX}'; got '{table}'.")
    with ledger.transaction():
        if any(table in (version["long_table"], version["wide_table"]) for version in ledger.rows("published_versions")):
            raise ValueError(f"'{table}' is a published version; stage under another name.")
        reached("stage.begun")
        ledger.run("delete_staged_table", table_name=table)
        ledger.run("insert_staged_table", table_name=table, staged_at=now)
        reached("stage.noting")
    reached("stage.noted")


def superfluous_tables(ledger: Ledger, kept_versions: int, now: dt.datetime) -> list[str]:
    """The tables of versions beyond the newest ``kept_versions``, and staged ones that never became a version."""
    versions = ledger.rows("published_versions")
    known = {row[name] for row in versions for name in ("long_table", "wide_table")}
    kept = {row[name] for row in versions[:kept_versions] for name in ("long_table", "wide_table")}
    staged = {row["table_name"]: row["staged_at"] for row in ledger.rows("staged_tables")}
    orphans = {name for name, staged_at in staged.items() if name not in known and staged_at < now - ORPHAN_AGE}
    return sorted(orphans | (set(staged) & known - kept))


def prune(ledger: Ledger, kept_versions: int, now: dt.datetime) -> None:
    """Drop the tables that are superfluous, then forget them: what is killed in between drops them once more."""
    for name in superfluous_tables(ledger, kept_versions, now):
        ledger.drop(name)
        reached("prune.table")
        ledger.run("delete_staged_table", table_name=name)

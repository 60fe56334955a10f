"""The persistent tables of a warehouse as publishing sees them: statements, transactions, and who published what."""

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pyarrow as pa

from recs_assets.resources.queries import identifier, query_text

# What another run has staged is no orphan while that run is still on its way to publishing it.
ORPHAN_AGE = dt.timedelta(days=1)


class Ledger(ABC):
    """The persistent tables of a warehouse, open for writing. Statements are in BigQuery's dialect."""

    @abstractmethod
    def run(self, statement: str, **parameters: Any) -> None:
        """Execute a statement."""

    @abstractmethod
    def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows of a query."""

    @abstractmethod
    def columns(self, table: str) -> list[str]:
        """The columns of a persistent table in their order; none where there is no such table."""

    @abstractmethod
    def insert(self, table: str, rows: pa.Table) -> None:
        """Add rows, by column name."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """All statements of the block, or none of them."""


def add_columns(ledger: Ledger, tables: Mapping[str, Mapping[str, str]]) -> None:
    """Give tables the columns that they lack, by name and type; rows that are there have no value in them."""
    for table, columns in tables.items():
        for column in sorted(columns.keys() - set(ledger.columns(table))):
            ledger.run(f"ALTER TABLE {table} ADD COLUMN {column} {columns[column]}")


def newest_row(ledger: Ledger, week: dt.date) -> dict[str, Any] | None:
    """The newest ledger row of a week, or ``None``."""
    rows = ledger.rows("SELECT * FROM publications WHERE week = @week ORDER BY sequence DESC LIMIT 1", week=week)
    return _as_it_stands(ledger, rows)


def content(ledger: Ledger, table: str, week: dt.date) -> dict[str, Any]:
    """n_rows, n_users and content_hash of a week's rows in a long table, staged or served."""
    statement = query_text("content_hash").replace("FROM staged", f"FROM {identifier(table)}")
    return ledger.rows(statement, week=week)[0]


def mail_hash(ledger: Ledger, table: str, rows: str | None = None) -> str | None:
    """The hash of a wide table's content, or of what a query takes of it; ``None`` where there is no such table."""
    slots = sum(name.startswith("rec_part_") for name in ledger.columns(identifier(table)))
    if not slots:
        return None
    statement = query_text("mail_hash", slots).replace("FROM mail", f"FROM ({rows}) AS mail" if rows else f"FROM {table}")
    return str(ledger.rows(statement)[0]["mail_hash"])


def row_of(ledger: Ledger, publication_id: str) -> dict[str, Any] | None:
    """The ledger row of a publication, or ``None``."""
    rows = ledger.rows("SELECT * FROM publications WHERE publication_id = @publication_id", publication_id=publication_id)
    return _as_it_stands(ledger, rows)


def next_sequence(ledger: Ledger) -> int:
    """The number of the next ledger row."""
    return int(ledger.rows("SELECT IFNULL(MAX(sequence), 0) + 1 AS sequence FROM publications")[0]["sequence"])


def newest_wide(ledger: Ledger) -> dict[str, Any] | None:
    """The newest ledger row that changed the mail, or ``None``."""
    rows = ledger.rows("SELECT * FROM publications WHERE wide_table IS NOT NULL ORDER BY sequence DESC LIMIT 1")
    return _as_it_stands(ledger, rows)


def standing(ledger: Ledger, table: str, publication_id: str) -> dict[str, Any] | None:
    """n_rows, n_users and content_hash of what is left of a version's table since rows were erased; ``None``: none were."""
    rows = ledger.rows(query_text("standing"), table_name=table, publication_id=publication_id)
    return rows[0] if rows else None


def _as_it_stands(ledger: Ledger, rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The one ledger row, or none, with what erasures have left of its lists and of its mail while it is the served one."""
    if not rows:
        return None
    row = rows[0]
    mail = standing(ledger, "final_vehicle_recommendations", row["publication_id"]) if row["wide_table"] else None
    left = standing(ledger, row["long_table"], row["version_after"]) or {}
    return row | left | ({"mail_hash": mail["content_hash"], "n_mailed": mail["n_rows"]} if mail else {})


def superfluous_tables(ledger: Ledger, kept_versions: int, now: dt.datetime) -> list[str]:
    """The tables of versions beyond the newest ``kept_versions``, and staged ones that never became a version."""
    versions = ledger.rows("SELECT * FROM publications WHERE action = 'publish' ORDER BY sequence DESC")
    known = {row[name] for row in versions for name in ("long_table", "wide_table")}
    kept = {row[name] for row in versions[:kept_versions] for name in ("long_table", "wide_table")}
    staged = {row["table_name"]: row["staged_at"] for row in ledger.rows("SELECT table_name, staged_at FROM staged_tables")}
    orphans = {name for name, staged_at in staged.items() if name not in known and staged_at < now - ORPHAN_AGE}
    return sorted(orphans | (set(staged) & known - kept))


def prune(ledger: Ledger, kept_versions: int, now: dt.datetime) -> None:
    """Drop the tables that are superfluous."""
    for name in superfluous_tables(ledger, kept_versions, now):
        with ledger.transaction():
            ledger.run(f"DROP TABLE IF EXISTS {identifier(name)}")
            ledger.run("DELETE FROM staged_tables WHERE table_name = @name", name=name)

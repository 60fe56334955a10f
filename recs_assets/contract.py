"""What comes in and what goes out: the seven source tables, the served and the ledger tables, and the error for a breach."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

Kind = Literal["string", "timestamp", "number", "integer", "boolean"]

# Rows that a clean_* query sorts out without fault of the retailer's: they are counted, not quarantined.
DUPLICATE_FAULTS = ("exact duplicate", "repeated event_id")
OUTSIDE_WINDOW = "outside window"

MAX_SAMPLES = 3


class ContractError(ValueError):
    """A source that breaks the contract; the message names the table, the week, the column, the count, samples and the fix."""

    def __init__(
        self,
        table: str,
        problem: str,
        fix: str,
        *,
        week: str | None = None,
        column: str | None = None,
        count: int | None = None,
        samples: Sequence[str] = (),
    ) -> None:
        self.table = table
        self.problem = problem
        self.fix = fix
        self.week = week
        self.column = column
        self.count = count
        self.samples = tuple(samples)[:MAX_SAMPLES]
        super().__init__(self._message())

    def _message(self) -> str:
        where = f"source table '{self.table}'"
        if self.column is not None:
            where += f", column '{self.column}'"
        if self.week is not None:
            where += f", week {self.week}"
        details = [] if self.count is None else [f"{self.count:,} rows"]
        if self.samples:
            details.append("for example " + ", ".join(repr(sample) for sample in self.samples))
        about = f" ({'; '.join(details)})" if details else ""
        return f"{where}: {self.problem}{about}. {self.fix}"


@contextmanager
def in_week(week: str) -> Iterator[None]:
    """Add the week to a breach that was found where weeks are not known."""
    try:
        yield
    except ContractError as error:
        if error.week is not None:
            raise
        raise ContractError(
            error.table, error.problem, error.fix, week=week, column=error.column, count=error.count, samples=error.samples
        ) from error


@dataclass(frozen=True)
class Column:
    """One column of a source table; ids are strings, times are UTC timestamps."""

    name: str
    kind: Kind
    required: bool


@dataclass(frozen=True)
class SourceTable:
    """One source table: its key columns (empty where rows have none), its columns, and whether it may be absent."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    optional: bool


def _required(name: str, kind: Kind = "string") -> Column:
    return Column(name, kind, required=True)


def _optional(name: str, kind: Kind = "string") -> Column:
    return Column(name, kind, required=False)


SOURCE_TABLES: dict[str, SourceTable] = {
    table.name: table
    for table in (
        SourceTable(
            "users",
            ("user_id",),
            (
                _required("user_id"),
                _optional("email"),
                _optional("created_at", "timestamp"),
                _optional("email_consent", "boolean"),
            ),
            optional=False,
        ),
        SourceTable(
            "vehicles",
            ("vehicle_id",),
            (
                _required("vehicle_id"),
                _optional("year", "integer"),
                _optional("make"),
                _optional("model"),
                _optional("engine"),
            ),
            optional=True,
        ),
        SourceTable(
            "ownership",
            ("user_id", "vehicle_id"),
            (
                _required("user_id"),
                _required("vehicle_id"),
                _optional("slot", "integer"),
                _optional("added_at", "timestamp"),
            ),
            optional=True,
        ),
        SourceTable(
            "products",
            ("product_id",),
            (
                _required("product_id"),
                _required("part_type"),
                _required("price", "number"),
                _optional("brand"),
                _optional("title"),
                _optional("image_url"),
                _optional("variant_group"),
                _optional("is_refurbished", "boolean"),
                _optional("is_universal", "boolean"),
                _optional("created_at", "timestamp"),
            ),
            optional=False,
        ),
        SourceTable("fitment", ("product_id", "vehicle_id"), (_required("product_id"), _required("vehicle_id")), optional=True),
        SourceTable(
            "events",
            ("event_id",),
            (
                _required("event_id"),
                _required("user_id"),
                _required("product_id"),
                _required("event_type"),
                _required("event_ts", "timestamp"),
                _optional("order_id"),
                _optional("quantity", "integer"),
            ),
            optional=False,
        ),
        SourceTable(
            "email_events",
            (),
            (
                _required("user_id"),
                _required("send_id"),
                _required("event_type"),
                _required("event_ts", "timestamp"),
                _optional("product_id"),
            ),
            optional=True,
        ),
    )
}

# A store either knows what fits what, or it does not: these three come together or not at all.
FITMENT_TABLES = ("vehicles", "ownership", "fitment")

# Types are BigQuery's; recommendations is partitioned by week and clustered by user_id where the engine knows how.
RECOMMENDATIONS: dict[str, str] = {
    "user_id": "STRING",
    "week": "DATE",
    "rank": "INT64",
    "product_id": "STRING",
    "final_score": "FLOAT64",
    "sql_score": "FLOAT64",
    "gnn_score": "FLOAT64",
    "segment": "STRING",
    "arm": "STRING",
    "source": "STRING",
    "reason_code": "STRING",
    "reason_text": "STRING",
    "model_week": "DATE",
    "run_id": "STRING",
    "scored_at": "TIMESTAMP",
}

QUARANTINE: dict[str, str] = {
    "week": "DATE",
    "source_table": "STRING",
    "reason": "STRING",
    "row_key": "STRING",
    "row_json": "STRING",
}

AUDITS: dict[str, str] = {
    "audit_id": "STRING",
    "week": "DATE",
    "staged_table": "STRING",
    "content_hash": "STRING",
    "mail_hash": "STRING",
    "decision": "STRING",
    "n_rows": "INT64",
    "n_users": "INT64",
    "violations_json": "STRING",
    "reason": "STRING",
    "run_id": "STRING",
    "audited_at": "TIMESTAMP",
}

VERDICTS: dict[str, str] = {
    "gate": "STRING",
    "week": "DATE",
    "decision": "STRING",
    "reason": "STRING",
    "figures_json": "STRING",
    "run_id": "STRING",
    "settings_hash": "STRING",
    "judged_at": "TIMESTAMP",
}

PUBLICATIONS: dict[str, str] = {
    "sequence": "INT64",
    "publication_id": "STRING",
    "week": "DATE",
    "version_before": "STRING",
    "version_after": "STRING",
    "action": "STRING",
    "audit_id": "STRING",
    "content_hash": "STRING",
    "mail_hash": "STRING",
    "n_rows": "INT64",
    "n_users": "INT64",
    "run_id": "STRING",
    "model_week": "DATE",
    "model_version": "STRING",
    "settings_hash": "STRING",
    "published_at": "TIMESTAMP",
    "reason": "STRING",
    "long_table": "STRING",
    "wide_table": "STRING",
}


def wide_columns(slots: int) -> dict[str, str]:
    """The columns of ``final_vehicle_recommendations`` with ``slots`` recommendations a row, with BigQuery's types."""
    columns = {"email_lower": "STRING", "v1_year": "INT64", "v1_make": "STRING", "v1_model": "STRING"}
    for slot in range(1, slots + 1):
        columns |= {
            f"rec_part_{slot}": "STRING",
            f"rec{slot}_price": "FLOAT64",
            f"rec{slot}_score": "FLOAT64",
            f"rec{slot}_image": "STRING",
            f"rec{slot}_type": "STRING",
            f"rec{slot}_pop_source": "STRING",
        }
    return columns | {"generated_at": "TIMESTAMP", "pipeline_version": "STRING"}

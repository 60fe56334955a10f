"""What comes in and what goes out: the seven source tables, the served and the ledger tables, and the error for a breach."""

from collections.abc import Mapping, Sequence
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
    "decision": "STRING",
    "n_rows": "INT64",
    "n_users": "INT64",
    "violations_json": "STRING",
    "run_id": "STRING",
    "audited_at": "TIMESTAMP",
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
    "n_rows": "INT64",
    "n_users": "INT64",
    "run_id": "STRING",
    "model_week": "DATE",
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


# What the engine may call a column of each kind; a column of nothing but NULLs has no type of its own and fits anywhere.
ACCEPTED_KINDS: dict[Kind, frozenset[str]] = {
    "string": frozenset({"string", "null"}),
    "timestamp": frozenset({"timestamp", "null"}),
    "number": frozenset({"number", "integer", "null"}),
    "integer": frozenset({"number", "integer", "null"}),
    "boolean": frozenset({"boolean", "null"}),
}


def check_columns(table: str, found: Mapping[str, str] | None, week: str | None = None) -> list[str]:
    """Hold one source table against the contract.

    Args:
        table: a name in ``SOURCE_TABLES``.
        week: named in the message of an error.
        found: its columns with their kinds, as ``Warehouse.source_columns`` gives them; ``None`` where the table is absent.

    Returns:
        Warnings, one for each column that the contract does not know.

    Raises:
        ContractError: the table is absent and not optional, or a column is missing or of another type.
    """
    contract = SOURCE_TABLES[table]
    if found is None:
        if contract.optional:
            return []
        raise ContractError(table, "the table is absent", f"Provide '{table}' in the source (RECS_SOURCE).", week=week)
    for column in contract.columns:
        if column.name not in found:
            if column.required:
                present = ", ".join(found) or "none"
                fix = f"Add a column '{column.name}' ({column.kind}) to '{table}'; its columns are: {present}."
                raise ContractError(table, "the required column is missing", fix, week=week, column=column.name)
        elif found[column.name] not in ACCEPTED_KINDS[column.kind]:
            problem = f"the column is {found[column.name]}, the contract says {column.kind}"
            raise ContractError(table, problem, f"Cast it to {column.kind} in the source.", week=week, column=column.name)
    known = {column.name for column in contract.columns}
    return [
        f"source table '{table}': column '{name}' is not in the contract and is ignored" for name in found if name not in known
    ]


def check_presence(found: Mapping[str, Mapping[str, str] | None], week: str | None = None) -> bool:
    """Whether the store has fitment: all of ``FITMENT_TABLES`` are present (True) or none of them is (False).

    Raises:
        ContractError: only some of them are present.
    """
    absent = [table for table in FITMENT_TABLES if found.get(table) is None]
    if absent and len(absent) < len(FITMENT_TABLES):
        present = ", ".join(table for table in FITMENT_TABLES if table not in absent)
        problem = f"the table is absent although {present} is present"
        raise ContractError(absent[0], problem, f"Provide all of {', '.join(FITMENT_TABLES)}, or none of them.", week=week)
    return not absent

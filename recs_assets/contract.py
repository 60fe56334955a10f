"""What comes in: the seven source tables, and the error for a breach."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

Kind = Literal["string", "timestamp", "number", "integer", "boolean"]

# Why a clean_* query leaves out rows with which nothing is wrong: they are counted, not quarantined.
DUPLICATE_FAULTS = ("exact duplicate", "repeated event_id", "repeated user_id and vehicle_id")
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
    """Add the week to a breach that was met where weeks are not known."""
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

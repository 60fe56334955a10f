"""How many rows of a source table may be faulty, of all of them and of each kind of event: views must not hide orders."""

from collections.abc import Mapping, Sequence
from typing import Any

from recs_assets.breaches import ContractError
from recs_assets.contract import SOURCE_TABLES, SourceTable
from recs_assets.gates.source import RowCounts

# By kind of row, how many have which fault; None are those that were accepted.
Kinds = Mapping[str, Mapping[str | None, int]]


def rows_of_kinds(table: str, by_kind: Sequence[Mapping[str, Any]], min_rows: int) -> Kinds:
    """The rows in the window of each kind that has at least ``min_rows`` of them.

    Args:
        table: of the source.
        by_kind: kind, fault and n_rows of all that were read.
        min_rows: of a kind; fewer tell nothing.
    """
    kinds: dict[str, dict[str | None, int]] = {}
    for row in by_kind:
        if row["fault"] is None or SOURCE_TABLES[table].fault(row["fault"]).outcome != "outside window":
            kinds.setdefault(row["kind"], {})[row["fault"]] = int(row["n_rows"])
    return {kind: rows for kind, rows in kinds.items() if sum(rows.values()) >= min_rows}


def named(table: str, kind: str) -> str:
    """The rows of a kind, in words."""
    return f"rows with {SOURCE_TABLES[table].kind_column} '{kind}'"


def refuse_too_many_faults(
    table: str,
    week: str,
    faults: Sequence[Mapping[str, Any]],
    counts: RowCounts,
    max_share: float,
    kinds: Kinds,
) -> None:
    """Refuse a table of which too many rows are quarantined, or too many of one kind.

    Args:
        table: of the source.
        week: of the run.
        faults: fault, n_rows and samples, the most frequent first.
        counts: what became of all its rows.
        max_share: of its rows in the window, and of those of each kind.
        kinds: its rows by kind.

    Raises:
        ContractError: names every fault with its number and up to three values that it shows, and up to three keys of the most
            frequent one.
    """
    quarantined = {row["fault"]: int(row["n_rows"]) for row in faults if row["fault"] in counts.quarantined}
    parts = [("rows", quarantined, counts.rows_in)]
    for kind, by_fault in kinds.items():
        of_kind = {fault: n_rows for fault, n_rows in by_fault.items() if fault is not None and fault in quarantined}
        parts.append((named(table, kind), of_kind, sum(by_fault.values())))
    for rows, of_rows, n_rows in parts:
        n_quarantined = sum(of_rows.values())
        if n_quarantined <= max_share * n_rows:
            continue
        worst = [{**row, "n_rows": of_rows[row["fault"]]} for row in faults if row["fault"] in of_rows]
        worst.sort(key=lambda row: -row["n_rows"])
        told = "; ".join(_told(SOURCE_TABLES[table], row) for row in worst)
        kept = f"SELECT reason, row_key, row_json FROM quarantine WHERE week = '{week}' AND source_table = '{table}'"
        raise ContractError(
            table,
            f"{n_quarantined:,} of its {n_rows:,} {rows} are faulty, {n_quarantined / n_rows:.1%} where "
            f"source.max_quarantined_share allows {max_share:.0%}: {told}",
            f"Look at them in RECS_HOME/warehouse.duckdb: {kept}. Fix the source; if these rows are really to be left out, raise "
            "source.max_quarantined_share in the settings.",
            week=week,
            samples=() if SOURCE_TABLES[table].names_people else _three(worst[0], "sample"),
        )


def _told(table: SourceTable, row: Mapping[str, Any]) -> str:
    values = ", ".join(repr(value) for value in _three(row, "value"))
    shows = table.fault(row["fault"]).shows
    note = next(
        (f"; {column.name} is one of: {column.note}" for column in table.columns if column.name == shows and column.note), ""
    )
    return f"{row['n_rows']:,} {row['fault']}" + (f" ({values}{note})" if values else "")


def _three(row: Mapping[str, Any], name: str) -> list[str]:
    return [row[f"{name}_{number}"] for number in (1, 2, 3) if row.get(f"{name}_{number}") is not None]

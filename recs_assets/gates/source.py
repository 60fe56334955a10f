"""What the source tables have to be before anything is learned from them or served: contract, rows, faults, freshness."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recs_assets.breaches import ContractError
from recs_assets.contract import FITMENT_TABLES, SOURCE_TABLES, Outcome
from recs_assets.gates.column_fix import column_fix
from recs_assets.gates.verdict import FAIL, PASS, WARN, Verdict
from recs_assets.stored_tables import StoredTable
from recs_assets.weeks import Week


def check_profile(table: str, week: Week, profile: dict[str, Any], count: Verdict) -> None:
    """Refuse a table that has lost rows or dried up since last week.

    Raises:
        ContractError: the table has lost more rows since last week than allowed (an absent table has none), or its events
            have dried up.
    """
    if count.decision == FAIL:
        problem = f"it has lost rows: {count.reason.removesuffix('.')}"
        fix = "Check the load; if the loss is real, lower source.min_rows_share in the settings for this run."
        raise ContractError(table, problem, fix, week=week.key)
    declared = SOURCE_TABLES[table]
    if not declared.is_log or declared.optional or profile["events_in_week"]:
        return
    if profile["events_before_week"] > 0 or profile["n_rows"] > profile["n_read"]:
        problem = f"no event in the seven days before {week.as_of:%Y-%m-%d %H:%M} UTC, though earlier weeks had some"
        raise ContractError(table, problem, "Check the load of events.", week=week.key, column=declared.dated_by, count=0)


def column_breaches(table: str, stored: StoredTable | None) -> list[ContractError]:
    """Everything that keeps a source table from being read by the contract: files, missing columns, values of another type.

    Args:
        table: a name in ``SOURCE_TABLES``.
        stored: the table as it is stored; ``None`` where it is absent.
    """
    contract = SOURCE_TABLES[table]
    if stored is None:
        if contract.optional:
            return []
        return [ContractError(table, "the table is absent", f"Provide '{table}' in the source (RECS_SOURCE).")]
    breaches = list(stored.breaches)
    for column in contract.columns:
        held = stored.columns.get(column.name)
        if held is None and column.required and (stored.columns or stored.extra or not breaches):
            present = ", ".join([*stored.columns, *stored.extra]) or "none"
            fix = f"Add a column '{column.name}' ({column.kind}) to '{table}'; its columns are: {present}."
            breaches.append(ContractError(table, "the required column is missing", fix, column=column.name))
        elif held is not None and held.n_lost:
            problem = f"the column is {held.held_as}, the contract says {column.kind}, and values would not stay what they are"
            fix = column_fix(column, held.held_as, held.sample)
            samples = () if held.sample is None else (held.sample,)
            breaches.append(ContractError(table, problem, fix, column=column.name, count=held.n_lost, samples=samples))
    return breaches


def remarks(table: str, stored: StoredTable | None) -> list[str]:
    """What is no breach and worth a warning: columns that the contract does not know, ids that came with spaces."""
    if stored is None:
        return []
    of = f"source table '{table}'"
    told = [f"{of}: not in the contract, and ignored: {', '.join(map(repr, stored.extra))}"] if stored.extra else []
    spaces = [(name, column.n_trimmed) for name, column in stored.columns.items() if column.n_trimmed]
    return told + [f"{of}, column '{name}': {n:,} ids have spaces around them, which are not read" for name, n in spaces]


def presence_breaches(table: str, present: Collection[str]) -> list[ContractError]:
    """Whether a store has fitment: all of ``FITMENT_TABLES`` are present, or none of them; the breach if ``table`` is one."""
    absent = [name for name in FITMENT_TABLES if name not in present]
    if table not in FITMENT_TABLES or not absent or len(absent) == len(FITMENT_TABLES):
        return []
    there = ", ".join(name for name in FITMENT_TABLES if name not in absent)
    problem = f"the table is absent although {there} is present"
    return [ContractError(absent[0], problem, f"Provide all of {', '.join(FITMENT_TABLES)}, or none of them.")]


@dataclass(frozen=True)
class RowCounts:
    """Where the rows of a source table went, but for those that were accepted."""

    source: int
    quarantined: Mapping[str, int]
    set_aside: Mapping[str, int]
    duplicates: Mapping[str, int]
    outside_window: int

    @property
    def rows_in(self) -> int:
        """Rows that belong to this week's export: all but those not known yet, or too old to look back to."""
        return self.source - self.outside_window

    @property
    def rows_left(self) -> int:
        """Rows in that nothing was said against."""
        return self.rows_in - sum(sum(left.values()) for left in (self.quarantined, self.set_aside, self.duplicates))

    def conserved(self, accepted: int) -> bool:
        """Rows in = accepted + quarantined + set aside + duplicates."""
        return accepted == self.rows_left


def row_counts(table: str, faults: Sequence[Mapping[str, Any]], source_rows: int, rows_read: int | None = None) -> RowCounts:
    """What became of the rows, from the counts by fault.

    Args:
        table: of the source.
        faults: fault and n_rows of the rows that were read.
        source_rows: of the whole table.
        rows_read: of them; the others are older than the window. ``None``: all.

    Raises:
        ValueError: the table does not declare a fault.
    """
    by_outcome: dict[Outcome, dict[str, int]] = defaultdict(dict)
    for row in faults:
        by_outcome[SOURCE_TABLES[table].fault(row["fault"]).outcome][row["fault"]] = int(row["n_rows"])
    return RowCounts(
        source=source_rows,
        quarantined=by_outcome["quarantined"],
        set_aside=by_outcome["set aside"],
        duplicates=by_outcome["duplicate"],
        outside_window=sum(by_outcome["outside window"].values()) + (0 if rows_read is None else source_rows - rows_read),
    )


def refuse_nothing_to_sell(reasons: Sequence[str | None], week: str) -> None:
    """Refuse a catalogue of which the rules keep every part out of every list.

    Raises:
        ContractError: names every reason with the number of its parts.
    """
    if any(reason is None for reason in reasons):
        return
    if not reasons:
        problem = "none of its parts is known by the end of the week"
        raise ContractError("products", problem, "Choose a later week, or fix created_at.", week=week, count=0)
    told = ", ".join(f"{count:,} because of '{reason}'" for reason, count in Counter(reasons).most_common())
    problem = f"the rules keep every part out of every list: {told}"
    raise ContractError(
        "products", problem, "Fix the column behind it, or change that rule in the settings (section rules).", week=week
    )


def row_count(table: str, n_rows: int, n_last_week: int | None, *, min_share: float, max_change: float | None) -> Verdict:
    """Is a source table as large as last week's? FAIL: below ``min_share`` of it. WARN: changed by more than ``max_change``.

    Args:
        table: its name; the gate is called ``row_count_<table>``.
        n_rows: rows today; a table that is absent has none.
        n_last_week: ``None`` in a first week, which passes.
        min_share: of last week's rows.
        max_change: of last week's rows, either way; ``None`` never warns.
    """
    figures = {"rows": n_rows, "last_week": n_last_week}
    if not n_last_week:
        return Verdict(f"row_count_{table}", PASS, f"{n_rows:,} rows, and no week before to compare them with.", figures)
    change = n_rows / n_last_week - 1
    measured = f"{n_rows:,} rows, {change:+.1%} against last week's {n_last_week:,}"
    if n_rows < min_share * n_last_week:
        return Verdict(f"row_count_{table}", FAIL, f"{measured}: less than the {min_share:.0%} asked for.", figures)
    if max_change is not None and abs(n_rows - n_last_week) > max_change * n_last_week:
        return Verdict(f"row_count_{table}", WARN, f"{measured}: more than {max_change:.0%} either way.", figures)
    return Verdict(f"row_count_{table}", PASS, f"{measured}.", figures)


def freshness(newest: dt.datetime | None, as_of: dt.datetime, *, max_age_hours: float | None) -> Verdict:
    """Do events still arrive? WARN: the newest one is older than ``max_age_hours`` (``None``: never), or there is none."""
    if newest is None:
        return Verdict("freshness", WARN, "there is no event at all.", {"newest": None, "age_hours": None})
    age = (as_of - newest) / dt.timedelta(hours=1)
    figures = {"newest": newest.isoformat(), "age_hours": round(age, 1)}
    measured = f"the newest event is {age:.1f} hours older than the moment the week may know"
    if max_age_hours is not None and age > max_age_hours:
        return Verdict("freshness", WARN, f"{measured}: more than {max_age_hours:g}. Check the load of events.", figures)
    return Verdict("freshness", PASS, f"{measured}.", figures)

"""What the source tables have to be before anything is learned from them or served: contract, rows, faults, freshness."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recs_assets.contract import FITMENT_TABLES, SOURCE_TABLES, ContractError, Kind, Outcome
from recs_assets.gates.verdict import FAIL, PASS, WARN, Verdict
from recs_assets.weeks import Week

# What the engine may call a column of each kind; a column of nothing but NULLs has no type of its own and fits anywhere.
ACCEPTED_KINDS: dict[Kind, frozenset[str]] = {
    "string": frozenset({"string", "null"}),
    "timestamp": frozenset({"timestamp", "null"}),
    "number": frozenset({"number", "integer", "null"}),
    "integer": frozenset({"number", "integer", "null"}),
    "boolean": frozenset({"boolean", "null"}),
}


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
    if declared.is_log and profile["events_in_week"] == 0 and profile["events_before_week"] > 0:
        problem = f"no event in the seven days before {week.as_of:%Y-%m-%d %H:%M} UTC, though earlier weeks had some"
        raise ContractError(table, problem, "Check the load of events.", week=week.key, column=declared.dated_by, count=0)


def check_columns(table: str, columns: Mapping[str, str] | None) -> list[str]:
    """Hold one source table against the contract.

    Args:
        table: a name in ``SOURCE_TABLES``.
        columns: of it with their kinds, as ``Warehouse.source_columns`` gives them; ``None`` where the table is absent.

    Returns:
        Warnings, one for each column that the contract does not know.

    Raises:
        ContractError: the table is absent and not optional, or a column is missing or of another type.
    """
    contract = SOURCE_TABLES[table]
    if columns is None:
        if contract.optional:
            return []
        raise ContractError(table, "the table is absent", f"Provide '{table}' in the source (RECS_SOURCE).")
    for column in contract.columns:
        if column.name not in columns:
            if column.required:
                present = ", ".join(columns) or "none"
                fix = f"Add a column '{column.name}' ({column.kind}) to '{table}'; its columns are: {present}."
                raise ContractError(table, "the required column is missing", fix, column=column.name)
        elif columns[column.name] not in ACCEPTED_KINDS[column.kind]:
            problem = f"the column is {columns[column.name]}, the contract says {column.kind}"
            raise ContractError(table, problem, f"Cast it to {column.kind} in the source.", column=column.name)
    known = {column.name for column in contract.columns}
    return [
        f"source table '{table}': column '{name}' is not in the contract and is ignored" for name in columns if name not in known
    ]


def check_presence(tables: Mapping[str, Mapping[str, str] | None]) -> bool:
    """Whether the store has fitment: all of ``FITMENT_TABLES`` are present (True) or none of them is (False).

    Raises:
        ContractError: only some of them are present.
    """
    absent = [table for table in FITMENT_TABLES if tables.get(table) is None]
    if absent and len(absent) < len(FITMENT_TABLES):
        present = ", ".join(table for table in FITMENT_TABLES if table not in absent)
        problem = f"the table is absent although {present} is present"
        raise ContractError(absent[0], problem, f"Provide all of {', '.join(FITMENT_TABLES)}, or none of them.")
    return not absent


@dataclass(frozen=True)
class RowCounts:
    """Where the rows of a source table went, but for those that were accepted."""

    source: int
    quarantined: Mapping[str, int]
    set_aside: Mapping[str, int]
    duplicates: int
    outside_window: int

    @property
    def rows_in(self) -> int:
        """Rows that belong to this week's export: all but those not known yet, or too old to look back to."""
        return self.source - self.outside_window

    def conserved(self, accepted: int) -> bool:
        """Rows in = accepted + quarantined + set aside + duplicates."""
        return self.rows_in == accepted + sum(self.quarantined.values()) + sum(self.set_aside.values()) + self.duplicates


def row_counts(table: str, faults: Sequence[Mapping[str, Any]], source_rows: int) -> RowCounts:
    """What became of the rows, from the counts by fault.

    Raises:
        ValueError: the table does not declare a fault.
    """
    by_outcome: dict[Outcome, dict[str, int]] = defaultdict(dict)
    for row in faults:
        by_outcome[SOURCE_TABLES[table].outcome(row["fault"])][row["fault"]] = int(row["n_rows"])
    return RowCounts(
        source=source_rows,
        quarantined=by_outcome["quarantined"],
        set_aside=by_outcome["set aside"],
        duplicates=sum(by_outcome["duplicate"].values()),
        outside_window=sum(by_outcome["outside window"].values()),
    )


def refuse_too_many_faults(
    table: str, week: str, faults: Sequence[Mapping[str, Any]], source_rows: int, max_share: float
) -> None:
    """Refuse a table of which more than ``max_share`` of the rows are quarantined.

    Raises:
        ContractError: names the most frequent fault, with samples.
    """
    counts = row_counts(table, faults, source_rows)
    n_quarantined = sum(counts.quarantined.values())
    if n_quarantined <= max_share * counts.rows_in:
        return
    worst = max((row for row in faults if row["fault"] in counts.quarantined), key=lambda row: row["n_rows"])
    samples = [worst[f"sample_{number}"] for number in (1, 2, 3) if worst[f"sample_{number}"] is not None]
    raise ContractError(
        table,
        f"{n_quarantined:,} of its {counts.rows_in:,} rows are faulty, {n_quarantined / counts.rows_in:.1%} where "
        f"{max_share:.0%} are allowed; the most frequent fault is '{worst['fault']}'",
        "Fix the source; if these rows are really to be left out, raise source.max_quarantined_share in the settings.",
        week=week,
        count=worst["n_rows"],
        samples=() if SOURCE_TABLES[table].names_people else samples,
    )


def refuse_nothing_to_sell(reasons: Sequence[str | None], week: str) -> None:
    """Refuse a catalogue of which the rules keep every part out of every list.

    Raises:
        ContractError: names the most frequent reason.
    """
    if any(reason is None for reason in reasons):
        return
    if not reasons:
        problem = "none of its parts is known by the end of the week"
        raise ContractError("products", problem, "Choose a later week, or fix created_at.", week=week, count=0)
    worst, count = Counter(reasons).most_common(1)[0]
    raise ContractError(
        "products",
        f"the rules keep every part out of every list, most of them because of '{worst}'",
        "Fix the column behind it, or change that rule in the settings (section rules).",
        week=week,
        count=count,
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


def filled(
    table: str,
    profile: Mapping[str, Any],
    *,
    last_week: Mapping[str, Any] | None,
    last_read: Mapping[str, Any] | None,
    max_change: float | None,
    min_share: float,
    accepted: str | None = None,
) -> Verdict:
    """Do columns still hold what they held? What a column protected nobody looks at any more once it is gone.

    FAIL: one holds less than ``min_share`` of the values that it held when the table was last read, in number and by row.
    WARN: that is ``accepted``, or one is blank in more rows than last week, by more than ``max_change`` of them.

    Args:
        table: its name; the gate is called ``filled_<table>``.
        profile: n_rows, and n_null_<column> of every column of the contract.
        last_week: the same of last week; ``None`` in a first week.
        last_read: the same of the last time that the table was read, last night perhaps; ``None`` the first time.
        max_change: share of the rows; ``None`` never warns.
        min_share: of the values of the last time.
        accepted: why columns may be gone.
    """
    gate, now = f"filled_{table}", blank_shares(table, profile)
    week_before, before = blank_shares(table, last_week or {}), blank_shares(table, last_read or {})
    figures: dict[str, Any] = {"blank": now, "last_week": week_before, "last_read": before}
    lost = [column for column in now if column in before and _is_lost(column, profile, last_read or {}, min_share)]
    if lost:
        told = ", ".join(
            f"{column} ({1 - now[column]:.1%} of the rows hold a value, {1 - before[column]:.1%} did)" for column in lost
        )
        found = f"values are gone: {told}"
        figures |= {"lost": lost, "accepted": accepted}
        if accepted:
            return Verdict(gate, WARN, f"{found}; accepted: {accepted}.", figures)
        return Verdict(gate, FAIL, f"{found}: less than the {min_share:.0%} asked for.", figures)
    limit = 1 if max_change is None else max_change
    blank = {column: share for column, share in now.items() if share - week_before.get(column, 1) > limit}
    if blank:
        told = ", ".join(
            f"{column} in {share:.1%} of the rows ({week_before[column]:.1%} last week)" for column, share in blank.items()
        )
        return Verdict(gate, WARN, f"blank are now {told}: more than {limit:.0%} of the rows have lost it.", figures)
    return Verdict(gate, PASS, f"{len(now)} columns are about as full as before.", figures)


def _is_lost(column: str, profile: Mapping[str, Any], last_read: Mapping[str, Any], min_share: float) -> bool:
    now, before = (rows["n_rows"] - rows[f"n_null_{column}"] for rows in (profile, last_read))
    # Both, or a store that begins to log views would have lost the numbers of its orders.
    fewer, thinner = now < min_share * before, now * last_read["n_rows"] < min_share * before * profile["n_rows"]
    return bool(before > 0 and (now == 0 or (fewer and thinner)))


def refuse_lost_columns(table: str, week: str, full: Verdict) -> None:
    """Refuse a table whose columns have lost their values since it was last read.

    Raises:
        ContractError: names the columns with their shares, and how to accept that they are gone.
    """
    if full.decision == FAIL:
        fix = (
            "Bring them back in the source; if they are gone for good, launch this asset with accept_lost_columns_reason and say "
            "why: what they kept out (people who said no, refurbished parts) is then kept out no more."
        )
        raise ContractError(table, full.reason.removesuffix("."), fix, week=week, column=full.figures["lost"][0])


def blank_shares(table: str, profile: Mapping[str, Any]) -> dict[str, float]:
    """The share of rows without a value, of every column that a profile knows of; none of a table without rows."""
    names = {column.name: f"n_null_{column.name}" for column in SOURCE_TABLES[table].columns}
    n_rows = profile.get("n_rows")
    return {column: profile[name] / n_rows for column, name in names.items() if n_rows and name in profile}


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

"""Whether the columns of a source table still hold what they held."""

from collections.abc import Mapping
from typing import Any

from recs_assets.breaches import ContractError
from recs_assets.contract import SOURCE_TABLES
from recs_assets.gates.verdict import FAIL, PASS, WARN, Verdict


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
        profile: n_rows (n_read of a log), and n_null_<column> of every column of the contract.
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
        problem = f"values are gone: {told}"
        figures |= {"lost": lost, "accepted": accepted}
        if accepted:
            return Verdict(gate, WARN, f"{problem}; accepted: {accepted}.", figures)
        return Verdict(gate, FAIL, f"{problem}: less than the {min_share:.0%} asked for.", figures)
    limit = 1 if max_change is None else max_change
    blank = {column: share for column, share in now.items() if share - week_before.get(column, 1) > limit}
    if blank:
        told = ", ".join(
            f"{column} in {share:.1%} of the rows ({week_before[column]:.1%} last week)" for column, share in blank.items()
        )
        return Verdict(gate, WARN, f"blank are now {told}: more than {limit:.0%} of the rows have lost it.", figures)
    return Verdict(gate, PASS, f"{len(now)} columns are about as full as before.", figures)


def _is_lost(column: str, profile: Mapping[str, Any], last_read: Mapping[str, Any], min_share: float) -> bool:
    rows_now, rows_before = _n_read(profile), _n_read(last_read)
    now, before = rows_now - profile[f"n_null_{column}"], rows_before - last_read[f"n_null_{column}"]
    # Both, or a store that begins to log views would have lost the numbers of its orders.
    fewer, thinner = now < min_share * before, now * rows_before < min_share * before * rows_now
    return bool(before > 0 and (now == 0 or (fewer and thinner)))


def refuse_lost_columns(table: str, week: str, full: Verdict) -> None:
    """Refuse a table whose columns have lost their values since it was last read.

    Raises:
        ContractError: names the columns with their shares, and how to accept that they are gone.
    """
    if full.decision == FAIL:
        fix = (
            f"Bring them back in the source; if they are gone for good, run again with LOST_COLUMNS={table} and REASON (in "
            "the UI: accept_lost_columns_reason): what they kept out (people who said no, refurbished parts) is then "
            "kept out no more."
        )
        raise ContractError(table, full.reason.removesuffix("."), fix, week=week, column=full.figures["lost"][0])


def blank_shares(table: str, profile: Mapping[str, Any]) -> dict[str, float]:
    """The share of rows without a value, of every column that a profile knows of; none of a table without rows."""
    names = {column.name: f"n_null_{column.name}" for column in SOURCE_TABLES[table].columns}
    n_rows = _n_read(profile)
    return {column: profile[name] / n_rows for column, name in names.items() if n_rows and name in profile}


def _n_read(profile: Mapping[str, Any]) -> int:
    """The rows that a profile looked at: all, but of a log."""
    return int(profile.get("n_read", profile.get("n_rows", 0)))

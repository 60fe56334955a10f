"""What the ordinary rows that are left out of a source table may amount to: no fault each, they can hide one all the same."""

from collections.abc import Sequence

from recs_assets.breaches import ContractError
from recs_assets.contract import NOT_SOLD, TAKEN_BACK
from recs_assets.gates.faults import Kinds, named
from recs_assets.gates.source import RowCounts
from recs_assets.gates.verdict import PASS, WARN, Verdict


def refuse_few_left(table: str, week: str, counts: RowCounts, last_accepted: int | None, min_share: float) -> None:
    """Refuse a table of which nearly everything is left out, though nothing of it is a fault: ids of two systems, say.

    Args:
        table: of the source.
        week: of the run.
        counts: where its other rows went.
        last_accepted: rows accepted of last week's table; ``None`` in a first week.
        min_share: of them.

    Raises:
        ContractError: names the most frequent reason.
    """
    left_out, accepted = {**counts.quarantined, **counts.set_aside}, counts.rows_left
    if not left_out or (accepted and accepted >= min_share * (last_accepted or 0)):
        return
    worst = max(left_out, key=lambda name: left_out[name])
    measured = (
        "none of its rows is left" if not accepted else f"{accepted:,} of its rows are left, {last_accepted:,} were last week"
    )
    raise ContractError(
        table,
        f"{measured}: most of what is left out is '{worst}'",
        "Look at table 'quarantine'; if the loss is real, lower source.min_rows_share in the settings for this run.",
        week=week,
        count=left_out[worst],
    )


def refuse_nothing_but_returns(table: str, week: str, kinds: Kinds) -> None:
    """Refuse orders (or carts) that only take back: an export with the signs of a ledger, say.

    Raises:
        ContractError: names the kind of row.
    """
    for kind, by_fault in kinds.items():
        worst = max(by_fault, key=lambda fault: by_fault[fault])
        if None not in by_fault and worst in TAKEN_BACK:
            problem = f"none of the {named(table, kind)} buys anything: a negative quantity takes back, and most are '{worst}'"
            fix = "Write what is bought with a positive quantity."
            raise ContractError(table, problem, fix, week=week, column="quantity", count=by_fault[worst])


def left_out(
    table: str,
    counts: RowCounts,
    kinds: Kinds,
    *,
    max_set_aside_share: float,
    max_repeated_share: float,
    samples: Sequence[str] = (),
) -> Verdict:
    """Do few rows repeat others, and few lie aside for one reason? WARN: more than the shares allowed do.

    Args:
        table: its name; the gate is called ``left_out_<table>``.
        counts: where its rows went.
        kinds: the same by kind of row.
        max_set_aside_share: of the rows in the window, or of those of a kind, for one reason.
        max_repeated_share: of the rows in the window, whatever they repeat.
        samples: ids of parts that are not sold.
    """
    figures = {"rows_in": counts.rows_in, "set_aside": dict(counts.set_aside), "duplicates": dict(counts.duplicates)}
    told = []
    parts = [("rows", dict(counts.set_aside), counts.rows_in)]
    for kind, by_fault in kinds.items():
        of_kind = {fault: n_rows for fault, n_rows in by_fault.items() if fault is not None and fault in counts.set_aside}
        parts.append((named(table, kind), of_kind, sum(by_fault.values())))
    for rows, set_aside, n_all in parts:
        for reason, n_rows in set_aside.items():
            if n_rows > max_set_aside_share * n_all:
                some = f", for example {', '.join(map(repr, samples))}" if reason == NOT_SOLD.name and samples else ""
                told.append(f"{n_rows / n_all:.1%} of the {rows} are set aside as '{reason}'{some}")
    n_repeated = sum(counts.duplicates.values())
    if n_repeated > max_repeated_share * counts.rows_in:
        by_name = ", ".join(f"{n_rows:,} '{name}'" for name, n_rows in counts.duplicates.items())
        told.append(f"{n_repeated / counts.rows_in:.1%} of the rows repeat others ({by_name})")
    if told:
        return Verdict(f"left_out_{table}", WARN, f"{'; '.join(told)}.", figures)
    return Verdict(f"left_out_{table}", PASS, "few rows repeat others, and few are set aside.", figures)

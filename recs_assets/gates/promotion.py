"""What must be shown before anything is promoted or published: pure functions from measured figures to a verdict.

FAIL stops what the gate guards, WARN asks somebody to look, and neither ever stops the mail: what was served stays.
"""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from recs_assets.ranking.drift import population_stability_index

if TYPE_CHECKING:
    import pandas as pd

    from recs_assets.ranking.statistics import Lift

PASS = "PASS"
FAIL = "FAIL"
WARN = "WARN"
INSUFFICIENT_EVIDENCE = "INSUFFICIENT EVIDENCE"

# Scores this close are equal: list rules part ties by the last digit.
FLAT = 1e-9


@dataclass(frozen=True)
class Verdict:
    """The answer of a gate: ``PASS``, ``WARN``, ``FAIL`` or ``INSUFFICIENT EVIDENCE``, why in a sentence, and the figures."""

    gate: str
    decision: str
    reason: str
    figures: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain values for JSON; a figure that is not a number becomes ``None``."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def gate_1(per_user: "pd.DataFrame", *, min_lift: float, system: str = "blend", baseline: str = "sql", k: int = 10) -> Verdict:
    """May the model be promoted? Recall@k of ``system`` over ``baseline`` on the same users and weeks.

    PASS: relative lift at least ``min_lift``, its 95% interval above zero, and no stratum significantly worse (the
    upper bound of the stratum's own lift below zero). FAIL: the upper bound is below ``min_lift``. Anything else is
    INSUFFICIENT EVIDENCE, with the smallest lift these users could have shown and the weeks needed for ``min_lift``.

    Args:
        per_user: columns system, week, user_id, stratum, ``recall_at_k``; a row per system, user and week.
        min_lift: relative, 0.05 is five percent.
        system: the one to be promoted.
        baseline: the one that is served today.
        k: ranks that count.

    Raises:
        ValueError: the two systems were not measured on the same users and weeks.
    """
    # Imported here: pandas costs 0.4 s, and definitions that only name this gate load without it.
    from recs_assets.ranking.statistics import smallest_detectable_lift, weeks_needed

    paired = _paired(per_user, system, baseline, k)
    total = _lift(paired)
    strata = {str(name): _lift(rows) for name, rows in paired.groupby("stratum")}
    n_weeks = int(paired["week"].nunique())
    figures = {
        "lift": total.lift,
        "low": total.low,
        "high": total.high,
        f"recall_{baseline}": total.mean_baseline,
        f"recall_{system}": total.mean_system,
        "users": total.n_users,
        "weeks": n_weeks,
        "smallest_detectable_lift": smallest_detectable_lift(total),
        "weeks_needed": weeks_needed(total, target_lift=min_lift, n_weeks=n_weeks),
        "strata": {
            name: {"lift": lift.lift, "low": lift.low, "high": lift.high, "users": lift.n_users} for name, lift in strata.items()
        },
    }
    worse = [name for name, lift in strata.items() if lift.high < 0]
    decision, reason = _decide(total, worse, min_lift, f"Recall@{k} of {system} over {baseline}", figures)
    return Verdict("gate_1", decision, reason, figures)


def not_worse(per_user: "pd.DataFrame", system: str, baseline: str, k: int = 10) -> bool:
    """Whether mean Recall@k of ``system`` is at least that of ``baseline`` on the same users; no users: no."""
    paired = _paired(per_user, system, baseline, k)
    return len(paired) > 0 and float(paired["system"].mean()) >= float(paired["baseline"].mean())


def _decide(total: "Lift", worse: list[str], min_lift: float, measured: str, figures: dict[str, Any]) -> tuple[str, str]:
    """Decision and reason; a missing bound compares as false, and so neither passes nor fails."""
    if total.problem:
        return INSUFFICIENT_EVIDENCE, f"{measured} cannot be judged: {total.problem}."
    interval = f"95% interval {total.low:+.1%} to {total.high:+.1%}, {total.n_users} users"
    found = f"{measured} is {total.lift:+.1%} ({interval})"
    if total.high < min_lift:
        return FAIL, f"{found}: even the upper end is below the {min_lift:+.1%} asked for."
    if worse:
        return INSUFFICIENT_EVIDENCE, f"{found}, but {' and '.join(worse)} users are served significantly worse."
    if total.lift >= min_lift and total.low > 0:
        return PASS, f"{found}: at least the {min_lift:+.1%} asked for, and no stratum is significantly worse."
    detectable, weeks = figures["smallest_detectable_lift"], figures["weeks_needed"]
    return INSUFFICIENT_EVIDENCE, (
        f"{found}: neither {min_lift:+.1%} nor its absence is shown. So many users show lifts from {detectable:+.1%}; "
        f"{min_lift:+.1%} needs about {weeks} weeks of them."
    )


def _paired(per_user: "pd.DataFrame", system: str, baseline: str, k: int) -> "pd.DataFrame":
    recall = f"recall_at_{k}"
    keys = ["week", "user_id"]
    ours = per_user.loc[per_user["system"] == system, [*keys, "stratum", recall]].rename(columns={recall: "system"})
    theirs = per_user.loc[per_user["system"] == baseline, [*keys, recall]].rename(columns={recall: "baseline"})
    paired = ours.merge(theirs, on=keys, validate="one_to_one")
    if not len(paired) == len(ours) == len(theirs):
        raise ValueError(
            f"{system} has {len(ours)} rows and {baseline} {len(theirs)}, but only {len(paired)} of them are the same "
            "user and week; evaluate both on the same held-out items."
        )
    return paired


def _lift(paired: "pd.DataFrame") -> "Lift":
    from recs_assets.ranking.statistics import paired_lift

    return paired_lift(paired["baseline"].to_numpy(), paired["system"].to_numpy(), paired["user_id"].to_numpy())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def audit(breaches: Mapping[str, int], *, n_users: int, required_users: int) -> Verdict:
    """May this list be published? PASS: no rule is broken in any row, and enough people are served. Anything else: FAIL.

    Args:
        breaches: how many rows break each rule; rules that hold everywhere may be left out.
        n_users: people on the list.
        required_users: at least so many.
    """
    found = [f"{count:,} x {name.replace('_', ' ')}" for name, count in breaches.items() if count]
    if n_users < required_users:
        found.append(f"{n_users:,} people are served where {required_users:,} are required")
    figures = {"breaches": dict(breaches), "users": n_users, "required_users": required_users}
    if found:
        return Verdict("audit", FAIL, f"{'; '.join(found)}. The served table stays as it was.", figures)
    return Verdict("audit", PASS, f"every rule holds for {n_users:,} people.", figures)


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
    found = f"{n_rows:,} rows, {change:+.1%} against last week's {n_last_week:,}"
    if n_rows < min_share * n_last_week:
        return Verdict(f"row_count_{table}", FAIL, f"{found}: less than the {min_share:.0%} asked for.", figures)
    if max_change is not None and abs(n_rows - n_last_week) > max_change * n_last_week:
        return Verdict(f"row_count_{table}", WARN, f"{found}: more than {max_change:.0%} either way.", figures)
    return Verdict(f"row_count_{table}", PASS, f"{found}.", figures)


def freshness(newest: dt.datetime | None, as_of: dt.datetime, *, max_age_hours: float | None) -> Verdict:
    """Do events still arrive? WARN: the newest one is older than ``max_age_hours`` (``None``: never), or there is none."""
    if newest is None:
        return Verdict("freshness", WARN, "there is no event at all.", {"newest": None, "age_hours": None})
    age = (as_of - newest) / dt.timedelta(hours=1)
    figures = {"newest": newest.isoformat(), "age_hours": round(age, 1)}
    found = f"the newest event is {age:.1f} hours older than the moment the week may know"
    if max_age_hours is not None and age > max_age_hours:
        return Verdict("freshness", WARN, f"{found}: more than {max_age_hours:g}. Check the load of events.", figures)
    return Verdict("freshness", PASS, f"{found}.", figures)


def users_served(n_users: int, required: int) -> Verdict:
    """Are enough people served? FAIL: fewer than ``required``."""
    figures = {"users": n_users, "required": required}
    if n_users < required:
        return Verdict("users_served", FAIL, f"{n_users:,} people are served where {required:,} are required.", figures)
    return Verdict("users_served", PASS, f"{n_users:,} people are served, {required:,} are required.", figures)


def score_drift(histogram: Sequence[Mapping[str, Any]], *, max_psi: float | None, max_zero_share: float | None) -> Verdict:
    """Are final scores spread as in the list served before?

    FAIL: they collapsed (all equal, or more than ``max_zero_share`` of them zero) although those before had not. WARN:
    the population stability index is above ``max_psi``, or they are collapsed as they were before. ``None`` switches a
    limit off.

    Args:
        histogram: rows of ``score_histogram.sql``, all scores of both lists among them.
    """
    now, before = ([int(row[name]) for row in histogram] for name in ("n_new", "n_before"))
    psi = population_stability_index(before, now)
    zero_share, zero_before = (
        sum(row[f"{name}_zero"] for row in histogram) / max(1, sum(row[name] for row in histogram))
        for name in ("n_new", "n_before")
    )
    lowest = min((row["lowest_new"] for row in histogram if row["n_new"]), default=math.nan)
    highest = max((row["highest_new"] for row in histogram if row["n_new"]), default=math.nan)
    figures = {
        "psi": psi,
        "zero_share": zero_share,
        "lowest": lowest,
        "highest": highest,
        "scores": sum(now),
        "before": sum(before),
    }
    collapsed = _collapse(sum(now), zero_share, highest - lowest < FLAT, max_zero_share)
    was_spread = sum(1 for count in before if count) > 1 and (max_zero_share is None or zero_before <= max_zero_share)
    if collapsed:
        return Verdict("score_drift", FAIL if was_spread else WARN, f"scores have collapsed: {collapsed}.", figures)
    if not sum(before):
        return Verdict("score_drift", PASS, "there is no list before to compare scores with.", figures)
    found = f"the population stability index against the list before is {psi:.3f}"
    if max_psi is not None and psi > max_psi:
        return Verdict("score_drift", WARN, f"{found}: above {max_psi:g}, scores are spread differently.", figures)
    return Verdict("score_drift", PASS, f"{found}.", figures)


def _collapse(n_scores: int, zero_share: float, is_flat: bool, max_zero_share: float | None) -> str:
    """How scores collapsed, in words; nothing where they did not."""
    if n_scores > 1 and is_flat:
        return f"all {n_scores:,} are equal"
    if max_zero_share is not None and zero_share > max_zero_share:
        return f"{zero_share:.1%} of {n_scores:,} are zero where {max_zero_share:.0%} are allowed"
    return ""


def overlap(n_kept: int, n_compared: int, *, min_share: float | None) -> Verdict:
    """Does the mail still hold what it held? WARN: less than ``min_share`` (``None``: never) of its parts were in the last.

    Args:
        n_kept: rows of the new mail that the mail before had too.
        n_compared: rows of the new mail for people who had one before.
    """
    figures = {"kept": n_kept, "compared": n_compared}
    if not n_compared:
        return Verdict("overlap", PASS, "nobody on this list had one before.", figures)
    found = f"{n_kept / n_compared:.1%} of the parts in the mail were in the mail before"
    if min_share is not None and n_kept < min_share * n_compared:
        return Verdict("overlap", WARN, f"{found}: less than {min_share:.0%}, lists have changed almost entirely.", figures)
    return Verdict("overlap", PASS, f"{found}.", figures)

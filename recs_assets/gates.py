"""What must be shown before anything is promoted: pure functions from measured rows to a verdict."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from recs_assets.ranking.statistics import Lift

PASS = "PASS"
FAIL = "FAIL"
INSUFFICIENT_EVIDENCE = "INSUFFICIENT EVIDENCE"


@dataclass(frozen=True)
class Verdict:
    """The answer of a gate: ``PASS``, ``FAIL`` or ``INSUFFICIENT EVIDENCE``, why in one sentence, and the figures."""

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

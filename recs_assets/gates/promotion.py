"""What may be served from now on: gate 1, and the ladder from this week's model down to SQL alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recs_assets.gates.verdict import FAIL, INSUFFICIENT_EVIDENCE, PASS, Verdict
from recs_assets.ranking.cutoff import K

if TYPE_CHECKING:
    import pandas as pd

    from recs_assets.ranking.statistics import Lift

# A record of what may be served: week, decision, reason, source (blend, similarity or sql), model_week, alpha, override_reason.
Record = Mapping[str, Any]


def gate_1(per_user: "pd.DataFrame", *, min_lift: float, system: str = "blend", baseline: str = "sql", k: int = K) -> Verdict:
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


def not_worse(per_user: "pd.DataFrame", system: str, baseline: str, k: int = K) -> bool:
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


def approve(
    verdict: Verdict,
    *,
    similarity_not_worse: bool,
    week: str,
    alpha: Mapping[str, float],
    has_model: bool,
    previous: Record | None,
    override_reason: str | None = None,
) -> dict[str, Any]:
    """The record of what may be served.

    The ladder: this week's model if gate 1 passed, or somebody overrides it for this week and says why; else the last
    approved one, kept; else similar parts added to SQL if that was not worse than SQL; else SQL alone.

    Args:
        verdict: of gate 1.
        similarity_not_worse: whether SQL with similar parts added was at least as good as SQL alone.
        week: of the verdict.
        alpha: weight of SQL in the blend by stratum; empty where nobody could be evaluated.
        has_model: whether the week's training left a model.
        previous: the newest record that stands.
        override_reason: why this week's model is to be served whatever the verdict says.

    Raises:
        ValueError: an override without a reason, of a week that has no model, or of one without a weight of SQL in the blend.
    """
    record: dict[str, Any] = {"week": week, "decision": verdict.decision, "reason": verdict.reason}
    if override_reason is not None:
        if not override_reason.strip():
            raise ValueError(f"week {week}: an override needs a written reason. Say in override_reason why, or leave it out.")
        if not has_model:
            raise ValueError(f"week {week} has no model that an override could approve. Launch without override_reason.")
        if not alpha:
            raise ValueError(f"week {week} has a model that could be evaluated on nobody. Launch without override_reason.")
        record |= {"override_reason": override_reason.strip()}
    if verdict.decision == PASS or override_reason is not None:
        return record | {"source": "blend", "model_week": week, "alpha": dict(alpha)}
    if previous is not None and previous["source"] == "blend":
        return record | {name: previous[name] for name in ("source", "model_week", "alpha")}
    fallback = "similarity" if similarity_not_worse else "sql"
    return record | {"source": fallback, "model_week": None, "alpha": None}


def has_expired(record: Record, *, overridden_since: str) -> bool:
    """Whether a record counts no more: an override serves its own week and the nights of the one after.

    Args:
        record: of a week.
        overridden_since: the first week whose overrides still count.
    """
    return bool(record.get("override_reason")) and record["week"] < overridden_since

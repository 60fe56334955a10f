"""What may be served from now on: gate 1, and the ladder from this week's model down to SQL alone."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from recs_assets.cutoff import K
from recs_assets.gates.verdict import FAIL, INSUFFICIENT_EVIDENCE, PASS, Verdict

if TYPE_CHECKING:
    import pandas as pd

    from recs_assets.ranking.statistics import Lift

# One-sided, of what is asked at once about the newest weeks: with 2.5% above and below, an interval holds 95%.
LEVEL = 0.025
SIGNIFICANT = NormalDist().inv_cdf(1 - LEVEL)
# A record of what may be served: week, decision, reason, source (blend, similarity or sql), model_week, alpha, override_reason,
# stepped_down.
Record = Mapping[str, Any]


def gate_1(
    per_user: "pd.DataFrame",
    *,
    min_lift: float,
    evidence: "pd.DataFrame | None" = None,
    by_mail: "pd.DataFrame | None" = None,
    yearly_risk: float = 0.05,
    system: str = "blend",
    baseline: str = "sql",
    k: int = K,
) -> Verdict:
    """May this week's model be promoted? Recall@k of ``system`` over ``baseline`` on the same users and weeks.

    The hypothesis to be refuted: what the weekly training makes, served in place of the baseline, finds no more for the
    people who come. It is about the training, not about one week's weights, so the evidence of earlier weeks counts.

    PASS: the lift on the newest weeks is at least ``min_lift``; the evidence of all weeks, each evaluated once, is so strong that
    without any lift it comes up in at most ``yearly_risk`` of years of 52 Mondays (``asked_strength``); and no stratum is
    significantly worse on the newest weeks (Holm, 2.5% in all). FAIL: the upper bound of the 95% interval is below
    ``min_lift``. Anything else is INSUFFICIENT EVIDENCE, with the smallest lift that these users would have let pass and the
    weeks after which ``min_lift`` passes.

    Args:
        per_user: columns system, week, user_id, stratum, ``recall_at_k``; a row per system, user and week.
        min_lift: relative, 0.05 is five percent.
        evidence: of all weeks, columns as ``ranking.evidence`` has them; ``None``: no week before these.
        by_mail: as ``per_user``, with the column relevance: organic, mailed, click. It decides nothing, and is told of.
        yearly_risk: of promoting without any lift, in a year.
        system: the one to be promoted.
        baseline: the one that is served today.
        k: ranks that count.

    Raises:
        ValueError: the two systems were not measured on the same users and weeks.
    """
    # Imported here: pandas costs 0.4 s, and definitions that only name this gate load without it.
    from recs_assets.ranking.evidence import paired
    from recs_assets.ranking.sequential import asked_strength, smallest_detectable_lift, weeks_needed

    pairs = paired(per_user, system, baseline, k)
    newest, strata = _lift(pairs), _strata(pairs)
    everything = pairs if evidence is None else evidence
    total, asked = _lift(everything), asked_strength(yearly_risk)
    n_weeks = int(pairs["week"].nunique())
    figures = {
        "lift": newest.lift,
        "low": newest.low,
        "high": newest.high,
        f"recall_{baseline}": newest.mean_baseline,
        f"recall_{system}": newest.mean_system,
        "users": newest.n_users,
        "weeks": n_weeks,
        "smallest_detectable_lift": smallest_detectable_lift(newest, total, min_lift=min_lift, asked=asked),
        "weeks_needed": weeks_needed(newest, n_weeks=n_weeks, target_lift=min_lift, min_lift=min_lift, asked=asked),
        "evidence": _evidence(total, everything) | {"asked": asked},
        "strata": _figures(strata),
    }
    decision, reason = _decide(newest, total, _worse(strata), min_lift, f"Recall@{k} of {system} over {baseline}", figures)
    told, disagreement = _told_by_mail(by_mail, system, baseline, k)
    return Verdict("gate_1", decision, reason + disagreement, figures | told)


def still_standing(evidence: "pd.DataFrame", model_week: str, baseline: str = "sql") -> Verdict:
    """May the model that was approved earlier stay? It is evaluated on the weeks since, each once; nothing else counts.

    FAIL: it finds significantly less than the baseline, for everybody (2.5%) or for a stratum (Holm, 2.5% in all). PASS: no
    such evidence. Asked every Monday without spending: to step down in error costs some weeks of the lists before.

    Args:
        evidence: of this model alone, columns as ``ranking.evidence`` has them.
        model_week: names it.
        baseline: the one that is served without a model.
    """
    total, strata = _lift(evidence), _strata(evidence)
    figures = _evidence(total, evidence) | {"lift": total.lift, "low": total.low, "high": total.high, "strata": _figures(strata)}
    of_model = f"the model of week {model_week}"
    if not total.n_users:
        return Verdict("kept_model", PASS, f"{of_model} has not been evaluated on a week of its own yet.", figures)
    compared = f"{total.n_better} people better and {total.n_worse} worse than {baseline}"
    measured_since = f"in {figures['weeks']} weeks since, {of_model} served {compared}"
    worse = [*(["all"] if total.z < -SIGNIFICANT else []), *_worse(strata)]
    if worse:
        return Verdict("kept_model", FAIL, f"{measured_since}: significantly worse for {' and '.join(worse)} users.", figures)
    return Verdict("kept_model", PASS, f"{measured_since}: no evidence against it.", figures)


def not_worse(per_user: "pd.DataFrame", system: str, baseline: str, k: int = K) -> bool:
    """Whether mean Recall@k of ``system`` is at least that of ``baseline`` on the same users; no users: no."""
    from recs_assets.ranking.evidence import paired

    pairs = paired(per_user, system, baseline, k)
    return len(pairs) > 0 and float(pairs["recall"].mean()) >= float(pairs["baseline"].mean())


def _decide(
    newest: "Lift", total: "Lift", worse: list[str], min_lift: float, measured: str, figures: dict[str, Any]
) -> tuple[str, str]:
    """Decision and reason; a missing bound compares as false, and so neither passes nor fails."""
    if newest.problem:
        return INSUFFICIENT_EVIDENCE, f"{measured} cannot be evaluated: {newest.problem}."
    lift = f"{measured} is {newest.lift:+.1%} (95% interval {newest.interval}, {newest.n_users} users)"
    if newest.high < min_lift:
        return FAIL, f"{lift}: even the upper end is below the {min_lift:+.1%} asked for."
    if worse:
        return INSUFFICIENT_EVIDENCE, f"{lift}, but {' and '.join(worse)} users are served significantly worse."
    served = f"{total.n_better} people were served better and {total.n_worse} worse in {figures['evidence']['weeks']} weeks"
    proven = total.z >= figures["evidence"]["asked"]
    if newest.lift >= min_lift and proven:
        return PASS, (
            f"{lift}: at least the {min_lift:+.1%} asked for, {served}, which is more than luck brings in a year of Mondays, "
            "and no stratum is significantly worse."
        )
    lacking = f"less than the {min_lift:+.1%} asked for" if proven else "which luck may bring in a year of Mondays"
    return INSUFFICIENT_EVIDENCE, f"{lift}: {served}, {lacking}. {_outlook(figures, min_lift)}"


def _told_by_mail(by_mail: "pd.DataFrame | None", system: str, baseline: str, k: int) -> tuple[dict[str, Any], str]:
    """The lifts by what the mail had shown, and where they disagree: what SQL's own mail has just shown favours SQL."""
    from recs_assets.ranking.evidence import paired  # pandas: 0.4 s

    if by_mail is None or not len(by_mail):
        return {}, ""
    lifts = {str(name): _lift(paired(rows, system, baseline, k)) for name, rows in by_mail.groupby("relevance")}
    return {"by_mail": _figures(lifts)}, _disagreement(lifts.get("organic"), lifts.get("mailed"))


def _disagreement(organic: "Lift | None", mailed: "Lift | None") -> str:
    """Where one speaks for the system and the other against it, by more than chance in one of them at least."""
    if (
        organic is None
        or mailed is None
        or not organic.lift * mailed.lift < 0
        or max(abs(organic.z), abs(mailed.z)) < SIGNIFICANT
    ):
        return ""
    said = " and ".join(
        f"{lift.lift:+.1%} on {name} purchases (95% interval {lift.interval}, {lift.n_users} users)"
        for name, lift in (("organic", organic), ("mailed", mailed))
    )
    return f" But organic and mailed purchases disagree: {said}; mailed are those of parts that a mail of the 7 days before held."


def _outlook(figures: dict[str, Any], min_lift: float) -> str:
    """What would have passed, and how long to wait."""
    detectable, weeks = figures["smallest_detectable_lift"], figures["weeks_needed"]
    if math.isnan(detectable):
        return "Too few people were served differently to say what would pass."
    wait = f"needs about {weeks} weeks of them" if weeks else "needs more than a year of them"
    return f"So many users let lifts from {detectable:+.1%} pass; {min_lift:+.1%} {wait}."


def _lift(pairs: "pd.DataFrame") -> "Lift":
    from recs_assets.ranking.statistics import paired_lift

    return paired_lift(pairs["baseline"].to_numpy(), pairs["recall"].to_numpy(), pairs["user_id"].to_numpy())


def _strata(pairs: "pd.DataFrame") -> dict[str, "Lift"]:
    return {str(name): _lift(rows) for name, rows in pairs.groupby("stratum")}


def _worse(strata: Mapping[str, "Lift"]) -> list[str]:
    """Strata that are significantly worse, where all of them are asked at once."""
    from recs_assets.ranking.statistics import significantly_below

    return sorted(significantly_below({name: lift.z for name, lift in strata.items()}, LEVEL))


def _figures(strata: Mapping[str, "Lift"]) -> dict[str, Any]:
    return {
        name: {"lift": lift.lift, "low": lift.low, "high": lift.high, "users": lift.n_users, "strength": lift.z}
        for name, lift in strata.items()
    }


def _evidence(total: "Lift", rows: "pd.DataFrame") -> dict[str, Any]:
    return {
        "strength": total.z,
        "users": total.n_users,
        "weeks": int(rows["week"].nunique()),
        "better": total.n_better,
        "worse": total.n_worse,
    }


def approve(
    verdict: Verdict,
    *,
    similarity_not_worse: bool,
    week: str,
    alpha: Mapping[str, float],
    has_model: bool,
    previous: Record | None,
    kept: Verdict | None = None,
    override_reason: str | None = None,
) -> dict[str, Any]:
    """The record of what may be served.

    The ladder: this week's model if gate 1 passed, or somebody overrides it for this week and says why; else the last
    approved one, kept unless the weeks since speak against it; else similar parts added to SQL if that was not worse than
    SQL; else SQL alone.

    Args:
        verdict: of gate 1.
        similarity_not_worse: whether SQL with similar parts added was at least as good as SQL alone.
        week: of the verdict.
        alpha: weight of SQL in the blend by stratum; empty where nobody could be evaluated.
        has_model: whether the week's training left a model.
        previous: the newest record that stands.
        kept: of ``still_standing`` on the model of that record; ``None`` where nothing was measured.
        override_reason: why this week's model is to be served whatever the verdict says.

    Raises:
        ValueError: an override without a reason, of a week that has no model, or of one without a weight of SQL in the blend.
    """
    fallback = "similarity" if similarity_not_worse else "sql"
    record: dict[str, Any] = {"week": week, "decision": verdict.decision, "reason": verdict.reason, "fallback": fallback}
    if override_reason is not None:
        if not override_reason.strip():
            raise ValueError(f"week {week}: an override needs a written reason. Say in override_reason why, or leave it out.")
        if not has_model:
            raise ValueError(f"week {week} has no model that an override could approve. Launch without override_reason.")
        if not alpha:
            raise ValueError(f"week {week} has a model that could be evaluated on nobody. Launch without override_reason.")
        # What has passed needs no override, and must not expire like one.
        record |= {"remark" if verdict.decision == PASS else "override_reason": override_reason.strip()}
    if verdict.decision == PASS or override_reason is not None:
        return record | {"source": "blend", "model_week": week, "alpha": dict(alpha)}
    if previous is not None and previous["source"] == "blend":
        if kept is None or kept.decision != FAIL:
            return record | {name: previous[name] for name in ("source", "model_week", "alpha")}
        record |= {"stepped_down": kept.reason}
    return record | {"source": fallback, "model_week": None, "alpha": None}


def served_by(record: Record, misfit: Sequence[str]) -> dict[str, Any]:
    """What a record lets serve on a night: a model steps down to the record's fallback where the settings no longer fit it.

    Args:
        record: the newest one that stands.
        misfit: the settings in which its model differs from the ones asked for, in words.
    """
    if not misfit:
        return dict(record)
    reason = unfit(record["model_week"], misfit)
    return {**record, "source": record["fallback"], "model_week": None, "alpha": None, "stepped_down": reason}


def unfit(model_week: str, misfit: Sequence[str]) -> str:
    """Why a model cannot serve any more."""
    return f"the model of week {model_week} was fitted with other settings: {'; '.join(misfit)}."


def has_expired(record: Record, *, overridden_since: str) -> bool:
    """Whether a record counts no more: an override serves its own week and the nights of the one after.

    Args:
        record: of a week.
        overridden_since: the first week whose overrides still count.
    """
    return bool(record.get("override_reason")) and record["week"] < overridden_since

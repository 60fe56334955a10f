"""Gate 2 and the no-harm gates: does the blend make people click more, and nobody suffer, by the mail that was sent?"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from recs_assets.gates.verdict import HOLD, INVALID, PASS, ROLLBACK, Verdict
from recs_assets.rollout_settings import RolloutSettings

if TYPE_CHECKING:
    from recs_assets.ranking.experiments.guardrails import GuardrailResult
    from recs_assets.ranking.experiments.lift import RatioLift
    from recs_assets.ranking.experiments.sums import ArmSums

MORE_IS_WORSE = {"unsubscribed": True, "complained": True, "orders": False, "mails": False}


@dataclass(frozen=True)
class SendWeek:
    """A week of mail as it is logged, both arms together."""

    sent: int
    delivered: int
    clicked: int


@dataclass(frozen=True)
class Measured:
    """What the log of the mail says of two arms; of each pair control is the first.

    Attributes:
        sums: by metric: clicks, all_clicks (machines' too), unsubscribed, complained, orders, mails.
        assigned: people of each arm.
        mailed: those of them to whom a mail was sent.
        n_in_two_arms: people who stand in both.
        n_misplaced: people whose bucket or arm is not the one that the salt and the share give.
        weeks: of the log, oldest first, those before the experiment too.
        share: of people to be treated.
    """

    sums: "Mapping[str, tuple[ArmSums, ArmSums]]"
    assigned: tuple[int, int]
    mailed: tuple[int, int]
    n_in_two_arms: int
    n_misplaced: int
    weeks: tuple[SendWeek, ...]
    share: float


def gate_2(measured: Measured, rules: RolloutSettings, look: int) -> Verdict:
    """May the blend go beyond the experiment? Clicks per delivered mail of the treated over control.

    INVALID: the arms or the log are not what was planned, so that no figure means anything. ROLLBACK: significantly fewer
    clicks (Pocock's bound over the looks, so that chance does it with ``level`` in all of them), or a guardrail worse than it
    may be. PASS: a lift of at least ``min_ctr_lift``, by the bound of O'Brien & Fleming more than chance brings in all looks
    together (``level``), and no guardrail worse by more than its margin. Else HOLD.

    Args:
        measured: from the start of the experiment to the end of its last whole week.
        rules: of the settings.
        look: whole weeks since the start, 1 to ``rules.looks``.
    """
    return _verdict("gate_2", measured, rules, look, asked_lift=rules.min_ctr_lift)


def no_harm(measured: Measured, rules: RolloutSettings, look: int) -> Verdict:
    """May the rollout go on? As ``gate_2``, but PASS where a loss of ``max_ctr_loss`` and more is refuted, by 97.5%
    at each look by itself."""
    return _verdict("no_harm", measured, rules, look, asked_lift=None)


def _verdict(gate: str, measured: Measured, rules: RolloutSettings, look: int, asked_lift: float | None) -> Verdict:
    if problems := list(_problems(measured, rules)):
        return Verdict(gate, INVALID, f"The numbers mean nothing: {'; '.join(problems)}.", {"look": look, "problems": problems})
    from recs_assets.ranking.experiments.lift import ratio_lift  # pandas: 0.4 s at load
    from recs_assets.ranking.experiments.looks import OBRIEN_FLEMING, POCOCK, bounds
    from recs_assets.ranking.statistics import NORMAL

    lift = ratio_lift(*measured.sums["clicks"])
    asked = bounds(rules.looks, rules.level, OBRIEN_FLEMING)[look - 1] if asked_lift is not None else NORMAL.inv_cdf(0.975)
    harmful = bounds(rules.looks, rules.level, POCOCK)[look - 1]
    if math.isnan(lift.lift) or not lift.error > 0:
        return Verdict(gate, HOLD, "Too few clicks so far to compare the arms.", {"look": look})
    guardrails = _guardrails(measured, rules, harmful)
    figures = _figures(measured, rules, look, lift, asked, asked_lift) | {"guardrails": [asdict(each) for each in guardrails]}
    decision, reason = _decide(figures, guardrails, float(lift.z), asked, harmful, rules, asked_lift)
    return Verdict(gate, decision, reason, figures)


def _problems(measured: Measured, rules: RolloutSettings) -> Iterator[str]:
    """What of the arms or of the log is not as planned, in words."""
    if measured.n_in_two_arms:
        yield f"{measured.n_in_two_arms:,} people stand in both arms"
    if measured.n_misplaced:
        yield f"{measured.n_misplaced:,} people are in another arm than salt and share give: the salt or an arm was changed"
    for whose, (control, treated) in (("assigned to", measured.assigned), ("mailed in", measured.mailed)):
        if (p_value := _sample_ratio(control, treated, measured.share)) < rules.sample_ratio_level:
            yield (
                f"{treated:,} people were {whose} the treated arm and {control:,} {whose} control where {measured.share:.0%} and "
                f"{1 - measured.share:.0%} were planned, which chance brings once in {1 / max(p_value, 1e-12):,.0f} times"
            )
    if (newest := measured.weeks[-1:]) and (before := measured.weeks[:-1]):
        for what, share, usual in _logged(newest[0], before):
            if share < rules.min_logged_share * usual:
                yield f"the newest week has {share:.2%} {what} where the weeks before had {usual:.2%}: its log has not come whole"


def _sample_ratio(control: int, treated: int, share: float) -> float:
    import numpy as np

    from recs_assets.ranking.experiments.sample_ratio import sample_ratio_p_value

    return float(sample_ratio_p_value(np.array([control, treated], dtype=np.float64), [1 - share, share]))


def _logged(newest: SendWeek, before: tuple[SendWeek, ...]) -> Iterator[tuple[str, float, float]]:
    """Deliveries per mail sent and clicks per delivered one, of the newest week and of those before together."""
    sent, delivered, clicked = (sum(getattr(week, name) for week in before) for name in ("sent", "delivered", "clicked"))
    if sent:
        yield "of its mails delivered", newest.delivered / max(newest.sent, 1), delivered / sent
    if delivered:
        yield "of its delivered mails clicked", newest.clicked / max(newest.delivered, 1), clicked / delivered


def _guardrails(measured: Measured, rules: RolloutSettings, harm_bound: float) -> "list[GuardrailResult]":
    from recs_assets.ranking.experiments.guardrails import Guardrail, guarded

    guardrails = []
    for name, more_is_worse in MORE_IS_WORSE.items():
        margin = getattr(rules.guardrails, name)
        rule = Guardrail(name, more_is_worse, margin.relative, margin.least)
        guardrails.append(guarded(rule, *measured.sums[name], harm_bound=harm_bound))
    return guardrails


def _figures(
    measured: Measured, rules: RolloutSettings, look: int, lift: "RatioLift", asked: float, asked_lift: float | None
) -> dict[str, Any]:
    from recs_assets.ranking.experiments.lift import detectable_lift, ratio_lift
    from recs_assets.ranking.experiments.power import exaggeration

    low, high = lift.interval(asked)
    unfiltered, error = ratio_lift(*measured.sums["all_clicks"]), float(lift.error)
    wanted = rules.min_ctr_lift
    return {
        "look": look,
        "looks": rules.looks,
        "share": measured.share,
        "users": sum(measured.assigned),
        "ctr_control": float(lift.control),
        "ctr_treated": float(lift.treated),
        "lift": float(lift.lift),
        "low": float(low),
        "high": float(high),
        "z": float(lift.z),
        "asked": asked,
        "error": error,
        "lift_with_machines": float(unfiltered.lift),
        "smallest_detectable_lift": detectable_lift(error, asked, rules.power),
        # Of a winner whose truth is just what is asked for.
        "inflation": exaggeration(wanted, error, max(asked * error, asked_lift or 0.0)),
    }


def _decide(
    figures: dict[str, Any],
    guardrails: "list[GuardrailResult]",
    z: float,
    asked: float,
    harmful: float,
    rules: RolloutSettings,
    asked_lift: float | None,
) -> tuple[str, str]:
    measured = (
        f"clicks per delivered mail are {figures['lift']:+.1%} (interval {figures['low']:+.1%} to {figures['high']:+.1%} at look "
        f"{figures['look']} of {figures['looks']}, {figures['lift_with_machines']:+.1%} with machines' clicks)"
    )
    inferior = [each.name for each in guardrails if each.standing == "inferior"]
    open_ones = [each.name for each in guardrails if each.standing == "open"]
    if z < -harmful:
        return ROLLBACK, f"The treated do less: {measured}, significantly fewer over all looks."
    if inferior:
        return ROLLBACK, f"{' and '.join(inferior)} got worse by more than is tolerated; {measured}."
    if asked_lift is None:
        wins, wanted = figures["low"] > -rules.max_ctr_loss, f"a loss of {rules.max_ctr_loss:.0%} is refuted"
    else:
        wins = figures["lift"] >= asked_lift and z > asked
        wanted = f"at least the {asked_lift:+.0%} asked for, and more than luck brings in all looks"
    if wins and not open_ones:
        return PASS, f"{measured[0].upper()}{measured[1:]}: {wanted}; no guardrail suffers.{_inflated(figures, asked_lift)}"
    lacking = "not shown yet: " + (wanted if not wins else f"that {' and '.join(open_ones)} do not suffer")
    return HOLD, (
        f"{measured[0].upper()}{measured[1:]}; {lacking}. Lifts from {figures['smallest_detectable_lift']:+.1%} on would show "
        f"with a chance of {rules.power:.0%}.{_over(figures)}"
    )


def _inflated(figures: dict[str, Any], asked_lift: float | None) -> str:
    if asked_lift is None:
        return ""
    return (
        f" Who wins has had luck: of a true {asked_lift:+.0%} a win reads {figures['inflation']:.2f} times as much in the mean."
    )


def _over(figures: dict[str, Any]) -> str:
    return " The planned looks are over: go back, or start another experiment." if figures["look"] >= figures["looks"] else ""

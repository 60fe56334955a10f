"""Whether more money may be spent: asked before it is."""

from collections.abc import Mapping
from dataclasses import dataclass

from recs_assets.gates.verdict import FAIL, PASS, Verdict

SHOWN_STEPS = 3


@dataclass(frozen=True)
class Spent:
    """What has been spent so far, US dollars by step.

    Attributes:
        experiment: in the experiment that is under way (``costs.experiment``).
        month: since the first of this month, UTC, in all of them.
        has_passed: gate 1 has passed at least once since the experiment began.
    """

    experiment: Mapping[str, float]
    month: Mapping[str, float]
    has_passed: bool


def budgets(
    spent: Spent, *, max_experiment: float | None, max_before_gate_1: float | None, max_month: float | None
) -> list[Verdict]:
    """May anything more be spent in this month, and in this experiment; and on training, while gate 1 has never passed?

    FAIL where the limit is reached (``None``: there is none); the reason says what was spent on what. The gates are called
    ``budget_month``, ``budget_experiment`` and ``budget_before_gate_1``.
    """
    before = {} if spent.has_passed else spent.experiment
    return [
        _within("month", spent.month, max_month, "this month", "wait for the next month"),
        _within("experiment", spent.experiment, max_experiment, "in this experiment", "name the next one in costs.experiment"),
        _within(
            "before_gate_1",
            before,
            max_before_gate_1,
            "in this experiment, in which gate 1 has not passed yet",
            "find out on the last evaluation, which costs nothing (make report), why it does not pass",
        ),
    ]


def _within(name: str, spent: Mapping[str, float], limit: float | None, where: str, way_out: str) -> Verdict:
    total = sum(spent.values())
    figures = {"spent_usd": round(total, 4), "limit_usd": limit}
    gate, key = f"budget_{name}", {"before_gate_1": "max_usd_before_gate_1"}.get(name, f"max_{name}_usd")
    told = f"${total:,.2f} spent {where}"
    if limit is None or total < limit:
        allowed = "no limit is set" if limit is None else f"gates.{key} allows ${limit:,.2f}"
        return Verdict(gate, PASS, f"{told}; {allowed}.", figures)
    dearest = sorted(spent.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_STEPS]
    on = ", ".join(f"{step} ${usd:,.2f}" for step, usd in dearest)
    reason = f"{told} (most of it on {on}): gates.{key} allows ${limit:,.2f}. Nothing more is spent: {way_out}, or raise it."
    return Verdict(gate, FAIL, reason, figures)

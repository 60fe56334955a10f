"""Figures that a person plots over the weeks in the UI: numbers, to four digits."""

import math

import pyarrow as pa

from recs_assets.gates.verdict import Verdict

DIGITS = 4
# Of a gate's figures, by their name in the UI.
OF_GATE = {"lift": "lift", "lift, low": "low", "lift, high": "high", "users": "users"}
# Metric and list length, by their name in the UI.
OF_BLEND = {"Recall@10": ("recall", 10), "hit@4": ("hit", 4)}


def figures_of(verdict: Verdict, metrics: pa.Table) -> dict[str, float]:
    """Lift with the bounds of its 95% interval, and what the blend reaches over all users; nothing of what was not measured.

    Args:
        verdict: of gate 1.
        metrics: columns ``system``, ``stratum``, ``metric``, ``k``, ``value``.
    """
    evaluated = verdict.to_dict()["figures"]
    shown = {name: evaluated.get(key) for name, key in OF_GATE.items()}
    measured = {
        (row["metric"], row["k"]): row["value"]
        for row in metrics.to_pylist()
        if (row["system"], row["stratum"]) == ("blend", "all")
    }
    shown |= {name: measured.get(key) for name, key in OF_BLEND.items()}
    return {name: rounded(value) for name, value in shown.items() if value is not None and not math.isnan(value)}


def rounded(value: float) -> float:
    """To as many digits as a person reads; whole numbers stay whole."""
    return value if isinstance(value, int) else round(value, DIGITS)

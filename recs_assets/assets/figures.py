"""Figures that a person plots over the weeks in the UI: numbers, to four digits."""

import math
from typing import Any

import dagster as dg
import pyarrow as pa

from recs_assets.cutoff import K
from recs_assets.gates.verdict import Verdict

DIGITS = 4
# Of a gate's figures, by their name in the UI.
OF_GATE = {"lift": "lift", "lift, low": "low", "lift, high": "high", "users": "users"}
# Metric and list length, by their name in the UI.
OF_BLEND = {f"Recall@{K}": ("recall", K), "hit@4": ("hit", 4)}


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


def shown(result: dg.MaterializeResult, seconds: float) -> dg.MaterializeResult:
    """What an asset shows, with how long it took, and to as many digits as a person reads."""
    return result._replace(metadata=rounded({**(result.metadata or {}), "seconds": seconds}))


def rounded(value: Any) -> Any:
    """A number to four digits, and all numbers within a document; whole ones stay whole."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value

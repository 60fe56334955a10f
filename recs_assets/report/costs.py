"""What has been spent, for a person: by experiment beside its budgets, by month, by run, and on what."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from recs_assets.settings import Settings

SHOWN_RUNS = 10
NOTHING = "Nothing has been spent: runs with RECS_TARGET=local cost nothing, and none of another target has noted a cost."


def render(rows: Sequence[Mapping[str, Any]], settings: Settings) -> str:
    """The rows of ``costs.sql`` as totals, in US dollars."""
    if not rows:
        return NOTHING
    limits, experiment = settings.gates, settings.costs.experiment
    runs = dict(list(_totals(rows, "run_id").items())[-SHOWN_RUNS:])
    own = [row for row in rows if row["experiment"] == experiment]
    told = [
        *_table("experiment", _totals(rows, "experiment")),
        f"{experiment} may cost {_dollars(limits.max_experiment_usd)} in all (gates.max_experiment_usd), and "
        f"{_dollars(limits.max_usd_before_gate_1)} while gate 1 has not passed (gates.max_usd_before_gate_1).",
        "",
        *_table("month", _totals(rows, "month")),
        f"A month may cost {_dollars(limits.max_month_usd)} (gates.max_month_usd).",
        "",
        *_table(f"step, in {experiment}", _dearest(_totals(own, "step"))),
        "",
        *_table("kind", _totals(rows, "kind")),
        "",
        *_table(f"the last {len(runs)} runs", runs),
    ]
    return "\n".join(told)


def _totals(rows: Iterable[Mapping[str, Any]], key: str) -> dict[str, list[float]]:
    """Dollars, GiB billed, slot hours, core hours and GPU hours of each value of a column, in the order of the rows."""
    totals: dict[str, list[float]] = {}
    for row in rows:
        hours = (row[f"{name}_seconds"] / 3600 for name in ("slot", "cpu", "gpu"))
        figures = [row["usd"], row["bytes_billed"] / 2**30, *hours]
        before = totals.get(row[key], [0.0] * len(figures))
        totals[row[key]] = [a + b for a, b in zip(before, figures, strict=True)]
    return totals


def _dearest(totals: Mapping[str, list[float]]) -> dict[str, list[float]]:
    return dict(sorted(totals.items(), key=lambda item: -item[1][0]))


def _table(title: str, totals: Mapping[str, list[float]]) -> list[str]:
    head = f"{title:<38}{'USD':>10}{'GiB billed':>12}{'slot h':>9}{'core h':>9}{'GPU h':>8}"
    lines = [
        f"{name:<38}{usd:>10,.2f}{gib:>12,.2f}{slots:>9,.2f}{cores:>9,.2f}{gpus:>8,.2f}"
        for name, (usd, gib, slots, cores, gpus) in totals.items()
    ]
    return [head, *lines]


def _dollars(limit: float | None) -> str:
    return "any sum" if limit is None else f"${limit:,.2f}"

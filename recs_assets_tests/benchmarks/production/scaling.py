"""How the cost of each stage grows when one size of the world does.

    python -m recs_assets_tests.benchmarks.production.scaling [--only "people active"]

The small planted world, with users, parts, fitment or events multiplied. People who are added are cold, as nearly all are;
events are added to the people who have some. And production's parts and vehicles with 8,000 people, 16,000 and on, who all have
events; with nearly 475,000 of them the night is run as far as its scores, with the model learned from 64,000. Writes
``scaling.csv`` and ``scaling.png`` into RECS_HOME's folder ``benchmark``.
"""

import argparse
import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from recs_assets.demo.presets import PRESETS, Preset
from recs_assets.demo.world import write_world
from recs_assets.targets import home
from recs_assets_tests.benchmarks.production.runs import Row, measured, scored
from recs_assets_tests.benchmarks.production.worst import ALL_ACTIVE

SMALL = PRESETS["small"]
AXES: dict[str, tuple[Sequence[int], Callable[[int], Preset]]] = {
    "users": ((1, 2, 4), lambda n: replace(SMALL, users=SMALL.users * n, active_share=SMALL.active_share / n)),
    "parts": ((1, 2), lambda n: replace(SMALL, parts=SMALL.parts * n, universal_parts=SMALL.universal_parts * n)),
    "fitment": ((1, 2, 4), lambda n: replace(SMALL, vehicles_per_part=SMALL.vehicles_per_part * n)),
    "events": ((1, 4), lambda n: replace(SMALL, browse_parts=SMALL.browse_parts * n)),
    "people active": ((1, 2, 4, 8), lambda n: replace(ALL_ACTIVE, users=8_000 * n)),
}
# Sizes that are too large here for whole jobs: the nightly one as far as its scores, with the model of the last whole size.
SCORED = {"people active": (58,)}
WEEKLY = ("trained_model", "offline_metrics")
AS_FAR_AS_SCORES = ("exports", "hetero_graph", "user_scores")
STAGES = ("exports", "hetero_graph", *WEEKLY, "user_scores", "sql_scores", "recommendations")
COLUMNS = ("axis", "times", "stage", "cpu_seconds", "peak_gib")

Point = tuple[str, int, str, float, float]


def main() -> int:
    """Run all sizes, keep the figures, draw them."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets_tests.benchmarks.production.scaling", description=__doc__)
    parser.add_argument("--only", choices=AXES, help="one axis instead of all")
    only = parser.parse_args().only
    folder = home() / "benchmark" / "scaling"
    points: list[Point] = []
    measured_before: dict[Preset, list[Row]] = {}
    for axis, (times, preset) in AXES.items():
        for n in (*times, *SCORED.get(axis, ())) if only in (None, axis) else ():
            is_whole = n in times
            if preset(n) not in measured_before:
                world = folder / f"{axis}_{n}".replace(" ", "_")
                write_world(world, replace(preset(n), name=f"{axis} x {n}"))
                measured_before[preset(n)] = (measured if is_whole else scored)(world, folder)
            rows = measured_before[preset(n)]
            for stage in STAGES if is_whole else AS_FAR_AS_SCORES:
                cpu, peak = cost_of(stage, rows)
                points.append((axis, n, stage, cpu, peak))
                print(f"{axis} x {n}  {stage:<16}{cpu:>8.1f} CPU s {peak:>6.2f} GiB", flush=True)
    with (folder.parent / "scaling.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *points])
    draw(points, folder.parent / "scaling.png")
    print(f"written: {folder.parent}/scaling.csv and scaling.png")
    return 0


def cost_of(stage: str, rows: Sequence[Row]) -> tuple[float, float]:
    """CPU seconds and peak GiB of a stage; the exports and the checks of their sources are one, publishing is with the lists."""
    words = ("raw_", "_nodes", "_edges") if stage == "exports" else (stage,)
    job = [row for row in rows if row.job == ("weekly" if stage in WEEKLY else "nightly")]
    own = [row for row in job if any(word in row.stage for word in words)]
    return sum(row.cpu_seconds for row in own), max(row.peak_gib for row in own)


def draw(points: Sequence[Point], path: Path) -> None:
    """A panel an axis, a line a stage."""
    axes = [axis for axis in AXES if any(name == axis for name, *_ in points)]
    figure = Figure(figsize=(3 + 2.2 * len(axes), 3.4), layout="constrained")
    panels = figure.subplots(1, len(axes), sharey=True, squeeze=False)[0]
    for panel, axis in zip(panels, axes, strict=True):
        times = (*AXES[axis][0], *SCORED.get(axis, ()))
        for stage in STAGES:
            measured_at = [(n, cpu) for name, n, of, cpu, _ in points if (name, of) == (axis, stage)]
            panel.plot(*zip(*measured_at, strict=True), marker="o", label=stage)
        panel.set_xscale("log", base=2)  # with both by their logarithms, what grows in proportion has a slope of one
        panel.set_xticks(times, [str(n) for n in times])
        panel.set(title=axis, xlabel="times", yscale="log")
    panels[0].set(ylabel="CPU seconds")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    sys.exit(main())

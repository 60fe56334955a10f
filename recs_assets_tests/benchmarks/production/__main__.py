"""The planted world of production's size through the real jobs, stage by stage, beside the floor and the aims.

    python -m recs_assets_tests.benchmarks.production --scale full

Each job runs in a process of its own, from nothing. The rows are appended to ``benchmark.csv`` in RECS_HOME.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence

from recs_assets import settings_file
from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import write_world
from recs_assets.report import text, yardsticks
from recs_assets.report.evaluation import comparison_of
from recs_assets.targets import current, home
from recs_assets_tests.benchmarks.production.runs import WEEKS, Row, keep, measured
from recs_assets_tests.benchmarks.production.worst import CASES, write_case

WIDTH = 30
HEADINGS = f"{'rows in':>12}{'rows out':>12}{'s':>8}{'CPU s':>8}{'GiB':>7}{'MiB out':>9}{'floor s':>9}"

# Stages (or a whole job) and what they should take on two idle cores: seconds, and GiB for whole jobs.
AIMS: Sequence[tuple[str, str, Sequence[str], float, float | None]] = (
    ("weekly", "exports and cleaning", ("raw_", "_nodes", "_edges"), 30, None),
    ("weekly", "hetero_graph", ("hetero_graph",), 10, None),
    ("weekly", "load of the graph", ("load of the graph",), 1, None),
    ("weekly", "training", ("trained_model",), 300, None),
    ("weekly", "offline metrics", ("offline_metrics",), 60, None),
    ("nightly", "user scores", ("user_scores",), 20, None),
    ("nightly", "SQL baseline", ("sql_scores",), 20, None),
    ("nightly", "blend to publish", ("recommendations",), 30, None),
    ("nightly", "whole nightly", ("nightly",), 90, 4.0),
    ("weekly", "whole weekly", ("weekly",), 480, 8.0),
)


def main() -> int:
    """Run, print, keep the rows."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets_tests.benchmarks.production", description=__doc__)
    parser.add_argument("--scale", choices=sorted(PRESETS), default="full")
    parser.add_argument("--case", choices=sorted(CASES), help="a world as bad as can be in one respect, instead of a scale")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    name = options.case or options.scale
    base = home() / "benchmark"
    world = base / name / f"world_{options.seed}"
    if options.case:
        write_case(options.case, world, options.seed)
    else:
        write_world(world, PRESETS[options.scale], seed=options.seed)
    rows = measured(world, base / name)
    print("\n".join(lines(rows)))
    if not options.case:
        print(f"\n{systems()}")
    keep(rows, base / "benchmark.csv", name, options.seed)
    return 0


def systems() -> str:
    """What the weekly job found of every system, beside the best that is possible in this world."""
    store, week = current().store(), WEEKS["weekly"]
    comparison = comparison_of(store.current("offline_metrics", week))
    return text.systems(comparison, week, yardsticks.gather(store, settings_file.load(), week))


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The stages of both jobs, then the aims."""
    for job, week in WEEKS.items():
        yield f"\n{job + ' ' + week:<{WIDTH}}{HEADINGS}"
        for row in (row for row in rows if row.job == job):
            figures = f"{row.seconds:>8.1f}{row.cpu_seconds:>8.1f}{row.peak_gib:>7.2f}{row.written_mib:>9.0f}{row.floor:>9.2f}"
            yield f"{row.stage:<{WIDTH}}{row.rows_in:>12,}{row.rows_out:>12,}{figures}"
    yield f"\n{'aim':<{WIDTH}}{'s':>8}{'aim s':>8}{'GiB':>7}{'aim GiB':>9}"
    for job, name, words, seconds, memory in AIMS:
        own = [row for row in rows if row.job == job]
        stages = own if words == (job,) else [row for row in own if any(word in row.stage for word in words)]
        took = sum(row.seconds for row in (own[-1:] if words == (job,) else stages))
        peak = max((row.peak_gib for row in stages), default=0.0)
        missed = " missed" if took > seconds or (memory is not None and peak > memory) else ""
        yield f"{name:<{WIDTH}}{took:>8.1f}{seconds:>8.0f}{peak:>7.2f}{memory or '':>9}{missed}"


if __name__ == "__main__":
    sys.exit(main())

"""The planted world of production's size through the real jobs, stage by stage, beside the floor and the aims.

    python -m recs_assets_tests.benchmarks.production --scale full

Each job runs in a process of its own, from nothing. The rows are appended to ``benchmark.csv`` in RECS_HOME.
"""

import argparse
import csv
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from recs_assets import settings_file
from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import write_world
from recs_assets.targets import code_version, current, home

# The planted world's last whole week, and the one its last events lie in.
WEEKS = {"weekly": "2026-09-28", "nightly": "2026-10-05"}
GIB = 2**30
DAGSTER_SETTINGS = "telemetry: {enabled: false}\npython_logs: {managed_python_loggers: [recs_assets]}\n"
HEADINGS = f"{'rows in':>12}{'rows out':>12}{'s':>8}{'CPU s':>8}{'GiB':>7}{'MiB out':>9}{'floor s':>9}"
WIDTH = 30


@dataclass(frozen=True)
class Row:
    """A line of the table and of the CSV; ``floor`` is DuckDB's seconds for the same rows, NaN where nothing is to be moved."""

    job: str
    stage: str
    rows_in: int
    rows_out: int
    seconds: float
    cpu_seconds: float
    peak_gib: float
    written_mib: float
    floor: float


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
    """Run, print, keep the rows; the exit status is 1 where a job failed."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets_tests.benchmarks.production", description=__doc__)
    parser.add_argument("--scale", choices=sorted(PRESETS), default="full")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = home() / "benchmark" / options.scale
    world = folder / f"world_{options.seed}"
    if not (world / "world.json").exists():
        write_world(world, PRESETS[options.scale], seed=options.seed)
    shutil.rmtree(folder / "home", ignore_errors=True)
    os.environ |= {"RECS_HOME": str(folder / "home"), "RECS_SOURCE": str(world)}
    rows = [row for job, week in WEEKS.items() for row in rows_of(job, week, folder)]
    print("\n".join(lines(rows)))
    keep(rows, folder.parent / "benchmark.csv", options.scale, options.seed)
    return 0


def rows_of(job: str, week: str, folder: Path) -> list[Row]:
    """Run a job in a process of its own, then measure the floor under each of its stages."""
    from recs_assets_tests.benchmarks.production.floor import floor

    record, dagster_home = folder / f"{job}.json", home() / "dagster"
    dagster_home.mkdir(parents=True, exist_ok=True)
    (dagster_home / "dagster.yaml").write_text(DAGSTER_SETTINGS)
    command = [sys.executable, "-m", "recs_assets_tests.benchmarks.production.recorder", job, week, str(record)]
    subprocess.run(command, check=True, env=os.environ | {"DAGSTER_HOME": str(dagster_home)})
    store, threads = current().store(), settings_file.load().compute.cores
    rows = []
    for took in json.loads(record.read_text()):
        name = took.pop("name")
        figures = (took["seconds"], took["cpu_seconds"], took["peak_bytes"] / GIB, took["written_bytes"] / 2**20)
        artifact = store.find(name, week)
        if artifact is None:
            rows.append(Row(job, name, 0, 0, *figures, float("nan")))
            continue
        under = floor(store, name, week, threads)
        rows.append(Row(job, name, under.rows_in, under.rows_out, *figures, under.seconds))
        if name == "hetero_graph":
            rows.append(_load_of_graph(job, artifact.path("graph.pt")))
    return rows


def _load_of_graph(job: str, path: Path) -> Row:
    from recs_assets.gnn import graph

    started, cpu = time.perf_counter(), time.process_time()
    graph.load(path)
    return Row(job, "load of the graph", 0, 0, time.perf_counter() - started, time.process_time() - cpu, 0.0, 0.0, float("nan"))


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


def keep(rows: Sequence[Row], path: Path, scale: str, seed: int) -> None:
    """Append the rows to the CSV, with when and on what they were measured."""
    where = {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "version": code_version(),
        "scale": scale,
        "seed": seed,
        "cores": settings_file.load().compute.cores,
    }
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, [*where, *Row.__dataclass_fields__])
        if is_new:
            writer.writeheader()
        writer.writerows(where | asdict(row) for row in rows)
    print(f"\nkept in {path}")


if __name__ == "__main__":
    sys.exit(main())

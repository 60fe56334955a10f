"""Both jobs on one world, each in a process of its own, and what their stages took."""

import csv
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from recs_assets import settings_file
from recs_assets.asset_files import GRAPH
from recs_assets.gnn import graph
from recs_assets.targets import code_version, current, home
from recs_assets_tests.benchmarks.production.floor import floor
from recs_assets_tests.dagster_home import dagster_home

# The planted world's last whole week, and the one its last events lie in.
WEEKS = {"weekly": "2026-09-28", "nightly": "2026-10-05"}
GIB = 2**30


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


def measured(world: Path, folder: Path) -> list[Row]:
    """Run both jobs on a world from nothing; ``folder`` keeps what they make until the next time."""
    shutil.rmtree(folder / "home", ignore_errors=True)
    os.environ |= {"RECS_HOME": str(folder / "home"), "RECS_SOURCE": str(world)}
    return [row for job, week in WEEKS.items() for row in rows_of(job, week, folder)]


def scored(world: Path, folder: Path) -> list[Row]:
    """Run the nightly job on another world as far as its scores, with the model that ``measured`` left in ``folder``."""
    os.environ |= {"RECS_HOME": str(folder / "home"), "RECS_SOURCE": str(world)}
    return rows_of("nightly", WEEKS["nightly"], folder, "user_scores")


def rows_of(job: str, week: str, folder: Path, *last: str) -> list[Row]:
    """Run a job in a process of its own, to the end or as far as some assets, then measure the floor under each of its stages."""
    record = folder / f"{job}.json"
    command = [sys.executable, "-m", "recs_assets_tests.benchmarks.production.recorder", job, week, str(record), *last]
    subprocess.run(command, check=True, env=os.environ | {"DAGSTER_HOME": str(dagster_home(home() / "dagster"))})
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
            rows.append(_load_of_graph(job, artifact.path(GRAPH)))
    return rows


def _load_of_graph(job: str, path: Path) -> Row:
    started, cpu = time.perf_counter(), time.process_time()
    graph.load(path)
    return Row(job, "load of the graph", 0, 0, time.perf_counter() - started, time.process_time() - cpu, 0.0, 0.0, float("nan"))


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

"""How much room a season of nights takes: the jobs of successive days, one after the other, and the size of all that is kept.

    python -m recs_assets_tests.benchmarks.nights --nights 60

The tiny planted world, whose events move on by a day a night, so that every night exports, scores and publishes something new;
each Monday the week just closed is learned from first, without towers. What is there grows older by a day a night, by the
clocks that pruning goes by. Writes ``nights.csv`` and ``nights.png`` into RECS_HOME's folder ``benchmark``.
"""

import argparse
import csv
import datetime as dt
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from matplotlib.figure import Figure

from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import write_world
from recs_assets.resources.store.pruning import size_of
from recs_assets.targets import home
from recs_assets.weeks import ONE_WEEK, key_of, monday
from recs_assets_tests.dagster_home import dagster_home
from recs_assets_tests.worlds import NEXT_WEEK, Place, messages, settings_with

DAY = dt.timedelta(days=1)
SMALL = {
    "towers": {"encoder": "none"},
    "compute": {"threads": 1},
    "model": {"steps": 30},
    "source": {"max_quarantined_share": 0.5},
}
KINDS = ("store", "warehouse", "event log")
COLUMNS = ("night", "day", "seconds", "versions", *(f"{kind} MB" for kind in KINDS))


def main(arguments: Sequence[str]) -> int:
    """Run the nights; print, keep and draw the size after each."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets_tests.benchmarks.nights", description=__doc__)
    parser.add_argument("--nights", type=int, default=60)
    nights = parser.parse_args(arguments).nights
    results = home() / "benchmark"
    results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = simulated(Path(folder), nights)
        with (results / "nights.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for row in rows:
                writer.writerow(row)
                file.flush()
                print("  ".join(f"{name} {value}" for name, value in zip(COLUMNS, row, strict=True)), flush=True)
    draw(results / "nights.csv", results / "nights.png")
    print(f"written: {results}/nights.csv and nights.png")
    return 0


def simulated(folder: Path, nights: int) -> Iterator[tuple[object, ...]]:
    """The row of each night, as they come."""
    original, source = folder / "original", folder / "source"
    original.mkdir()
    source.mkdir()
    write_world(original, PRESETS["tiny"], seed=1)
    newest = monday(NEXT_WEEK) + 3 * DAY
    first = dt.datetime.now(dt.UTC) - nights * DAY
    event_log = folder / "home" / "dagster"
    with dg.DagsterInstance.from_config(str(dagster_home(event_log))) as instance:
        place = Place(source, folder / "home", settings_with(folder, SMALL), instance)
        for night in range(nights):
            day, started = first + night * DAY, time.monotonic()
            shift(original, source, day - newest)
            if night == 0:
                ran(place, "everything", key_of(day - ONE_WEEK))
            elif day.weekday() == 0:
                ran(place, "weekly", key_of(day - ONE_WEEK))
            ran(place, "nightly", key_of(day))
            seconds = round(time.monotonic() - started, 1)
            n_versions = sum(1 for _ in (place.home / "store").rglob("manifest.json"))
            sizes = (size_of(place.home / "store"), (place.home / "warehouse.duckdb").stat().st_size, size_of(event_log))
            yield (night + 1, f"{day:%Y-%m-%d}", seconds, n_versions, *(round(n_bytes / 1e6, 2) for n_bytes in sizes))
            grow_older(place, event_log)


def ran(place: Place, job: str, week: str) -> None:
    """Run a job, which has to end well."""
    result = place.launch(job, week)
    if not result.success:
        raise RuntimeError(f"{job} of week {week} failed: {messages(result)}")


def shift(original: Path, source: Path, by: dt.timedelta) -> None:
    """The source tables with all their times moved."""
    for path in original.glob("*.parquet"):
        table = pq.read_table(path)
        for position, (name, kind) in enumerate(zip(table.schema.names, table.schema.types, strict=True)):
            if pa.types.is_timestamp(kind):
                table = table.set_column(position, name, pc.add(table[name], pa.scalar(by)).cast(kind))
        pq.write_table(table, source / path.name)


def grow_older(place: Place, event_log: Path) -> None:
    """Make everything a day older by the clocks that pruning goes by: of files, staged tables, publications and runs."""
    for path in (place.home / "store").rglob("manifest.json"):
        then = path.stat().st_mtime - DAY.total_seconds()
        os.utime(path, (then, then))
    with duckdb.connect(str(place.home / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE staged_tables SET staged_at = staged_at - INTERVAL 1 DAY")
        connection.execute("UPDATE publications SET published_at = published_at - INTERVAL 1 DAY")
    for path in event_log.rglob("runs.db"):
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE runs SET create_timestamp = strftime('%Y-%m-%d %H:%M:%f', create_timestamp, '-1 day')")
        connection.close()


def draw(figures: Path, path: Path) -> None:
    """Megabytes by night, a line a place."""
    with figures.open(newline="") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    panel = figure.subplots()
    for kind in KINDS:
        panel.plot([int(row["night"]) for row in rows], [float(row[f"{kind} MB"]) for row in rows], label=kind)
    panel.set(xlabel="nights", ylabel="MB", title="What is kept after each night of the tiny world", ylim=(0, None))
    panel.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    # As in recs_assets.__main__: an ordinary exit would let DuckDB's binding complain.
    os._exit(status)

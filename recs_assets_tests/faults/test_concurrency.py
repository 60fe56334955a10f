"""Two processes at one table: exactly one publishes, whoever comes late is refused, and a reader sees whole versions only."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from recs_assets.resources.errors import WarehouseError
from recs_assets_tests.faults.homes import warehouse_of
from recs_assets_tests.resources.versions import (
    FIRST,
    SECOND,
    publish,
    query,
    served,
    stage,
    wide,
    write_users,
)

pytestmark = pytest.mark.long

# Stages a version, says so, and publishes it when it is told to.
RUN = """
import sys
from pathlib import Path
from recs_assets.resources.errors import PublishRefused
from recs_assets_tests.faults.homes import warehouse_of
from recs_assets_tests.resources.versions import FIRST, publish, stage
warehouse = warehouse_of(Path(sys.argv[1]))
third = [("u1", 1, "p1", 0.875), ("u3", 1, "p2", 0.25)]
publication = stage(warehouse, sys.argv[2], FIRST if sys.argv[2] == "a" else third)
print("staged", flush=True)
sys.stdin.readline()
try:
    print(publish(warehouse, publication).outcome)
except PublishRefused as refusal:
    print(refusal)
    sys.exit(1)
"""


def run(home: Path, name: str) -> "subprocess.Popen[str]":
    """A run that has staged its version and waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(home), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "staged\n"
    return process


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """One version is served, and it may be replaced."""
    write_users(tmp_path, {"u1": True, "u2": True, "u3": True})
    warehouse = warehouse_of(tmp_path)
    publish(warehouse, stage(warehouse, "one", FIRST))
    publish(warehouse, stage(warehouse, "two", SECOND))
    return tmp_path


@contextmanager
def reader(home: Path, whole: list[object]) -> Iterator[list[object]]:
    """Polls what is served; what it saw that is no whole version is in the list, after the number of looks that it took."""
    seen: list[object] = [0]
    done = threading.Event()

    def look() -> None:
        last = False
        while not last:
            last = done.is_set()
            try:
                content = served(warehouse_of(home))
            except duckdb.IOException:
                continue  # a writer has the file
            seen[0] = int(str(seen[0])) + 1
            if content not in whole:
                seen.append(content)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def test_of_two_runs_at_once_exactly_one_publishes_and_the_other_says_who_won(home: Path) -> None:
    third = [("u1", 1, "p1", 0.875), ("u3", 1, "p2", 0.25)]
    whole: list[object] = [(list(rows), wide(rows)) for rows in (FIRST, SECOND, third)]
    runs = [run(home, name) for name in ("a", "b")]
    with reader(home, whole) as seen:
        for process in runs:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        told = [process.communicate()[0].strip() for process in runs]
    assert sorted(process.returncode for process in runs) == [0, 1]
    winner, loser = sorted(range(2), key=lambda number: runs[number].returncode)
    assert told[winner] == "published"
    name = "ab"[winner]
    assert re.fullmatch(
        rf"week 2026-02-23: run run {name} published publication {name} at \S+ \S+ UTC, after this run had read version "
        r"publication two\. Nothing was written; run again to publish on top of it\.",
        told[loser],
    )
    assert served(warehouse_of(home)) == whole[0 if name == "a" else 2]
    assert len(query(warehouse_of(home), "FROM publications")) == 3
    assert seen[0] != 0
    assert seen[1:] == []


def test_a_run_that_slept_while_a_newer_one_published_is_refused(home: Path) -> None:
    slow = run(home, "a")
    os.kill(slow.pid, signal.SIGSTOP)
    fast = run(home, "b")
    assert fast.communicate("\n")[0] == "published\n"
    before = served(warehouse_of(home))
    os.kill(slow.pid, signal.SIGCONT)
    told, _ = slow.communicate("\n")
    assert slow.returncode == 1
    assert told.startswith("week 2026-02-23: run run b published publication b at ")
    assert served(warehouse_of(home)) == before


HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
print(connection.execute("SELECT COUNT(*) FROM staged_long_one").fetchone()[0], flush=True)
sys.stdin.readline()
print(connection.execute("SELECT COUNT(*) FROM staged_long_one").fetchone()[0], flush=True)
"""


def test_old_versions_are_not_dropped_under_a_reader(home: Path) -> None:
    warehouse = warehouse_of(home)
    third = stage(warehouse, "three", FIRST)
    command = [sys.executable, "-c", HOLD, str(warehouse.file)]
    holding = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holding.stdout is not None
    assert holding.stdout.readline() == "2\n"
    warehouse.lock_wait_seconds = 0.5
    with pytest.raises(WarehouseError, match=r"has been locked for 0\.5 seconds: .* Close the program that holds it"):
        publish(warehouse, third)
    assert holding.communicate("\n")[0] == "2\n"
    publish(warehouse, third)
    tables = "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'staged_long%' ORDER BY 1"
    assert query(warehouse, tables) == [("staged_long_three",), ("staged_long_two",)]

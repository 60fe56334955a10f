"""One fault in one operation, in a process of its own; then what is left is looked at, and the operation runs again."""

import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import pyarrow.parquet as pq

from recs_assets.fault_points import ARMED_BY, POINTS, WAYS, WITH_FILE
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.store import Store
from recs_assets_tests.faults.homes import UNLISTED_TABLES, warehouse_of
from recs_assets_tests.faults.operations import LISTS, OF_BIGQUERY, OPERATIONS, PASSES, STORE_WEEK, checkpoints_of
from recs_assets_tests.faults.runs import FORKS
from recs_assets_tests.resources.versions import query, served, wide

PATIENCE_SECONDS = 60
# A process that hangs ends as one that is killed, and what memory runs out on is left to chance.
SLOW_WAYS = ("hang", "out-of-memory")


@dataclass(frozen=True)
class Case:
    """A way to fail at a point of an operation."""

    operation: str
    point: str
    way: str

    def __str__(self) -> str:
        return f"{self.operation}-{self.point}-{self.way}"


@dataclass(frozen=True)
class Ending:
    """How the process of a case ended: its exit code (minus the signal), what it said, which version a reader sees then."""

    exit_code: int | None
    said: str
    version_left: str


# What the C library ends a process with that has no memory for a thread's own data.
NO_ROOM_FOR_THREAD = 127
# How a process may end, a way each; minus the signal, None where it hangs. Native code dies of too little memory as it likes.
EXITS: Mapping[str, set[int | None]] = {
    "kill": {-signal.SIGKILL},
    "raise": {1},
    "hang": {None},
    "disk-full": {0, 1},
    "truncate": {0, 1},
    "out-of-memory": {0, 1, NO_ROOM_FOR_THREAD, -signal.SIGSEGV, -signal.SIGABRT},
}
# What came of a case, unless it is BROKEN and why.
CONVERGED, NOT_REACHED = "converged", "not reached"


@dataclass(frozen=True)
class Outcome:
    """A case, how its process ended (``None`` where that was never known), and the verdict; as a string, a row of the table."""

    case: Case
    ending: Ending | None
    verdict: str

    def __str__(self) -> str:
        case, version_left = self.case, self.ending.version_left if self.ending else "?"
        return f"{case.operation:<16}{case.point:<20}{case.way:<15}{self._ended:<12}{version_left:<20}{self.verdict}"

    @property
    def _ended(self) -> str:
        if self.ending is None:
            return "?"
        code = self.ending.exit_code
        return "hung" if code is None else f"signal {-code}" if code < 0 else f"exit {code}"


def cases() -> list[Case]:
    """Every operation, with every point that it passes, in every way that makes sense there."""
    points = [point for point in POINTS if point not in OF_BIGQUERY]
    passed = [(operation, point) for operation, words in PASSES.items() for point in points if point.partition(".")[0] in words]
    return [Case(*at, way) for at in passed for way in WAYS if way != "truncate" or at[1] in WITH_FILE]


def quick_cases() -> list[Case]:
    """Every point of every operation, in the ways that are quick; in the slow ones one point an operation."""
    seen: set[tuple[str, str]] = set()
    chosen = []
    for case in reversed(cases()):
        if case.way not in SLOW_WAYS or (case.operation, case.way) not in seen:
            chosen.append(case)
        seen.add((case.operation, case.way))
    return chosen[::-1]


def _work(operation: str, home: Path, fault: str, said: Connection) -> None:
    os.dup2(said.fileno(), 2)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    os.environ[ARMED_BY] = fault
    try:
        OPERATIONS[operation](home)
    except Exception as error:
        lines = traceback.format_exception_only(error)
        while error.__context__ is not None:
            error = error.__context__
            lines += traceback.format_exception_only(error)
        os.write(2, "".join(lines).encode())
        os._exit(1)
    os._exit(0)


def suffer(case: Case, prepared: Path, home: Path) -> Ending:
    """Copy the prepared home, run the case there in a process of its own, and look what is left."""
    shutil.copytree(prepared, home)
    listening, speaking = os.pipe()
    with os.fdopen(listening) as told, Connection(speaking) as said:
        process = FORKS.Process(target=_work, args=(case.operation, home, f"{case.point}:{case.way}", said))
        process.start()
        said.close()
        first = told.readline()
        process.join(0.3 if case.way == "hang" else PATIENCE_SECONDS)
        exit_code = process.exitcode
        if exit_code is None:
            process.kill()
            process.join()
        rest = told.read()
    return Ending(exit_code, first + rest, version_left(case.operation, home))


def version_left(operation: str, home: Path) -> str:
    """What a reader finds: ``old``, ``new`` or ``both`` where they are the same; an ``AssertionError`` where it is neither."""
    lists = served(warehouse_of(home))
    old, new = ((list(rows), wide(rows)) for rows in LISTS[operation])
    if operation not in {"draft", "checkpoint"}:
        assert lists in (old, new), f"what is served is no whole version: {lists}"
        return "old = new" if old == new else "old" if lists == old else "new"
    assert lists == old
    return _artifact(home) if operation == "draft" else _checkpoint(home)


def _checkpoint(home: Path) -> str:
    state = checkpoints_of(home).newest()
    assert state is not None, "a training would begin from nothing"
    assert int(state["weights"].sum()) == 1_000
    return {2: "old", 3: "new"}[state["epoch"]]


def _artifact(home: Path) -> str:
    try:
        artifact = Store(home / "store").current("scores", STORE_WEEK)
        notes = artifact.document("note.json")["note"]
        for name in artifact.manifest.files:
            artifact.path(name)
    except StoreError as error:
        said = str(error)
        return "refused" if str(home) in said and "materialize scores" in said else f"refused without path or way out: {said}"
    assert artifact.table("scores.parquet").num_rows == 2
    assert artifact.table("profiles.parquet").num_rows == 2
    return "old" if notes == "first" else "new"


def check(case: Case, ending: Ending, home: Path) -> None:
    """The promises: how the process ended, that it said why, that the next run converges, and that it leaves no orphans.

    Raises:
        AssertionError: one of them was broken.
    """
    assert ending.said.startswith(f"fault {case.point}:{case.way}"), f"the point was not passed: {ending.said}"
    assert ending.exit_code in EXITS[case.way], ending
    if ending.exit_code == 0 and case.way != "truncate":
        assert ending.version_left.endswith("new"), f"it ended well and did nothing: {ending}"
    if ending.exit_code == 1:
        assert all(words in ending.said for words in _reasons(case)), ending
    assert not ending.version_left.startswith("refused") or (ending.version_left, case.way) == ("refused", "truncate"), (
        "a damaged artifact after a fault that damages nothing"
    )
    OPERATIONS[case.operation](home)
    assert version_left(case.operation, home).endswith("new"), "the next run did not converge"
    assert orphans(home) == []


def _reasons(case: Case) -> Sequence[str]:
    # What a process that failed must have said: what happened to what, and what to do.
    way_out = [] if case.operation == "checkpoint" else ["make room on the disk"]
    return {
        "raise": [f"the disk failed at {case.point}"],
        "disk-full": ["File too large", *way_out],
        "truncate": ["scores", f"for week {STORE_WEEK}", " again."],
    }.get(case.way, [])


def orphans(home: Path) -> list[str]:
    """Files and tables that belong to nothing."""
    kept = {"warehouse.duckdb", "warehouse.duckdb.wal", "warehouse.spill", "store", "users.parquet"}
    left = [path.name for path in home.iterdir() if path.name not in kept]
    left += [str(path) for folder in ("warehouse.spill", "store/.drafts") for path in (home / folder).iterdir()]
    week = home / "store" / "scores" / STORE_WEEK
    for path in week.iterdir():
        if path.name != "current":
            manifest = json.loads((path / "manifest.json").read_bytes())
            left += sorted({file.name for file in path.iterdir()} - {"manifest.json", *manifest["files"]})
            assert pq.read_metadata(path / "scores.parquet").num_rows == 2
    return left + [name for (name,) in query(warehouse_of(home), UNLISTED_TABLES)]

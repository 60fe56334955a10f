"""Fault points of publishing in BigQuery: what is served stays whole, and doing it again comes to the same."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event

import pytest

from recs_assets.fault_points import ARMED_BY
from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.bigquery.warehouse import BigQueryWarehouse
from recs_assets.resources.publishing import Publication
from recs_assets_tests.resources.bigquery.conftest import warehouse_at
from recs_assets_tests.resources.bigquery.reading import query, served
from recs_assets_tests.resources.versions import FIRST, SECOND, publish, restoration, stage, wide
from recs_assets_tests.stand_ins.faulty_proxy import Fault, faulty_proxy
from recs_assets_tests.stand_ins.places import environment

OLD, NEW = (list(FIRST), wide(FIRST)), (list(SECOND), wide(SECOND))
# Before the first statement, between two, before the commit, and after it.
OF_PUBLISHING = ["publish.begun", "publish.inserted", "publish.recorded", "publish.committed"]
OF_RESTORING = ["restore.mailed", "restore.recorded", "restore.committed"]
# One process has all modules loaded, and each run is forked from it.
RUNS = """
import os, pickle, sys
from recs_assets.resources.bigquery.client import Places
from recs_assets_tests.resources.bigquery.conftest import warehouse_at
from recs_assets_tests.resources.bigquery.test_faults import RUN_OF
for line in sys.stdin:
    run, publication, variables = pickle.loads(bytes.fromhex(line))
    child = os.fork()
    if not child:
        os.environ |= variables
        RUN_OF[run](warehouse_at(Places.of(), turn_seconds=0.5), publication)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
RUN_OF: dict[str, Callable[[BigQueryWarehouse, Publication | None], object]] = {
    "stage": lambda warehouse, _: stage(warehouse, "two", SECOND),
    "publish": lambda warehouse, publication: publication and publish(warehouse, publication),
    "restore": lambda warehouse, _: warehouse.restore(restoration(warehouse, "a")),
}


@dataclass(frozen=True)
class Runs:
    """Runs in processes of their own, one after the other."""

    process: subprocess.Popen[str]

    def begin(self, run: str, places: Places, publication: Publication | None = None, **variables: str) -> int:
        """Begin one; its process."""
        assert self.process.stdin
        print(pickle.dumps((run, publication, environment(places) | variables)).hex(), file=self.process.stdin, flush=True)
        return self._told()

    def ended(self) -> int:
        """The exit code of the one that was begun; minus the signal."""
        return self._told()

    def killed_at(self, point: str, run: str, places: Places, publication: Publication | None = None) -> None:
        """One that dies at a point."""
        self.begin(run, places, publication, **{ARMED_BY: f"{point}:kill"})
        assert self.ended() == -signal.SIGKILL

    def _told(self) -> int:
        assert self.process.stdout
        return int(self.process.stdout.readline())


@pytest.fixture
def runs() -> Iterator[Runs]:
    command = [sys.executable, "-c", RUNS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Runs(process)


def test_an_error_at_each_point_leaves_a_whole_version(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = warehouse_at(places)
    publish(warehouse, stage(warehouse, "one", FIRST))
    second = stage(warehouse, "two", SECOND)
    for point in OF_PUBLISHING:
        monkeypatch.setenv(ARMED_BY, f"{point}:raise")
        with pytest.raises(OSError, match=f"the disk failed at {point}"):
            publish(warehouse, second)
        assert served(places) == (NEW if point == "publish.committed" else OLD)
    monkeypatch.delenv(ARMED_BY)
    assert publish(warehouse, second).outcome == "already published"

    back = restoration(warehouse, "a")
    for point in OF_RESTORING:
        monkeypatch.setenv(ARMED_BY, f"{point}:raise")
        with pytest.raises(OSError, match=f"the disk failed at {point}"):
            warehouse.restore(back)
        assert served(places) == (OLD if point == "restore.committed" else NEW)
    monkeypatch.delenv(ARMED_BY)
    assert warehouse.restore(back).outcome == "already published"
    assert query(places, "SELECT publication_id FROM publications ORDER BY sequence") == [
        ("publication one",),
        ("publication two",),
        ("restoration a",),
    ]


@contextmanager
def reader(places: Places) -> Iterator[None]:
    """Somebody who reads both tables over and over: either is one whole version, always."""
    ended, seen = Event(), set[tuple[str, str]]()

    def read() -> None:
        while not ended.is_set():
            seen.add(tuple(map(str, served(places))))  # type: ignore[arg-type]

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        try:
            yield
        finally:
            ended.set()
        reading.result()
    for number in (0, 1):
        assert {tables[number] for tables in seen} == {str(OLD[number]), str(NEW[number])}


def answer_never_comes(statement: bytes) -> Callable[[str, str, bytes], Fault | None]:
    """Whatever ends the transaction in which a statement was sent is done, and no answer comes."""
    sent: list[bytes] = []

    def fault(method: str, path: str, body: bytes) -> Fault | None:
        if statement in body and b'"dryRun"' not in body:
            sent.append(body)
        return "held" if sent and b"COMMIT TRANSACTION" in body else None

    return fault


def test_whoever_is_killed_leaves_a_whole_version_and_the_next_one_goes_on(places: Places, runs: Runs) -> None:
    warehouse = warehouse_at(places, turn_seconds=0.5)
    publish(warehouse, stage(warehouse, "one", FIRST))
    with reader(replace(places)):
        runs.killed_at("append.committed", "stage", places)
        second = stage(warehouse, "two", SECOND)
        # Its transaction is left open, and nobody will end it: the next run does.
        runs.killed_at("publish.inserted", "publish", places, second)
        assert served(places) == OLD

        with faulty_proxy(str(places.endpoint)) as proxy:
            proxy.fault = answer_never_comes(b"INSERT INTO `%s.publications`" % places.tables.encode())
            child, until = runs.begin("publish", replace(places, endpoint=proxy.url), second), time.monotonic() + 60
            while served(places) != NEW and time.monotonic() < until:
                time.sleep(0.05)
            os.kill(child, signal.SIGKILL)
            assert runs.ended() == -signal.SIGKILL
        assert served(places) == NEW
        assert publish(warehouse, second).outcome == "already published"

        runs.killed_at("restore.inserted", "restore", places)
        assert served(places) == NEW
        assert warehouse.restore(restoration(warehouse, "a")).outcome == "restored"
    assert served(places) == OLD
    assert query(places, "SELECT publication_id FROM publications ORDER BY sequence") == [
        ("publication one",),
        ("publication two",),
        ("restoration a",),
    ]

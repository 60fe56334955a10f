"""Publishing in BigQuery under the eyes of a reader: what is served stays whole, whoever is killed, and the next run goes on."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.publishing import Publication
from recs_assets_tests.faults.runs import begun, fail
from recs_assets_tests.resources.bigquery.conftest import warehouse_at
from recs_assets_tests.resources.bigquery.reading import query, served
from recs_assets_tests.resources.versions import FIRST, SECOND, publish, restoration, stage, wide
from recs_assets_tests.stand_ins.faulty_proxy import Fault, faulty_proxy

OLD, NEW = (list(FIRST), wide(FIRST)), (list(SECOND), wide(SECOND))
TURN_SECONDS = 0.5


def publish_at(places: Places, publication: Publication) -> None:
    publish(warehouse_at(places, turn_seconds=TURN_SECONDS), publication)


def restore_at(places: Places) -> None:
    warehouse = warehouse_at(places, turn_seconds=TURN_SECONDS)
    warehouse.restore(restoration(warehouse, "a"))


@contextmanager
def reader(places: Places) -> Iterator[None]:
    """Somebody who reads both tables over and over: either is one whole version, always."""
    ended, seen = Event(), set[tuple[str, str]]()

    def read() -> None:
        # Now and then: one who asks all the time takes the stand-in from those who write.
        while not ended.wait(0.2):
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


def test_whoever_is_killed_leaves_a_whole_version_and_the_next_one_goes_on(places: Places) -> None:
    warehouse = warehouse_at(places, turn_seconds=TURN_SECONDS)
    publish(warehouse, stage(warehouse, "one", FIRST))
    second = stage(warehouse, "two", SECOND)
    with reader(replace(places)):
        # Its transaction is left open, and nobody will end it: the next run does.
        fail("kill", "publish.inserted", publish_at, replace(places), second)
        assert served(places) == OLD

        with faulty_proxy(str(places.endpoint)) as proxy:
            proxy.fault = answer_never_comes(b"INSERT INTO `%s.publications`" % places.tables.encode())
            publishing, until = begun(publish_at, replace(places, endpoint=proxy.url), second), time.monotonic() + 60
            while served(places) != NEW and time.monotonic() < until:
                time.sleep(0.05)
            publishing.kill()
            publishing.join()
            assert publishing.exitcode == -signal.SIGKILL
        assert served(places) == NEW
        assert publish(warehouse, second).outcome == "already published"

        fail("kill", "restore.inserted", restore_at, replace(places))
        assert served(places) == NEW
        assert warehouse.restore(restoration(warehouse, "a")).outcome == "restored"
    assert served(places) == OLD
    assert query(places, "SELECT publication_id FROM publications ORDER BY sequence") == [
        ("publication one",),
        ("publication two",),
        ("restoration a",),
    ]

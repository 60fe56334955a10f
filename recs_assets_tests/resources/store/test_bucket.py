"""What is a bucket's own: generations, marks instead of locks, copies on this machine, and a service that does not answer."""

import datetime as dt
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from recs_assets import fault_points, home_layout
from recs_assets.home_layout import LayoutError
from recs_assets.resources.store import bucket, objects
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.bucket import COPIES, GRACE, Bucket
from recs_assets.resources.store.objects import BucketError
from recs_assets.resources.store.pruning import remove, stored
from recs_assets.resources.store.store import Store
from recs_assets_tests.resources.store import places
from recs_assets_tests.resources.store.places import Place
from recs_assets_tests.resources.store.test_store import ROWS, WEEK, _write
from recs_assets_tests.stand_ins.faulty_proxy import Fault, Proxy, each_call_first, faulty_proxy
from recs_assets_tests.stand_ins.servers import Storage


@pytest.fixture
def place(storage_server: Storage, tmp_path: Path) -> Place:
    return places.bucket(tmp_path, storage_server)


@pytest.fixture
def proxy(place: Place) -> Iterator[Proxy]:
    with faulty_proxy(str(place.endpoint)) as between:
        yield between


def failing(*cases: tuple[str, Fault]) -> Callable[[str, str, bytes], Fault | None]:
    """For a proxy: of requests whose line has the pattern the next one meets the fault."""
    waiting = list(cases)

    def fault(method: str, path: str, body: bytes) -> Fault | None:
        case = next((case for case in waiting if re.search(case[0], f"{method} {path}")), None)
        if case is not None:
            waiting.remove(case)
        return case[1] if case else None

    return fault


def fetched(proxy: Proxy, name: str) -> int:
    """How often an object's content was asked for."""
    return sum(name in path and "alt=media" in path for _, path, _ in proxy.asked)


def through(proxy: Proxy, place: Place) -> Store:
    """The same store, by way of the proxy."""
    return replace(place, endpoint=proxy.url).store


def test_of_runs_that_move_a_pointer_at_once_each_gets_its_turn(place: Place) -> None:
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda number: _write(place.store, f"note {number}"), range(8)))
    assert {artifact.document("note.json")["note"] for artifact in written} == {f"note {number}" for number in range(8)}
    assert place.store.current("scores", WEEK).version in {artifact.version for artifact in written}


def test_a_pointer_that_was_replaced_meanwhile_is_looked_at_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = _write(place.store, "mine"), _write(place.store, "other")
    location, read = place.store.location, bucket.Bucket._pointer
    seen = read(location, f"scores/{WEEK}")  # type: ignore[arg-type]
    place.store.location.point(f"scores/{WEEK}", mine.version)
    looks = iter([seen])
    monkeypatch.setattr(bucket.Bucket, "_pointer", lambda self, week: next(looks, None) or read(self, week))
    location.point(f"scores/{WEEK}", "0123456789abcdef")
    assert location.pointer(f"scores/{WEEK}") == b"0123456789abcdef"
    assert next(looks, None) is None
    assert other.version != mine.version


OBJECT, OBJECTS = "/storage/v1/b/*/o/*", "/storage/v1/b/*/o"
# All that a store asks of the API, objects alone: a new use of it has to be tried here.
CALLS = {
    f"GET {OBJECTS}",
    f"GET {OBJECTS} delimiter",
    f"GET {OBJECT}",
    f"GET /download{OBJECT} alt=media",
    f"POST /upload{OBJECTS} uploadType=multipart",
    f"POST /upload{OBJECTS} uploadType=multipart ifGenerationMatch",
    f"PATCH {OBJECT} ifGenerationMatch",
    f"DELETE {OBJECT}",
    f"DELETE {OBJECT} ifGenerationMatch",
}


def work(store: Store) -> None:
    """Written, written again, marked as superfluous and removed; a version that stays; work in progress, to its end."""
    _write(store, week="2026-02-23")
    for _ in range(2):
        remove(store, [version for version in stored(store) if version.week == "2026-02-23"], [])
    assert store.find("scores", "2026-02-23") is None
    for note in ("first", "second", "first"):
        assert _write(store, note).document("note.json") == {"note": note}
    assert store.location.names("scores") == [WEEK]
    with store.working("training") as unfinished:
        (unfinished.folder / "epoch").write_bytes(b"one")
    with store.working("training") as work:
        (work.folder / "epoch").unlink()


@pytest.mark.parametrize("faults", [("429", "500", "503"), ("dropped", "lost", "cut")], ids=["not done", "done or not"])
def test_each_request_that_fails_is_sent_again_and_done_once(
    place: Place, proxy: Proxy, faults: tuple[Fault, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "FIRST_WAIT_SECONDS", 0.02)
    proxy.fault = each_call_first(faults)
    work(through(proxy, place))
    assert proxy.calls() == CALLS
    assert place.store.current("scores", WEEK).table("scores.parquet").equals(ROWS)
    assert len(place.versions(WEEK)) == 2
    assert {path.parts[-3] for path in place.files.rglob("*.*") if path.is_file()} == {WEEK}


def test_a_pointer_whose_answer_was_lost_meets_its_own_work(place: Place, proxy: Proxy) -> None:
    first = _write(place.store)
    _write(place.store, "second")
    proxy.fault = failing(("POST .*ifGenerationMatch", "cut"))
    through(proxy, place).location.point(f"scores/{WEEK}", first.version)
    assert place.store.current("scores", WEEK).version == first.version
    assert len([path for _, path, _ in proxy.asked if "ifGenerationMatch" in path]) == 2  # the second one was refused


def test_a_service_that_does_not_answer_is_an_accident_and_nothing_has_changed(
    place: Place, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _write(place.store)
    monkeypatch.setattr(objects, "RETRY_SECONDS", 0.1)
    proxy.fault = failing(*[("POST", "500")] * 20)
    with pytest.raises(BucketError, match=r"^gs://\S+/shops/one/scores/2026-03-02/\S+: the service did not do"):
        _write(through(proxy, place), "second")
    assert place.store.current("scores", WEEK).version == first.version


def test_what_is_no_accident_says_what_to_do(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreError, match="there is no bucket nowhere-at-all: set RECS_BUCKET"):
        Store(Bucket("nowhere-at-all", tmp_path, endpoint=place.endpoint)).find("scores", WEEK)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("HOME", str(tmp_path))  # nobody is signed in here
    with pytest.raises(StoreError, match=r"give the service account of the run roles/storage\.objectUser on bucket"):
        Store(Bucket("ours", tmp_path)).find("scores", WEEK)


def test_what_this_machine_wrote_or_read_it_does_not_fetch_again(place: Place, proxy: Proxy, tmp_path: Path) -> None:
    written = _write(through(proxy, place))
    assert written.table("scores.parquet").equals(ROWS)
    assert fetched(proxy, "scores.parquet") == 0
    elsewhere = replace(place, endpoint=proxy.url, local=tmp_path / "another machine").store
    for _ in range(2):
        assert elsewhere.current("scores", WEEK).table("scores.parquet").equals(ROWS)
    assert fetched(proxy, "scores.parquet") == 1


def test_a_file_has_an_address_for_services_while_it_is_the_one_that_was_sent(place: Place, proxy: Proxy) -> None:
    file = _write(through(proxy, place)).file("scores.parquet")
    assert file.uri == f"{file.artifact.address}/scores.parquet"
    assert file.path.is_relative_to(place.local)
    assert fetched(proxy, "scores.parquet") == 0
    (place.lying(file.artifact) / "scores.parquet").write_bytes(b"of somebody else")
    assert file.uri is None
    with pytest.raises(StoreError, match=r"scores\.parquet is damaged"):
        place.store.current("scores", WEEK).path("scores.parquet")


def test_a_copy_that_is_damaged_or_of_an_earlier_object_is_fetched_again(place: Place) -> None:
    artifact = _write(place.store)
    copy = artifact.path("scores.parquet")
    assert copy.is_relative_to(place.local / COPIES)
    copy.write_bytes(b"half")
    assert place.store.current("scores", WEEK).table("scores.parquet").equals(ROWS)
    (place.lying(artifact) / "scores.parquet").unlink()
    with pytest.raises(StoreError, match=r"scores\.parquet is missing"):
        place.store.current("scores", WEEK).path("scores.parquet")


def test_copies_that_nobody_has_asked_for_since_some_hours_go(place: Place) -> None:
    old, young = (_write(place.store, week=week).path("note.json") for week in ("2026-02-23", WEEK))
    hours_ago = (dt.datetime.now(dt.UTC) - GRACE).timestamp() - 60
    os.utime(old, (hours_ago, hours_ago))
    store = place.store
    assert (store.location.read_on(), store.location.read_on()) == (True, False)
    assert (old.exists(), young.exists()) == (False, True)


def test_what_nobody_needs_stays_for_as_long_as_a_run_may_read_it(place: Place) -> None:
    _write(place.store)
    patient = Store(Bucket(place.name, place.local, endpoint=place.endpoint))
    for _ in range(2):
        assert remove(patient, stored(patient), []) == []
    (marked,) = stored(place.store)
    assert marked.stored.objects["manifest.json"].superfluous_since is not None
    assert remove(place.store, [], [marked]) == []
    (unmarked,) = stored(place.store)
    assert unmarked.stored.objects["manifest.json"].superfluous_since is None  # needed again: it begins anew
    assert unmarked.stored.made_at == marked.stored.made_at


def test_a_version_that_is_written_again_while_it_goes_stays_with_its_pointer(place: Place) -> None:
    artifact = _write(place.store)
    remove(place.store, stored(place.store), [])
    going = stored(place.store)
    _write(place.store)  # whole already: it is claimed
    assert remove(place.store, going, []) == []
    assert place.store.current("scores", WEEK).version == artifact.version
    going = stored(place.store)
    remove(place.store, going, [])
    assert [version.key for version in remove(place.store, stored(place.store), [])] == [version.key for version in going]
    assert place.store.find("scores", WEEK) is None
    assert not list((place.local / COPIES).glob(f"{artifact.name}*"))
    assert _write(place.store).table("scores.parquet").equals(ROWS)


def work_until_the_machine_is_gone(store: Store) -> None:
    with store.working("training") as work:
        (work.folder / "epoch 1").write_bytes(b"one")
        work.keep()
        (work.folder / "epoch 2").write_bytes(b"two")
        (work.folder / "epoch 1").unlink()
        work.keep()
        raise RuntimeError("the machine is gone")


def test_the_work_of_a_machine_that_is_gone_is_gone_on_with_on_another_one(place: Place, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the machine is gone"):
        work_until_the_machine_is_gone(place.store)
    with replace(place, local=tmp_path / "another machine").store.working("training") as work:
        assert {path.name: path.read_bytes() for path in work.folder.iterdir()} == {"epoch 2": b"two"}
        (work.folder / "epoch 2").unlink()
    assert place.store.location.stale_work(dt.datetime.now(dt.UTC) + dt.timedelta(days=1)) == []


def test_a_bucket_is_marked_with_its_layout_and_one_of_a_later_layout_is_refused(place: Place) -> None:
    for _ in range(2):
        home_layout.take(place.store, None)
    mark = place.files / home_layout.MARKER
    assert mark.read_text() == f'{{"layout": {home_layout.LAYOUT}}}'
    mark.write_text('{"layout": 999}')
    with pytest.raises(LayoutError, match=r"^gs://\S+/shops/one has layout 999, of a later version"):
        home_layout.take(place.store, None)


# Dies at each point in a process of its own, which is forked from one that has all modules loaded.
KILLED = """
import os, pickle, sys
from recs_assets.resources.store.pruning import remove, stored
from recs_assets_tests.resources.store import test_store
place = pickle.loads(bytes.fromhex(sys.argv[1]))
for point in sys.argv[2:]:
    child = os.fork()
    if not child:
        os.environ["RECS_FAULT"] = f"{point}:kill"
        if point.startswith("prune"):
            remove(place.store, [version for version in stored(place.store) if version.week == point], [])
        else:
            test_store._write(place.store, point)
        os._exit(0)
    print(point, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
OF_A_DRAFT = [point for point in fault_points.POINTS if point.startswith("store.")]
OF_PRUNING = ["prune.begun", "prune.unpointed", "prune.moved", "prune.emptying", "prune.emptied"]


def test_whoever_is_killed_anywhere_leaves_whole_versions_and_the_next_one_converges(place: Place) -> None:
    _write(place.store, "before")
    for point in OF_PRUNING:
        _write(place.store, week=point)
    remove(place.store, [version for version in stored(place.store) if version.week != WEEK], [])
    points = [*OF_A_DRAFT, *OF_PRUNING]
    command = [sys.executable, "-c", KILLED, pickle.dumps(place).hex(), *points]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert told.splitlines() == [f"{point} -9" for point in points]

    current = place.store.current("scores", WEEK)
    assert current.document("note.json") == {"note": "store.pointed"}  # killed once the pointer was replaced
    assert current.table("scores.parquet").equals(ROWS)
    for point in OF_A_DRAFT:
        assert _write(place.store, point).document("note.json") == {"note": point}
    assert len(place.versions(WEEK)) == len(OF_A_DRAFT) + 1
    assert list((place.local / ".drafts").iterdir()) == []

    assert [point for point in OF_PRUNING if place.store.find("scores", point)] == ["prune.begun"]
    for _ in range(2):
        remove(place.store, [version for version in stored(place.store) if version.week != WEEK], [])
    assert {version.week for version in stored(place.store)} == {WEEK}
    assert {path.parts[-3] for path in place.files.rglob("*.*") if path.is_file()} == {WEEK}

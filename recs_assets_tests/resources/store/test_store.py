"""The store in a folder and in a bucket: whole versions or none, and nothing read that is not what was written."""

import datetime as dt
import hashlib
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from recs_assets.resources.store.artifact import Artifact, Draft, StoreError
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.store import Store
from recs_assets_tests.resources.store.places import Place

pytestmark = pytest.mark.long

WEEK = "2026-03-02"
ORIGIN = Provenance(
    as_of=dt.datetime(2026, 3, 9, tzinfo=dt.UTC),
    inputs={"raw_events": "2026-03-02/0123456789abcdef"},
    settings_hash="feedfacecafebeef",
    code_version="1.2.3",
    run_id="run-1",
)
ROWS = pa.table({"part": ["p1", "p2"], "score": [0.5, 0.25]})


def _fill(draft: Draft, note: str = "first") -> None:
    draft.write_table("scores.parquet", ROWS)
    draft.write_document("note.json", {"note": note})
    draft.facts["rows"] = 2


def _write(store: Store, note: str = "first", week: str = WEEK, origin: Provenance = ORIGIN) -> Artifact:
    with store.draft("scores", week, origin) as draft:
        _fill(draft, note)
    return draft.written


def test_what_is_written_is_read_back(store: Store) -> None:
    written = _write(store)
    current = store.current("scores", WEEK)
    assert current.table("scores.parquet").equals(ROWS)
    assert current.table("scores.parquet", columns=ROWS.column_names[:1]).equals(ROWS.select([0]))
    assert current.head("scores.parquet", 1).equals(ROWS.slice(0, 1))
    assert current.n_rows("scores.parquet") == ROWS.num_rows
    assert current.document("note.json") == {"note": "first"}
    assert current.facts == {"rows": 2}
    assert current.as_of == dt.datetime(2026, 3, 9, tzinfo=dt.UTC)
    assert current.version == written.version
    assert current.manifest.provenance == ORIGIN


def test_the_manifest_says_what_is_in_a_version_and_where_it_comes_from(place: Place, store: Store) -> None:
    folder = place.lying(_write(store))
    manifest = json.loads((folder / "manifest.json").read_bytes())
    note = b'{\n  "note": "first"\n}'
    assert manifest["files"]["note.json"] == {
        "sha256": hashlib.sha256(note).hexdigest(),
        "size": len(note),
        "rows": None,
        "columns": None,
    }
    table = manifest["files"]["scores.parquet"]
    assert (table["rows"], table["columns"]) == (2, {"part": "string", "score": "double"})
    assert table["size"] == (folder / "scores.parquet").stat().st_size
    assert manifest["provenance"] == {
        "as_of": "2026-03-09 00:00:00+00:00",
        "inputs": {"raw_events": "2026-03-02/0123456789abcdef"},
        "settings_hash": "feedfacecafebeef",
        "code_version": "1.2.3",
        "run_id": "run-1",
    }
    assert (manifest["asset"], manifest["week"], manifest["version"]) == ("scores", WEEK, folder.name)
    assert manifest["facts"] == {"rows": 2}


def test_the_same_content_and_origin_are_the_same_version_and_nothing_new(place: Place, store: Store) -> None:
    first = _write(store)
    files = {path: path.stat().st_mtime_ns for path in place.lying(first).iterdir()}
    second = _write(store, origin=replace(ORIGIN, run_id="run-2"))
    assert second.version == first.version
    assert place.versions(WEEK) == [first.version]
    assert {path: path.stat().st_mtime_ns for path in place.lying(first).iterdir()} == files
    assert second.manifest.provenance.run_id == "run-1"  # the run that made it


@pytest.mark.parametrize(
    "origin",
    [
        replace(ORIGIN, as_of=dt.datetime(2026, 3, 8, tzinfo=dt.UTC)),
        replace(ORIGIN, inputs={"raw_events": "2026-03-02/ffffffffffffffff"}),
        replace(ORIGIN, settings_hash="0000000000000000"),
        replace(ORIGIN, code_version="1.2.4"),
    ],
)
def test_another_origin_is_another_version(place: Place, store: Store, origin: Provenance) -> None:
    first = _write(store)
    second = _write(store, origin=origin)
    assert place.versions(WEEK) == sorted([first.version, second.version])
    assert store.current("scores", WEEK).version == second.version != first.version


def test_a_fact_alone_makes_another_version(store: Store) -> None:
    first = _write(store)
    with store.draft("scores", WEEK, ORIGIN) as draft:
        _fill(draft)
        draft.facts["rows"] = 3
    assert draft.written.version != first.version


def test_an_earlier_version_can_become_the_current_one_again(place: Place, store: Store) -> None:
    first = _write(store, "first")
    _write(store, "second")
    _write(store, "first")
    assert store.current("scores", WEEK).version == first.version
    assert len(place.versions(WEEK)) == 2


def test_an_exception_in_a_draft_leaves_the_former_version_and_nothing_else(place: Place, store: Store) -> None:
    first = _write(store)
    drafts: list[Draft] = []
    with pytest.raises(ZeroDivisionError):
        _fail_at_the_end(store, drafts)
    assert store.current("scores", WEEK).document("note.json") == {"note": "first"}
    assert place.versions(WEEK) == [first.version]
    assert list((place.local / ".drafts").iterdir()) == []
    with pytest.raises(StoreError, match="not whole yet; leave its 'with' block first"):
        _ = drafts[0].written


def _fail_at_the_end(store: Store, drafts: list[Draft]) -> None:
    with store.draft("scores", WEEK, ORIGIN) as draft:
        drafts.append(draft)
        _fill(draft, "second")
        raise ZeroDivisionError


def test_a_draft_is_not_visible_before_its_end(store: Store) -> None:
    with store.draft("scores", WEEK, ORIGIN) as draft:
        _fill(draft)
        assert store.find("scores", WEEK) is None
        with pytest.raises(StoreError, match="not whole yet"):
            _ = draft.written
    assert store.find("scores", WEEK) is not None


def test_a_missing_artifact_names_the_asset_to_materialize(store: Store) -> None:
    message = f"there is no scores for week {WEEK} in {store}. Materialize scores for that week first."
    with pytest.raises(StoreError, match=re.escape(message)):
        store.current("scores", WEEK)
    assert store.find("scores", WEEK) is None


def test_newest_is_the_last_week_up_to_the_one_asked_for(place: Place, store: Store) -> None:
    for week in ("2026-02-16", "2026-03-02", "2026-02-23"):
        _write(store, note=week, week=week)
    (place.files / "scores" / "2026-02-09").mkdir()  # a week whose only draft never came to an end

    def newest(week: str) -> str | None:
        artifact = store.newest("scores", up_to=week)
        return artifact.document("note.json")["note"] if artifact else None

    assert [newest(week) for week in ("2026-03-09", "2026-03-02", "2026-03-01", "2026-02-16")] == [
        "2026-03-02",
        "2026-03-02",
        "2026-02-23",
        "2026-02-16",
    ]
    assert newest("2026-02-15") is None
    assert store.newest("nothing", up_to="2026-03-02") is None


WRITE_AND_WAIT = """
import pickle, sys, time
from recs_assets_tests.resources.store import test_store
with pickle.loads(bytes.fromhex(sys.argv[1])).store.draft("scores", test_store.WEEK, test_store.ORIGIN) as draft:
    test_store._fill(draft, "second")
    print("filled", flush=True)
    time.sleep(60)
"""


def test_a_run_finds_what_it_made_itself_whoever_was_last(place: Place, store: Store) -> None:
    own = _write(store, "one")
    last = _write(store, "two")
    other = _write(store, "three", origin=replace(ORIGIN, run_id="run-2"))
    os.utime(place.lying(own) / "manifest.json", (1, 1))
    _write(store, "four", week="2026-03-09")
    for run_id, made in (("run-1", last), ("run-2", other)):
        assert store.of_run("scores", WEEK, run_id).version == made.version
    assert store.of_run("scores", WEEK, "a run that made nothing").version == other.version
    with pytest.raises(StoreError, match="there is no scores for week 2026-02-23"):
        store.of_run("scores", "2026-02-23", "run-1")
    (place.lying(last) / "manifest.json").unlink()
    assert store.of_run("scores", WEEK, "run-1").version == own.version


def test_a_writer_that_is_killed_leaves_the_old_version_and_no_half_one(place: Place, store: Store) -> None:
    first = _write(store)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_WAIT, pickle.dumps(place).hex()], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "filled\n"
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    assert store.current("scores", WEEK).document("note.json") == {"note": "first"}
    assert place.versions(WEEK) == [first.version]
    assert _write(store, "second").document("note.json") == {"note": "second"}  # and a second run converges


def test_a_half_version_without_a_manifest_is_written_again(place: Place, store: Store) -> None:
    written = _write(store)
    (place.lying(written) / "manifest.json").unlink()
    (place.lying(written) / "scores.parquet").write_bytes(b"half")
    assert _write(store).version == written.version
    assert store.current("scores", WEEK).table("scores.parquet").equals(ROWS)


def test_a_writer_that_comes_second_leaves_the_version_of_the_first_in_place(place: Place, store: Store, tmp_path: Path) -> None:
    # Both found no such version when they looked; the first was quicker.
    first = _write(store)
    before = {path: path.stat().st_ino for path in place.lying(first).iterdir()}
    late = tmp_path / "late"
    shutil.copytree(place.lying(first), late)
    store.location.put(late, first.name, lambda: True)
    assert {path: path.stat().st_ino for path in place.lying(first).iterdir()} == before


def test_writers_of_the_same_content_agree_on_one_version(place: Place, store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda number: _write(store, origin=replace(ORIGIN, run_id=f"run-{number}")), range(12)))
    assert len({artifact.version for artifact in written}) == 1
    assert place.versions(WEEK) == [written[0].version]
    assert {artifact.manifest.provenance.run_id for artifact in written} == {
        store.current("scores", WEEK).manifest.provenance.run_id
    }
    assert store.current("scores", WEEK).table("scores.parquet").equals(ROWS)


FIX = """
import pickle, sys
from dataclasses import replace
from recs_assets_tests.resources.store import test_store
store = pickle.loads(bytes.fromhex(sys.argv[1])).store
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    written = test_store._write(store, origin=replace(test_store.ORIGIN, run_id=sys.argv[2]))
    assert written.table("scores.parquet").equals(test_store.ROWS)
"""


def test_processes_that_fix_the_same_damaged_version_agree_on_it(place: Place, store: Store) -> None:
    damaged = _write(store)
    (place.lying(damaged) / "scores.parquet").write_bytes(b"half")
    command = [sys.executable, "-c", FIX, pickle.dumps(place).hex()]
    writers = [
        subprocess.Popen([*command, f"run-{n}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for n in (2, 3, 4)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert place.versions(WEEK) == [damaged.version]
    assert store.current("scores", WEEK).table("scores.parquet").equals(ROWS)
    assert list((place.local / ".drafts").iterdir()) == []

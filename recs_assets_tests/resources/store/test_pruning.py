"""Nothing needed is ever removed: random histories of a tiny store, faults in the middle, and processes that read."""

import datetime as dt
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from recs_assets import fault_points
from recs_assets.resources.store import readers
from recs_assets.resources.store.artifact import Artifact, StoreError
from recs_assets.resources.store.bucket import Bucket
from recs_assets.resources.store.folder import TRASH
from recs_assets.resources.store.pruning import Key, remove, stored, superfluous
from recs_assets.resources.store.store import Store
from recs_assets_tests.resources.store import places
from recs_assets_tests.resources.store.places import Place
from recs_assets_tests.resources.store.test_store import ORIGIN
from recs_assets_tests.stand_ins.servers import Storage

pytestmark = pytest.mark.long

NOW = dt.datetime.now(dt.UTC)
# A tiny graph of assets: what each is made from, within its week.
MADE_FROM: dict[str, tuple[str, ...]] = {"users": (), "graph": ("users",), "model": ("graph",), "lists": ("graph", "model")}
# Rows of people are in these.
PERSONAL = {"users", "lists"}
WEEKS = [f"2026-0{month}-01" for month in range(1, 7)]
POINTS = [point for point in fault_points.POINTS if point.startswith("prune.")][:5]


def write(store: Store, asset: str, week: str, run_id: str, note: int = 0) -> Artifact:
    inputs = {name: made.reference for name in MADE_FROM[asset] if (made := store.newest(name, up_to=week)) is not None}
    with store.draft(asset, week, replace(ORIGIN, run_id=run_id, inputs=inputs)) as draft:
        column = "user_id" if asset in PERSONAL else "part"
        draft.write_table("rows.parquet", pa.table({column: [f"{run_id} {note}"]}))
    return draft.written


def key(artifact: Artifact) -> Key:
    return artifact.manifest.asset, artifact.reference


def age(folder: Path, days: int) -> None:
    then = (NOW - dt.timedelta(days=days)).timestamp()
    os.utime(folder / "manifest.json", (then, then))


def prune(store: Store, roots: set[Key], weeks: int = 2, run_ids: tuple[str, ...] = (), days: int = 30) -> set[Key]:
    since, gone = NOW - dt.timedelta(days=days), set[Key]()
    for _ in range(2 if isinstance(store.location, Bucket) else 1):  # the first time what goes from a bucket is marked
        versions = stored(store)
        going = superfluous(versions, roots=roots, run_ids=run_ids, weeks=weeks, personal_since=since)
        removed = remove(store, going, [version for version in versions if version not in going])
        gone |= {version.key for version in removed}
    return gone


def test_of_a_week_the_newest_version_stays_and_of_old_weeks_none(store: Store) -> None:
    first, second = write(store, "users", WEEKS[0], "a"), write(store, "users", WEEKS[0], "b")
    newer = [write(store, "users", week, "c") for week in WEEKS[1:3]]
    assert prune(store, set(), weeks=3) == {key(first)}
    assert prune(store, set(), weeks=2) == {key(second)}
    assert WEEKS[0] not in store.location.names("users")
    assert store.find("users", WEEKS[0]) is None
    assert [store.current("users", week).version for week in WEEKS[1:3]] == [artifact.version for artifact in newer]
    assert prune(store, set(), weeks=2) == set()


def test_what_is_served_stays_with_all_that_it_was_made_from(store: Store) -> None:
    chain = [write(store, asset, WEEKS[0], "served") for asset in MADE_FROM]
    for week in WEEKS:
        for asset in MADE_FROM:
            write(store, asset, week, f"later {week}")
    prune(store, {key(chain[-1])}, weeks=1)
    assert {version.key for version in stored(store) if version.week == WEEKS[0]} == {key(artifact) for artifact in chain}
    for artifact in chain:
        assert artifact.table("rows.parquet").num_rows == 1


def test_rows_of_people_go_after_some_days_whatever_refers_to_them(place: Place, store: Store) -> None:
    chain = [write(store, asset, WEEKS[0], "served") for asset in MADE_FROM]
    for artifact in chain:
        age(place.lying(artifact), days=31)
    assert prune(store, {key(chain[-1])}) == {key(chain[0]), key(chain[-1])}
    assert store.find("lists", WEEKS[0]) is None
    assert store.current("model", WEEKS[0]).version == chain[2].version


def test_what_a_run_has_made_stays_until_it_ends(store: Store) -> None:
    own, others = write(store, "users", WEEKS[0], "at work"), write(store, "users", WEEKS[0], "other")
    assert prune(store, set(), run_ids=("at work",)) == set()
    assert prune(store, set()) == {key(own)}
    assert store.current("users", WEEKS[0]).version == others.version


def test_a_version_that_cannot_be_read_goes_with_its_pointer(place: Place, store: Store) -> None:
    damaged = write(store, "users", WEEKS[0], "a")
    (place.lying(damaged) / "manifest.json").write_text("{}")
    with pytest.raises(StoreError, match="cannot be read"):
        store.find("users", WEEKS[0])
    assert prune(store, set()) == {key(damaged)}
    assert store.find("users", WEEKS[0]) is None


def test_a_pointer_never_outlives_what_it_names(place: Place, store: Store) -> None:
    served, damaged = write(store, "users", WEEKS[0], "served"), write(store, "users", WEEKS[0], "b")
    (place.lying(damaged) / "manifest.json").write_text("{}")
    assert prune(store, {key(served)}) == {key(damaged)}
    assert store.find("users", WEEKS[0]) is None
    assert store.version("users", served.reference).table("rows.parquet").num_rows == 1


def test_a_training_that_nobody_finishes_is_stale_after_some_days(place: Place, store: Store) -> None:
    for name, days in (("old", 31), ("young", 1)):
        with store.working(name) as work:
            (work.folder / "epoch").write_bytes(b"half")
        for path in (place.files / ".work" / name, place.files / ".work" / name / "epoch"):
            os.utime(path, ((NOW - dt.timedelta(days=days)).timestamp(),) * 2)
    (old,) = store.location.stale_work(NOW - dt.timedelta(days=30))
    assert (old.name, old.n_bytes) == ("old", 4)
    store.location.remove_work("old")
    with store.working("old") as begun, store.working("young") as work:
        assert list(begun.folder.iterdir()) == []
        assert (work.folder / "epoch").read_bytes() == b"half"


READER = """
import sys
from pathlib import Path
from recs_assets.resources.store.readers import read_on
print(read_on(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def test_beside_a_reader_nobody_is_alone_and_one_that_dies_pins_nothing(tmp_path: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", READER, str(tmp_path)], **pipes) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "True\n"
        with readers.alone(tmp_path) as is_alone:
            assert not is_alone
        reader.kill()
    with readers.alone(tmp_path) as is_alone:
        assert is_alone


def test_whoever_is_alone_reads_on_afterwards(tmp_path: Path) -> None:
    assert (readers.read_on(tmp_path), readers.read_on(tmp_path)) == (True, False)
    with readers.alone(tmp_path) as is_alone:
        assert is_alone
    assert readers.read_on(tmp_path) is False
    assert readers.read_on(tmp_path / "other") is True
    assert readers.read_on(tmp_path) is True
    readers.read_no_more()


class Histories(RuleBasedStateMachine):
    """Runs of any weeks in any order, of which some are served; pruned now and then, with faults in the middle of it."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.store = place.store
        self.n_runs = 0
        self.roots: dict[str, Artifact] = {}

    def teardown(self) -> None:
        os.environ.pop(fault_points.ARMED_BY, None)

    @rule(week=st.sampled_from(WEEKS), assets=st.sampled_from([*MADE_FROM, "all"]), is_served=st.booleans())
    def run(self, week: str, assets: str, is_served: bool) -> None:
        self.n_runs += 1
        for asset in MADE_FROM if assets == "all" else [assets]:
            made = write(self.store, asset, week, f"run {self.n_runs}")
        if is_served and made.manifest.asset == "lists":
            self.roots[week] = made

    @rule(point=st.sampled_from([None, *POINTS]), weeks=st.integers(1, 3))
    def prune(self, point: str | None, weeks: int) -> None:
        roots = {key(artifact) for artifact in self.roots.values()}
        needed = self.needed(weeks)
        if point is not None:
            os.environ[fault_points.ARMED_BY] = f"{point}:raise"
        try:
            prune(self.store, roots, weeks)
        except OSError:
            assert point is not None
        else:
            assert {version.key for version in stored(self.store)} == needed
            assert not (self.place.local / TRASH).exists()
        finally:
            os.environ.pop(fault_points.ARMED_BY, None)
        assert needed <= {version.key for version in stored(self.store)}

    def needed(self, weeks: int) -> set[Key]:
        """Said once more, artifact by artifact: the last weeks of each asset, and what is served down to its last input."""
        wanted: set[Key] = set()
        for asset in MADE_FROM:
            current = [artifact for week in WEEKS if (artifact := self.store.find(asset, week)) is not None]
            wanted |= {key(artifact) for artifact in current[-weeks:]}

        def follow(artifact: Artifact) -> None:
            wanted.add(key(artifact))
            for asset, reference in artifact.manifest.provenance.inputs.items():
                follow(self.store.version(asset, reference))

        for artifact in self.roots.values():
            follow(artifact)
        return wanted

    @invariant()
    def every_pointer_names_a_whole_version(self) -> None:
        for asset in MADE_FROM:
            for week in WEEKS:
                artifact = self.store.find(asset, week)
                if artifact is not None:
                    assert artifact.table("rows.parquet").num_rows == 1


@pytest.mark.parametrize(("where", "examples", "steps"), [("folder", 12, 15), ("bucket", 3, 8)])
def test_whatever_happened_nothing_needed_is_removed(
    where: str, examples: int, steps: int, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> None:
    def history() -> Histories:
        root = tmp_path_factory.mktemp(f"history-in-{where}")
        if where == "folder":
            return Histories(places.folder(root))
        server: Storage = request.getfixturevalue("storage_server")
        return Histories(places.bucket(root, server))

    few = settings(max_examples=examples, stateful_step_count=steps, derandomize=True)
    run_state_machine_as_test(history, settings=few)

"""What the looks at a home see: every way to break a promise is told, and a home at rest breaks none."""

import shutil
from pathlib import Path

import duckdb
import pytest

from recs_assets.resources.store.store import Store
from recs_assets_tests.faults.homes import Home
from recs_assets_tests.faults.operations import prepare, restore_first


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "home"
    prepare(folder)
    shutil.rmtree(folder / "store" / ".work")
    return folder


@pytest.fixture
def home(prepared: Path, tmp_path: Path) -> Home:
    shutil.copytree(prepared, tmp_path / "home")
    return Home(tmp_path / "home", tmp_path / "source")


def change(home: Home, statement: str) -> None:
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(statement)


def test_a_home_at_rest_breaks_no_promise(home: Home) -> None:
    assert home.violations() == []
    assert home.orphans() == []
    restore_first(home.folder)
    assert home.violations() == []
    assert home.orphans() == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE recommendations SET run_id = 'run one'", "only served"),
        ("DELETE FROM recommendations WHERE user_id = 'u1'", "only in the ledger"),
        ("DELETE FROM recommendations", "only in the ledger"),
        ("DELETE FROM publications WHERE publication_id = 'publication two'", "only in the ledger"),
        ("INSERT INTO publications SELECT * REPLACE (3 AS sequence) FROM publications WHERE sequence = 2", "more than once"),
    ],
)
def test_a_ledger_that_tells_another_story_is_told_of(home: Home, statement: str, told: str) -> None:
    change(home, statement)
    assert told in " ".join(home.violations())


@pytest.mark.parametrize("name", ["scores.parquet", "note.json", "manifest.json"])
def test_a_damaged_artifact_is_told_of(home: Home, name: str) -> None:
    newest = Store(home.folder / "store").newest("scores")
    assert newest is not None
    path = Path(newest.address) / name
    path.write_bytes(path.read_bytes()[:-1])
    (told,) = home.violations()
    assert str(path) in told


@pytest.mark.parametrize(
    ("statement", "differs"),
    [
        ("UPDATE recommendations SET final_score = 0.625 WHERE user_id = 'u1'", True),
        ("UPDATE recommendations SET reason_text = 'x' WHERE user_id = 'u1'", True),
        ("UPDATE final_vehicle_recommendations SET email_lower = 'x' WHERE email_lower = 'u1@example.com'", True),
        ("DELETE FROM final_vehicle_recommendations", True),
        ("UPDATE recommendations SET run_id = 'x', scored_at = now()", False),
        ("UPDATE final_vehicle_recommendations SET generated_at = now()", False),
    ],
)
def test_other_rows_look_different_whoever_wrote_them(home: Home, statement: str, differs: bool) -> None:
    before = home.served()
    change(home, statement)
    assert (home.served() != before) == differs


def test_what_belongs_to_nothing_is_an_orphan(home: Home) -> None:
    change(home, "CREATE TABLE staged_long_lost (x INT)")
    left = home.folder / "store" / ".drafts" / "scores-abc"
    left.mkdir()
    assert home.orphans() == [str(left), "staged_long_lost"]


def test_what_is_put_back_is_what_was_there(home: Home, prepared: Path) -> None:
    served, versions = home.served(), home.versions()
    restore_first(home.folder)
    shutil.rmtree(home.folder / "store" / "scores")
    assert home.served() != served
    home.put_back(prepared)
    assert (home.served(), home.versions()) == (served, versions)

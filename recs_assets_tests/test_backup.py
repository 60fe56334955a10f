"""A home copied while another process works in it, put back, and gone on from; and what is refused."""

import stat
import time
from pathlib import Path

import pytest

from recs_assets import backup, home_layout, rollback
from recs_assets.__main__ import main
from recs_assets.backup import BackupError
from recs_assets.report import status
from recs_assets.resources.store.pruning import stored
from recs_assets.resources.store.readers import read_no_more
from recs_assets.resources.store.store import Store
from recs_assets_tests.dagster_home import dagster_home
from recs_assets_tests.faults.homes import Home
from recs_assets_tests.kept_homes import shop
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("umask")]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = shop.unpacked(home_layout.LAYOUT, tmp_path)
    monkeypatch.setenv("RECS_HOME", str(place.home))
    monkeypatch.setenv("RECS_SOURCE", str(place.source))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return place


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def nobody_refers_to_what_is_not_there(folder: Path) -> bool:
    versions = {version.key: version for version in stored(Store(folder / "store"))}
    return all(version.inputs <= versions.keys() for version in versions.values())


def test_a_home_is_backed_up_while_a_night_is_at_work(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, copies = Home(place.home, place.source), []
    dagster_home(place.home / "dagster")
    before = home.violations()  # its two versions have the same lists, with other prices in the mail: one content, twice
    with (tmp_path / "night.log").open("wb") as log:
        night = home.start("run", "nightly", "--week", NEXT_WEEK, log=log, RECS_SETTINGS=str(tmp_path / "settings.yaml"))
        while night.poll() is None:
            copies.append(tmp_path / f"backup_{len(copies)}")
            backup.write(place.home, copies[-1], place.settings)
            time.sleep(2)
            read_no_more()  # or the night would find nobody alone at its end, and prune nothing
    assert night.returncode == 0, (tmp_path / "night.log").read_text()
    copies.append(tmp_path / "after")
    backup.write(place.home, copies[-1], place.settings)
    assert len(copies) > 2
    for copy in copies:
        assert Home(copy, place.source).violations() == before
        assert nobody_refers_to_what_is_not_there(copy)

    again = Place(place.source, tmp_path / "again", place.settings)
    monkeypatch.setenv("RECS_HOME", str(again.home))
    backup.restore(copies[-1], again.home)
    assert again.served() == place.served()
    assert status.main([]) == 0
    shown = status.gather(again.warehouse, again.store, again.settings, shop.NOW)
    assert [(run["job"], run["ended"]) for run in shown["runs"]] == [("nightly", "ended well")]
    reason = {"reason": "wrong prices", "run_id": "a test", "settings": place.settings}
    rollback.restore(again.warehouse, WEEK, version=None, mail_again=False, held_by=None, **reason)
    newest = "SELECT action, week::VARCHAR FROM publications ORDER BY sequence DESC LIMIT 1"
    assert again.query(newest) == [("restore", WEEK)]
    assert Home(again.home, again.source).violations() == before


def test_a_restored_home_is_the_one_that_was_backed_up(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.home / "store" / ".work" / "a_training").mkdir(parents=True)
    (place.home / "store" / ".work" / "a_training" / "epoch_1.pt").write_bytes(b"half")
    assert main(["backup", "--to", str(tmp_path / "copy")]) == 0
    monkeypatch.setenv("RECS_HOME", str(tmp_path / "again"))
    assert main(["restore", "--from", str(tmp_path / "copy")]) == 0
    before, after = content(place.home), content(tmp_path / "again")
    assert after["layout.json"] == before["layout.json"]
    assert {name for name in before if name.startswith("store") and "/." not in name} == {
        name for name in after if name.startswith("store")
    }
    assert all(before[name] == after[name] for name in after if name.startswith("store"))
    assert Place(place.source, tmp_path / "again").served() == place.served()
    for folder in ("copy", "again"):
        modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / folder, *(tmp_path / folder).rglob("*"))}
        assert modes == {0o700, 0o600}
    pointer = next(place.store.location.local.glob("*/*/*/manifest.json"))
    times = [path.stat().st_mtime_ns for path in (pointer, tmp_path / "again" / pointer.relative_to(place.home))]
    assert times[0] == times[1]


def test_a_home_of_before_the_marks_is_backed_up_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = shop.unpacked(0, tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    backup.write(place.home, tmp_path / "copy", place.settings)
    backup.restore(tmp_path / "copy", tmp_path / "again")
    assert home_layout.known(place.home) == home_layout.known(tmp_path / "again") == 0


def test_what_is_damaged_already_is_named(place: Place, tmp_path: Path) -> None:
    model = next(place.store.location.local.glob("trained_model/*/*/model.pt"))
    model.write_bytes(model.read_bytes()[:-1])
    told = backup.write(place.home, tmp_path / "copy", place.settings)
    version = model.parent.relative_to(place.store.location.local)
    assert f"Damaged in the home already, and so in the backup: {version}." in told


def test_no_backup_goes_where_it_is_not_safe(place: Place, tmp_path: Path) -> None:
    (tmp_path / "filled").mkdir()
    (tmp_path / "filled" / "mine").touch()
    for home, to, message in [
        (place.home, tmp_path / "filled", "filled is not empty: a backup goes into a folder of its own"),
        (place.home, place.home / "copy", "lies in the home that it is to keep safe"),
        (tmp_path / "nowhere", tmp_path / "copy", "there is nothing to back up in"),
    ]:
        with pytest.raises(BackupError, match=message):
            backup.write(home, to, place.settings)
    assert not (tmp_path / "copy").exists()
    assert [path.name for path in (tmp_path / "filled").iterdir()] == ["mine"]


def test_no_restore_overwrites_anything_or_trusts_a_damaged_file(place: Place, tmp_path: Path) -> None:
    copy, again = tmp_path / "copy", tmp_path / "again"
    backup.write(place.home, copy, place.settings)
    before = content(place.home)
    with pytest.raises(BackupError, match="home is not empty: name a new folder"):
        backup.restore(copy, place.home)
    assert content(place.home) == before
    tables = copy / "warehouse.duckdb"
    whole = tables.read_bytes()
    for spoiled in (whole[:-1] + bytes([whole[-1] ^ 1]), None):
        tables.unlink()
        if spoiled:
            tables.write_bytes(spoiled)
        with pytest.raises(BackupError, match=r"warehouse.duckdb is damaged: SHA-256 .*, expected .* Take another backup"):
            backup.restore(copy, again)
    (copy / "backup.json").unlink()
    with pytest.raises(BackupError, match="is no backup that came to its end"):
        backup.restore(copy, again)
    assert not again.exists()


def test_a_restore_that_was_killed_leaves_a_home_in_which_nothing_runs(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, again = tmp_path / "copy", Home(tmp_path / "again", place.source)
    backup.write(place.home, copy, place.settings)
    monkeypatch.setattr("recs_assets.backup.os.sync", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        backup.restore(copy, again.folder)
    ended = again.run("versions")
    assert (ended.returncode, ended.stdout.count("\n")) == (1, 1)
    assert "is not whole: a restore into it never came to its end. Empty the folder, then do it again." in ended.stdout

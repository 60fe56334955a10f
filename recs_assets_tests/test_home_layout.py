"""Homes of every layout that there has been, taken over by this program; and those that it does not touch."""

import json
from pathlib import Path

import pytest

from recs_assets import home_layout, rollback
from recs_assets.__main__ import main
from recs_assets.home_layout import LAYOUT, MARKER, LayoutError, take
from recs_assets.report import facts, status, status_text, text
from recs_assets.resources.store.store import Store
from recs_assets_tests.kept_homes import shop
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place, messages

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("umask")]

EVERY_LAYOUT = range(LAYOUT + 1)


def layout_of(home: Path) -> int:
    layout: int = json.loads((home / MARKER).read_text())["layout"]
    return layout


@pytest.mark.parametrize("layout", EVERY_LAYOUT)
def test_a_kept_home_is_read_rolled_back_and_gone_on_from(layout: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = shop.unpacked(layout, tmp_path)
    monkeypatch.setenv("RECS_HOME", str(place.home))
    monkeypatch.setenv("RECS_SOURCE", str(place.source))
    before = place.served()
    take(place.store, place.warehouse)
    assert layout_of(place.home) == LAYOUT
    assert place.served() == before

    told = status_text.render(status.gather(place.warehouse, place.store, place.settings, shop.NOW))
    assert f"The lists of week {WEEK}, to 60 addresses" in told
    assert f"Served for week {WEEK}: 60 users" in text.render(facts.gather(place.warehouse, place.store, place.settings, WEEK))
    assert len(rollback.listed(place.warehouse, WEEK).splitlines()) == 3
    rollback.restore(
        place.warehouse,
        WEEK,
        version=None,
        reason="wrong prices",
        run_id="a test",
        settings=place.settings,
        mail_again=False,
        held_by=None,
    )
    assert place.served() != before

    assert messages(place.launch("nightly", NEXT_WEEK)) == {}
    served = "SELECT week::VARCHAR, COUNT(DISTINCT user_id) FROM recommendations GROUP BY ALL ORDER BY ALL"
    assert place.query(served) == [(WEEK, 60), (NEXT_WEEK, 60)]


def test_the_record_of_an_earlier_layout_falls_back_to_sql(tmp_path: Path) -> None:
    place = shop.unpacked(0, tmp_path)
    before = place.artifact("approved_model")
    take(place.store, place.warehouse)
    after = place.artifact("approved_model")
    assert after.facts == {**before.facts, "fallback": "sql"}
    assert after.document("record.json")["fallback"] == "sql"
    others = {name: record for name, record in before.manifest.files.items() if name != "record.json"}
    assert others.items() <= after.manifest.files.items()
    assert after.manifest.provenance == before.manifest.provenance
    assert place.store.find("hetero_graph", WEEK) is None


def test_an_upgrade_that_was_killed_is_done_again(tmp_path: Path) -> None:
    place = shop.unpacked(0, tmp_path)
    place.warehouse.bring_up()
    home_layout.UPGRADES[0](place.store)
    approved = place.artifact("approved_model").version
    take(place.store, place.warehouse)
    assert (layout_of(place.home), place.artifact("approved_model").version) == (LAYOUT, approved)


def test_a_step_without_tables_cannot_bring_a_home_up(tmp_path: Path) -> None:
    place = shop.unpacked(0, tmp_path)
    with pytest.raises(LayoutError, match=r"earlier version of this program\. Any command brings it up"):
        take(place.store, None)
    assert not (place.home / MARKER).exists()


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        (f'{{"layout": {LAYOUT + 1}}}', f"has layout {LAYOUT + 1}, of a later version of this program"),
        (f'{{"layout": {LAYOUT}, "unfinished": "restore"}}', "is not whole: a restore into it never came to its end"),
        ("{}", "layout.json does not say which layout the home has"),
        ("\0", "layout.json does not say which layout the home has"),
    ],
)
def test_any_other_home_is_left_alone(
    mark: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = shop.unpacked(LAYOUT, tmp_path)
    monkeypatch.setenv("RECS_HOME", str(place.home))
    monkeypatch.setenv("RECS_SOURCE", str(place.source))
    (place.home / MARKER).write_text(mark)
    before = place.served()
    for arguments in (["versions"], ["hold", "--reason", "x"], ["run", "nightly", "--week", NEXT_WEEK]):
        assert main(arguments) == 1
        assert message in capsys.readouterr().err
    assert status.main([]) == 1
    assert message in capsys.readouterr().err
    assert message in messages(place.materialize(["raw_users"], NEXT_WEEK))["raw_users"]
    assert place.served() == before


def test_a_new_home_is_marked_by_its_first_step(tmp_path: Path) -> None:
    place = shop.unpacked(LAYOUT, tmp_path)
    new = Place(place.source, tmp_path / "new", place.settings)
    assert messages(new.materialize(["raw_users"], WEEK)) == {}
    assert layout_of(new.home) == LAYOUT
    assert Store(new.home / "store").find("raw_users", WEEK) is not None

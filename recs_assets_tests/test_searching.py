"""Where somebody still is: everywhere at first, and nowhere a month after they have left the source."""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from recs_assets.__main__ import main
from recs_assets.searching import Mention, places_of
from recs_assets.steps.remove_superfluous import prune
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place


def certain(mentions: list[Mention]) -> list[str]:
    """The places that hold an id for certain."""
    return [one.place for one in mentions if one.is_certain]


def files_of(places: list[str]) -> set[tuple[str, str]]:
    """Asset and week of the files among some places."""
    return {(name.split("/")[1], name.split("/")[2]) for name in places if name.startswith("store/")}


@pytest.fixture
def left(night: Run, tmp_path: Path) -> tuple[Place, str, str]:
    """A finished night, and somebody with events and a mail who is no user any more: the place, their id and address."""
    place = night.place.copy(tmp_path)
    (person, address), *_ = place.query(
        "SELECT user_id, email FROM read_parquet('" + str(place.source / "users.parquet") + "') "
        "WHERE lower(email) IN (SELECT email_lower FROM final_vehicle_recommendations) "
        "AND user_id IN (SELECT user_id FROM recommendations WHERE segment <> 'cold') ORDER BY user_id LIMIT 1"
    )
    for table in ("users", "ownership", "events", "email_events"):
        rows = place.read_source(table).to_pandas()
        place.rewrite(table, pa.Table.from_pandas(rows[rows.user_id != person], preserve_index=False))
    return place, person, address


def test_a_month_after_somebody_has_left_they_are_nowhere(left: tuple[Place, str, str]) -> None:
    place, person, address = left
    before = certain(places_of(person, place.warehouse, place.store, place.home))
    assert "table recommendations" in before
    assert {("user_nodes", NEXT_WEEK), ("user_scores", NEXT_WEEK), ("hetero_graph", WEEK)} <= files_of(before)
    assert "table final_vehicle_recommendations" in certain(places_of(address.upper(), place.warehouse, place.store, place.home))
    # The approved model learned from them, and holds nobody's id.
    assert ("approved_model", WEEK) not in files_of(before)
    prune(place.warehouse, place.store, place.settings, now=dt.datetime.now(dt.UTC) + dt.timedelta(days=31))
    assert places_of(person, place.warehouse, place.store, place.home) == []
    assert places_of(address, place.warehouse, place.store, place.home) == []
    evidence = place.artifact("offline_metrics")
    assert evidence.table("evidence.parquet").num_rows > 0
    assert place.query("SELECT count(*) FROM erasures") > [(3,)]


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_the_command_tells_places_and_its_exit_status_whether_there_are_any(
    night: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECS_HOME", str(night.place.home))
    (person,) = night.place.query("SELECT min(user_id) FROM recommendations")[0]
    assert main(("find", "--user", person)) == 1
    told = capsys.readouterr().out
    assert "table recommendations" in told.splitlines()
    assert person not in told
    assert main(("find", "--user", f"{person}0")) == 0
    assert main(("find", "--user", " ")) == 1
    assert "USER=<an id or an address>" in capsys.readouterr().err


def test_an_id_is_a_word_of_its_own_and_certain_as_a_value(tmp_path: Path, night: Run) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    texts = {"one": "user:u.1,", "two": "u.11", "three": '{"id": "U.1"}', "four": "ux1", "five": "au.1", "six": "1 | u.1"}
    for name, text in texts.items():
        (folder / name).write_text(text)
    mentions = places_of("u.1", night.place.warehouse, night.place.store, folder)
    assert mentions == [Mention("one", is_certain=False), Mention("six", is_certain=True), Mention("three", is_certain=True)]
    (folder / "one").write_text("to ann@shop.example, of user u.1")
    assert places_of("Ann@shop.example", night.place.warehouse, night.place.store, folder) == [Mention("one", is_certain=True)]


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("word", ["nobody", "500"])
def test_a_word_or_number_of_a_sentence_is_told_and_no_alarm(
    word: str, night: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECS_HOME", str(night.place.home))
    assert main(("find", "--user", word)) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "that id lies nowhere in what is kept."
    assert "  table verdicts" in told

"""The status: what a person is told who knows nothing, and how fast."""

import datetime as dt
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from recs_assets.report.status import gather
from recs_assets.report.status_text import render
from recs_assets_tests.conftest import Run
from recs_assets_tests.dagster_home import dagster_home
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place

NOW = dt.datetime(2026, 10, 8, 12, tzinfo=dt.UTC)


@pytest.fixture
def place(night: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    copy = night.place.copy(tmp_path)
    monkeypatch.setenv("RECS_HOME", str(copy.home))
    monkeypatch.setenv("RECS_SOURCE", str(copy.source))
    monkeypatch.delenv("RECS_SETTINGS", raising=False)
    return copy


def told(place: Place) -> str:
    return render(gather(place.warehouse, place.store, place.settings, NOW))


def test_after_a_night(place: Place) -> None:
    lines = told(place).splitlines()
    (version,) = place.query("SELECT publication_id FROM publications ORDER BY sequence DESC LIMIT 1")[0]
    assert lines[0] == "What is mailed now"
    assert lines[1].startswith(f"  The lists of week {NEXT_WEEK}, to 483 addresses, since ")
    assert lines[2:5] == [
        f"  They come from the learned model together with today's query (SQL), the model of week {WEEK}.",
        f"  Their version is {version}.",
        "  Publishing is not on hold.",
    ]
    assert (
        f"  The next night (make nightly) makes and checks the lists of week {NEXT_WEEK} with the model of week {WEEK}, "
        "and puts them into the mail if the checks pass."
    ) in lines
    assert f"  RECS_HOME: {place.home}" in lines
    assert "  RECS_SETTINGS: not set: the settings that come with the program" in lines
    assert any(line.startswith(f"  week {NEXT_WEEK}, published ") and line.endswith(version) for line in lines)
    assert "  Of the files 0.0 MB are needed by nothing, and go with the next run or make prune." in lines
    assert "  Nothing has run here yet." in lines


def test_a_hold_and_a_rollback_are_told_of(place: Place) -> None:
    place.warehouse.hold(held_by="ann", reason="wrong prices", now=NOW)
    lines = told(place)
    assert "  Publishing is held since 2026-10-08 12:00 UTC by ann, because: wrong prices." in lines
    assert "and publishes nothing, because publishing is on hold." in lines


def test_runs_and_schedules_are_read_from_dagsters_own_files(place: Place) -> None:
    folder = dagster_home(place.home / "dagster")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        job = place.definitions().resolve_job_def("nightly")
        first = [dg.AssetKey("raw_users")]
        assert job.execute_in_process(partition_key=NEXT_WEEK, instance=instance, asset_selection=first).success
    with sqlite3.connect(folder / "schedules" / "schedules.db") as connection:
        body = json.dumps({"instigator_name": "nightly"})
        connection.execute("INSERT INTO instigators (status, instigator_body) VALUES ('RUNNING', ?)", (body,))
    connection.close()
    status = gather(place.warehouse, place.store, place.settings, NOW)
    assert {name: one["on"] for name, one in status["schedules"].items()} == {"weekly": False, "nightly": True}
    (run,) = status["runs"]
    assert (run["job"], run["week"], run["ended"]) == ("nightly", NEXT_WEEK, "ended well")
    assert f"nightly for the week of {NEXT_WEEK} ended well after" in render(status)
    assert "Schedules: weekly is off (0 3 * * 1, UTC) and nightly is on (0 2 * * *, UTC)." in render(status)


@pytest.mark.parametrize(("enabled", "state", "on"), [(True, None, True), (True, "STOPPED", False), (False, "RUNNING", True)])
def test_a_schedule_is_on_where_the_settings_say_so_unless_somebody_stopped_it(
    place: Place, enabled: bool, state: str | None, on: bool
) -> None:
    settings = place.settings.model_copy(update={"schedules": place.settings.schedules.model_copy(update={"enabled": enabled})})
    with dg.DagsterInstance.from_config(str(dagster_home(place.home / "dagster"))) as instance:
        instance.all_instigator_state()
    with sqlite3.connect(place.home / "dagster" / "schedules" / "schedules.db") as connection:
        body = json.dumps({"instigator_name": "nightly"})
        connection.execute("INSERT INTO instigators (status, instigator_body) VALUES (?, ?)", (state or "DECLARED_IN_CODE", body))
    connection.close()
    assert gather(place.warehouse, place.store, settings, NOW)["schedules"]["nightly"]["on"] == on


LIGHT = """
import sys
from recs_assets.report.status import main
status = main(sys.argv[1:])
assert not {"dagster", "pandas", "torch"} & set(sys.modules), "two seconds are too short for these"
sys.exit(status)
"""


def run(*arguments: str) -> str:
    command = [sys.executable, "-c", LIGHT, *arguments]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_as_json_and_without_anything_heavy(place: Place) -> None:
    place.warehouse.hold(held_by="ann", reason="wrong prices", now=NOW)
    status = json.loads(run("--json"))
    assert status["mailed"]["week"] == NEXT_WEEK
    assert status["hold"].startswith("held since 2026-10-08")
    assert status["bytes"]["tables"] > 0


def test_where_nothing_is_yet_it_says_so_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECS_HOME", str(tmp_path / "none"))
    lines = run().splitlines()
    assert "  Nothing has been mailed yet." in lines
    assert "  Nothing has been learned yet: the next step is to learn from a whole week (make run WEEK=...)." in lines
    assert not (tmp_path / "none").exists()

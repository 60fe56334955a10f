"""What goes at the end of a run, and what must not: on a finished night, aged by hand."""

import datetime as dt
import os
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from recs_assets.assets import weekly_asset
from recs_assets.assets.upkeep import forget_runs, old_runs
from recs_assets.report.asked import forget_pages, old_pages
from recs_assets.resources.ledger import LONG
from recs_assets.resources.store import readers
from recs_assets.settings import Settings
from recs_assets.steps.remove_superfluous import prune, superfluous
from recs_assets_tests.conftest import Run
from recs_assets_tests.dagster_home import dagster_home
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place, checks, metadata

NOW = dt.datetime.now(dt.UTC)


def keeping(settings: Settings, **retention: int) -> Settings:
    return settings.model_copy(update={"retention": settings.retention.model_copy(update=retention)})


def gone(place: Place, settings: Settings, days: int = 0) -> set[tuple[str, str]]:
    """Asset and week of what would go some days from now."""
    to_go = superfluous(place.warehouse, place.store, settings, now=NOW + dt.timedelta(days=days))
    return {(version.key[0], version.week) for version in to_go.versions}


def test_a_run_says_what_it_has_removed(night: Run) -> None:
    assert checks(night.result)["retained_versions", "pruned"]
    assert metadata(night.result, "retained_versions") == {
        "versions removed": 0,
        "megabytes removed": 0.0,
        "tables removed": 0,
        "runs removed": 0,
        "pages removed": 0,
    }


def test_pages_that_people_asked_for_go_with_their_age(night: Run, tmp_path: Path) -> None:
    settings, home = night.place.settings, tmp_path
    assert old_pages(home, settings, NOW) == []
    (home / "reports").mkdir()
    old, new = (home / "reports" / name for name in ("why_not_2026-08-03.csv", "mail_changes_2026-10-05.html"))
    for page, days in ((old, 31), (new, 29)):
        page.write_text("x")
        moment = (NOW - dt.timedelta(days=days)).timestamp()
        os.utime(page, (moment, moment))
    forget_pages(old_pages(home, settings, NOW))
    assert [page.name for page in (home / "reports").iterdir()] == [new.name]
    forget_pages([old])


@pytest.fixture
def pruned(night: Run, tmp_path: Path) -> Place:
    """The night's home once the week before has gone, but for the model that serves."""
    place, one = night.place.copy(tmp_path), keeping(night.place.settings, weeks=1)
    assert prune(place.warehouse, place.store, one, now=NOW) is not None
    assert gone(place, one) == set()
    return place


def test_of_a_list_that_is_made_again_the_served_one_stays_and_what_it_was_made_from(pruned: Place) -> None:
    place = pruned
    before = {name: place.artifact(name, NEXT_WEEK).version for name in ("recommendations", "hetero_graph")}
    place.warehouse.hold(held_by="ann", reason="wrong prices", now=NOW)
    users = place.read_source("users")
    place.rewrite("users", users.slice(0, users.num_rows - 1))
    result = place.launch("nightly", NEXT_WEEK)
    assert result.success, "what old weeks have left is all that a night needs"
    assert metadata(result, "published_recommendations") == {"outcome": "held"}
    for name, version in before.items():
        assert place.artifact(name, NEXT_WEEK).version != version
        assert (place.home / "store" / name / NEXT_WEEK / version / "manifest.json").exists()
    # The night after, the held list is nobody's any more.
    held = place.artifact("recommendations", NEXT_WEEK).version
    place.rewrite("users", users.slice(0, users.num_rows - 2))
    assert metadata(place.launch("nightly", NEXT_WEEK), "retained_versions")["versions removed"] >= 10
    left = {path.name for path in (place.home / "store" / "recommendations" / NEXT_WEEK).iterdir()}
    assert held not in left
    assert left == {"current", before["recommendations"], place.artifact("recommendations", NEXT_WEEK).version}


def test_old_weeks_go_but_for_the_model_that_serves(night: Run, pruned: Place) -> None:
    place, one = night.place, keeping(night.place.settings, weeks=1)
    kept = {"approved_model", "offline_metrics", "trained_model"}
    leave = gone(place, one)
    assert leave & {(name, WEEK) for name in kept} == set()
    assert {("recommendations", WEEK), ("sql_scores", WEEK), ("product_similarities", WEEK)} <= leave
    assert {week for _, week in leave} == {WEEK}
    # Of the week before only what the model was made from is left.
    made_from = {("hetero_graph", WEEK), ("user_nodes", WEEK)}
    assert leave & made_from == set()
    (rows,) = place.query(f"SELECT count(*) FROM {LONG} WHERE week = '{NEXT_WEEK}'")
    assert pruned.query(f"SELECT week, count(*) FROM {LONG} GROUP BY 1") == [(dt.date.fromisoformat(NEXT_WEEK), *rows)]


def test_after_some_days_no_file_has_rows_of_people(night: Run) -> None:
    place = night.place
    assert gone(place, place.settings, days=29) == set()
    leave = gone(place, place.settings, days=31)
    of_people = ("user_nodes", "owns_edges", "interaction_edges", "mail_events", "hetero_graph", "sql_scores", "user_scores")
    of_people += ("rollout_assignment", "recommendations")
    assert {asset for asset, week in leave if week == NEXT_WEEK} == set(of_people)
    assert {asset for asset, week in leave if week == WEEK} == {*of_people, "trained_model", "offline_metrics"}
    quarantined = superfluous(place.warehouse, place.store, place.settings, now=NOW + dt.timedelta(days=31)).quarantined
    assert sorted(quarantined) == sorted(week for (week,) in place.query("SELECT DISTINCT week FROM quarantine"))


def test_beside_another_reader_nothing_goes(night: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = night.place.copy(tmp_path)
    descriptor = os.open(place.store.location.local / readers.LOCK, os.O_RDWR | os.O_CREAT)
    readers.fcntl.flock(descriptor, readers.fcntl.LOCK_SH)
    assert prune(place.warehouse, place.store, keeping(place.settings, weeks=1), now=NOW) is None
    os.close(descriptor)
    assert prune(place.warehouse, place.store, keeping(place.settings, weeks=1), now=NOW) is not None


def test_what_fails_here_warns_and_fails_no_mail(night: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = night.place.copy(tmp_path)
    monkeypatch.setenv("RECS_FAULT", "prune.dropped:raise")
    result = place.materialize(["retained_versions"], NEXT_WEEK)
    assert result.success
    (warned,) = result.get_asset_check_evaluations()
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_old_runs_leave_the_event_log_and_the_disk(night: Run, tmp_path: Path) -> None:
    event_log = dagster_home(tmp_path / "dagster")
    place = replace(night.place.copy(tmp_path), instance=dg.DagsterInstance.from_config(str(event_log)))
    place.materialize(["raw_users"], NEXT_WEEK)
    place.materialize(["raw_users"], NEXT_WEEK)
    runs = {record.dagster_run.run_id for record in place.instance.get_run_records()}
    assert len(runs) == 2

    def old(days: int) -> list[str]:
        return old_runs(place.instance, place.settings, NOW + dt.timedelta(days=days))

    assert old(place.settings.retention.days - 1) == []
    assert set(old(place.settings.retention.days + 1)) == runs
    gone, left = runs
    forget_runs(place.instance, [gone])
    assert [record.dagster_run.run_id for record in place.instance.get_run_records()] == [left]
    named = {path.name.partition(".db")[0] for path in event_log.rglob("*.db*")} | {
        path.name for path in event_log.rglob("*-*-*")
    }
    assert left in named
    assert gone not in named
    with sqlite3.connect(event_log / "history" / "runs" / "index.db") as index:
        assert index.execute("SELECT DISTINCT run_id FROM asset_check_executions").fetchall() == [(left,)]


def test_a_low_disk_is_told_of_once_before_a_run(
    night: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers.read_no_more()
    compute = night.place.settings.compute.model_copy(update={"min_free_disk_gib": 1e9})
    settings = night.place.settings.model_copy(update={"compute": compute})
    store = Place(tmp_path, tmp_path).store
    resources: Mapping[str, object] = {"store": store, "settings": settings}

    def begin(context: dg.OpExecutionContext, **given: object) -> object:
        return given

    for _ in range(2):
        weekly_asset.guarded(begin)(dg.build_op_context(), **resources)
    free = shutil.disk_usage(tmp_path).free / 2**30
    (told,) = (record.getMessage() for record in caplog.records if "GiB left" in record.getMessage())
    assert told.startswith(f"the disk of {tmp_path}/store has {free:.0f}"[:30])
    assert told.endswith("compute.min_free_disk_gib asks for 1e+09: make room there, or: make prune")

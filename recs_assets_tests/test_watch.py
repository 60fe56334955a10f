"""What is worth an alert: from real runs, real ledgers and a real webhook."""

import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import duckdb
import pytest

from recs_assets import __main__ as commands
from recs_assets import alerts, run_origin, watch
from recs_assets.launch import Wishes, launch
from recs_assets.report.runs import newest_run
from recs_assets.settings import Settings
from recs_assets_tests.alert_servers import Webhook, serving
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place, tiny_settings

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(alerts, "TIMEOUT_SECONDS", 0.3)


def settings_telling(url: str | None = None, published_by: str | None = None, min_free_disk_gib: float = 0.0) -> Settings:
    settings = tiny_settings()
    told = settings.alerts.model_copy(update={"webhook_url": url, "published_by": published_by})
    compute = settings.compute.model_copy(update={"min_free_disk_gib": min_free_disk_gib})
    return settings.model_copy(update={"alerts": told, "compute": compute})


def launched(place: Place, job: str, week: str = WEEK) -> bool:
    return launch(cast(Any, SimpleNamespace(defs=place.definitions())), job, week, Wishes(), place.instance)


def test_a_failed_run_of_a_command_tells_once_what_why_and_where(tmp_path: Path) -> None:
    with serving(Webhook()) as hook:
        place = Place(tmp_path / "nowhere", tmp_path / "home", settings_telling(hook.url))
        assert not launched(place, "weekly")
    (told,) = hook.got
    (run,) = place.instance.get_runs()
    assert (told["kind"], told["week"], told["run_id"]) == ("run failed", WEEK, run.run_id)
    assert told["text"].startswith(
        f"recs_assets: run failed (week {WEEK}): weekly failed, and nothing was published by it. raw_email_events, "
    )
    assert "raw_vehicles: there is no source … Set RECS_SOURCE to a folder of Parquet" in told["text"]
    assert told["text"].endswith(f"Look at: make report WEEK={WEEK}, make status, and run {run.run_id} in Dagster's event log.")
    assert str(tmp_path) not in json.dumps(told)
    steps, failures = newest_run(place.instance, WEEK)
    assert (steps, len(failures)) == ([], 7)
    assert newest_run(place.instance, NEXT_WEEK) == ([], {})
    page = place.artifact("release_report").path("release_report.html").read_text()
    assert "This run failed, and nothing was published by it." in page
    assert page.count("there is no source …") == 1
    assert "raw_email_events, raw_events, raw_fitment" in page
    assert "there is no source … Set RECS_SOURCE to a folder of Parquet" in page


def test_a_webhook_that_hangs_fails_no_run_and_what_warns_is_told_of(night: Run, tmp_path: Path) -> None:
    with serving(Webhook(hangs=True)) as hook:
        settings = settings_telling(hook.url, min_free_disk_gib=1e9)
        ten = settings.rules.model_copy(update={"list_length": 10})
        place = night.place.copy(tmp_path, settings=settings.model_copy(update={"rules": ten}))
        place.warehouse.hold(held_by="ann", reason="prices of ann", now=NOW)
        project = cast(Any, SimpleNamespace(defs=place.definitions()))
        assert launch(project, "publish", NEXT_WEEK, Wishes(reason="again"), place.instance)
        assert watch.states_of(place.instance, place.instance.get_runs()[0]).keys() == {"hold", "fallback"}
    assert {told["kind"] for told in hook.got} == {"hold", "low disk"}
    assert not any("ann" in told["text"].split() for told in hook.got)


def test_checks_that_block_are_told_of(tmp_path: Path) -> None:
    @dg.asset(check_specs=[dg.AssetCheckSpec("price", asset="listed", blocking=True), dg.AssetCheckSpec("nice", asset="listed")])
    def listed() -> dg.MaterializeResult:
        bad = [dg.AssetCheckResult(check_name=name, passed=False) for name in ("price", "nice")]
        return dg.MaterializeResult(check_results=bad)

    instance = dg.DagsterInstance.ephemeral()
    result = dg.materialize([listed], instance=instance, raise_on_error=False)
    failed = watch.failure_of(instance, result.dagster_run)
    assert failed is not None
    assert failed.text == (
        "some assets failed, and nothing was published by it. listed: a check that stops the run failed, and its "
        "verdict says why. Checks that failed: listed (price)."
    )


def test_of_a_bug_only_the_class_is_told(tmp_path: Path) -> None:
    @dg.op
    def broken() -> None:
        raise KeyError("anna@shop.test")

    @dg.job
    def breaks() -> None:
        broken()

    instance = dg.DagsterInstance.ephemeral()
    result = breaks.execute_in_process(instance=instance, raise_on_error=False)
    told = watch.failure_of(instance, result.dagster_run)
    assert told is not None
    assert told.text == "breaks failed, and nothing was published by it. broken: KeyError."


def test_the_sensor_of_failed_runs_tells_and_shows_what_was_not_evaluated(tmp_path: Path) -> None:
    place = Place(tmp_path / "nowhere", tmp_path / "home")
    result = place.launch("weekly", WEEK)
    with serving(Webhook()) as hook:
        failed_run = watch.sensors(settings_telling(hook.url))[0]
        (event,) = (event for event in result.all_events if event.event_type == dg.DagsterEventType.RUN_FAILURE)
        resources = {"warehouse": place.warehouse, "store": place.store}
        context = dg.build_run_status_sensor_context("failed_run", event, place.instance, result.dagster_run, resources=resources)
        failed_run(context.for_run_failure())
        of_command = result.dagster_run.with_tags(run_origin.OF_COMMAND)
        again = dg.build_run_status_sensor_context("failed_run", event, place.instance, of_command, resources=resources)
        failed_run(again.for_run_failure())
    assert [told["kind"] for told in hook.got] == ["run failed"]
    assert "This run failed" in place.artifact("release_report").path("release_report.html").read_text()
    key = dg.AssetCheckKey(dg.AssetKey("offline_metrics"), "gate_1")
    record = place.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.evaluation
    assert record.evaluation.description == f"Not evaluated: run {result.run_id} ended before it."


def test_a_night_that_has_not_come_is_told_of_once(night: Run) -> None:
    place = night.place
    (decided,) = place.query("SELECT max(judged_at) FROM verdicts WHERE gate = 'hold'")[0]
    decided = decided.astimezone(dt.UTC)
    settings = settings_telling(published_by=f"{decided + dt.timedelta(hours=1):%H:%M}")
    # The night's week is not the one in which the tests run: only a later week's verdict would do.
    assert watch.missed_night(place.warehouse, decided + dt.timedelta(hours=1)) is not None
    cursor, told = None, []
    for hours in (26, 27, 50):
        alert, cursor = watch.missed(place.warehouse, settings, decided + dt.timedelta(hours=hours), cursor)
        told.append(alert is not None)
    assert told == [True, False, True]


@pytest.mark.parametrize(
    ("decided", "is_missed"),
    [("2026-10-06T02:14", False), ("2026-10-05T23:30", False), ("2026-10-05T05:00", True), ("2026-10-06T07:00", False)],
)
def test_a_night_counts_that_came_in_the_half_day_before(night: Run, tmp_path: Path, decided: str, is_missed: bool) -> None:
    place = night.place.copy(tmp_path)
    with duckdb.connect(str(place.home / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE verdicts SET judged_at = ?::TIMESTAMPTZ WHERE gate = 'hold'", [f"{decided}+00:00"])
    due = dt.datetime(2026, 10, 6, 6, 0, tzinfo=dt.UTC)
    assert (watch.missed_night(place.warehouse, due) is not None) == is_missed


@pytest.mark.parametrize(("now", "due"), [("2026-10-06T05:59", "2026-10-05T06:00"), ("2026-10-06T06:00", "2026-10-06T06:00")])
def test_a_night_is_due_at_its_hour(now: str, due: str) -> None:
    moment = dt.datetime.fromisoformat(f"{now}+00:00")
    assert watch.due_before(settings_telling(published_by="06:00"), moment) == dt.datetime.fromisoformat(f"{due}+00:00")
    assert watch.due_before(settings_telling(), moment) is None


def test_a_state_is_told_of_once_a_day_and_at_once_where_it_was_well_in_between() -> None:
    evening = dt.datetime(2026, 10, 5, 23, 50, tzinfo=dt.UTC)
    is_low, is_well = ({"low disk": alerts.Alert("low disk", "It is full.", "Look.")}, {"low disk": None})
    told, instance = [], dg.DagsterInstance.ephemeral()
    with serving(Webhook(404, 200)) as hook:
        for minutes, state in ((0, is_low), (1, is_low), (2, is_low), (20, is_low), (30, is_low), (40, is_well), (50, is_low)):
            watch.tell_of_states(instance, state, settings_telling(hook.url), evening + dt.timedelta(minutes=minutes))
            told.append(len(hook.got))
    assert told == [1, 2, 2, 3, 3, 3, 4], (
        "what nobody took is sent again; then once that day, on the next, and after all was well"
    )


def test_a_disk_is_low_below_what_runs_ask_for(tmp_path: Path) -> None:
    (full,) = watch.low_disk(tmp_path, settings_telling(min_free_disk_gib=1e9)).values()
    assert full is not None
    assert "compute.min_free_disk_gib asks for 1e+09" in full.text
    assert watch.low_disk(tmp_path, settings_telling()) == {"low disk": None}


def test_a_command_that_is_refused_before_its_run_tells_too(night: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    place = night.place
    with serving(Webhook()) as hook:
        target = SimpleNamespace(warehouse=lambda _: place.warehouse)
        project = cast(Any, SimpleNamespace(target=target, settings=settings_telling(hook.url)))
        with pytest.raises(ValueError, match="the newest event of the source"):
            commands.COMMANDS["run"](commands.command_line(None).parse_args(["run", "nightly"]), project)
    assert [told["kind"] for told in hook.got] == ["run refused"]

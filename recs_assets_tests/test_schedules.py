"""Mondays learn from the week just closed; every night serves the week in progress, once there is something to serve."""

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from recs_assets import settings_file
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.store import Store
from recs_assets.schedules import schedules

MONDAY = dt.datetime(2026, 10, 12, 3, tzinfo=dt.UTC)
WEEKLY, NIGHTLY = schedules(settings_file.load())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def tick(schedule: dg.ScheduleDefinition, moment: str, store: Store) -> dg.RunRequest | dg.SkipReason:
    context = dg.build_schedule_context(
        scheduled_execution_time=dt.datetime.fromisoformat(moment), resources={"store": store} if schedule is NIGHTLY else None
    )
    answer = schedule(context)
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return answer


def approve(store: Store, week: str) -> None:
    now = dt.datetime.now(dt.UTC)
    with store.draft("approved_model", week, Provenance(now, {}, "settings", "1", "run")) as new:
        new.facts["source"] = "sql"


def test_both_run_at_the_times_of_the_settings_in_utc() -> None:
    assert [(schedule.name, schedule.cron_schedule, schedule.execution_timezone) for schedule in (WEEKLY, NIGHTLY)] == [
        ("weekly", "0 3 * * 1", "UTC"),
        ("nightly", "0 2 * * *", "UTC"),
    ]
    assert [schedule.job_name for schedule in (WEEKLY, NIGHTLY)] == ["weekly", "nightly"]


@pytest.mark.parametrize(
    ("moment", "week"),
    [
        ("2026-10-05T03:00+00:00", "2026-09-28"),
        ("2026-10-05T05:00+02:00", "2026-09-28"),
        ("2027-01-04T03:00+00:00", "2026-12-28"),
    ],
)
def test_on_monday_the_week_just_closed_is_learned_from(store: Store, moment: str, week: str) -> None:
    request = tick(WEEKLY, moment, store)
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == (week, f"weekly-{week}")


def test_without_an_approved_model_the_night_is_skipped_and_says_why(store: Store) -> None:
    answer = tick(NIGHTLY, "2026-10-07T02:00+00:00", store)
    assert isinstance(answer, dg.SkipReason)
    assert answer.skip_message == "no approved_model yet: the weekly job has to run first."


@pytest.mark.parametrize(
    ("moment", "week", "run_key"),
    [
        ("2026-10-05T02:00+00:00", "2026-10-05", "nightly-2026-10-05"),
        ("2026-10-07T02:00+00:00", "2026-10-05", "nightly-2026-10-07"),
        ("2026-10-12T01:00+02:00", "2026-10-05", "nightly-2026-10-11"),
    ],
)
def test_every_night_serves_the_week_in_progress(store: Store, moment: str, week: str, run_key: str) -> None:
    approve(store, "2026-09-28")
    request = tick(NIGHTLY, moment, store)
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == (week, run_key)


def test_where_the_tables_end_nothing_more_is_run(store: Store) -> None:
    approve(store, "2026-09-28")
    settings = settings_file.load()
    closed = settings.schedules.model_copy(update={"last_week": "2026-09-28"})
    for schedule in schedules(settings.model_copy(update={"schedules": closed})):
        answer = schedule(dg.build_schedule_context(scheduled_execution_time=MONDAY, resources={"store": store}))
        assert isinstance(answer, dg.SkipReason)
        assert "is after schedules.last_week, 2026-09-28." in str(answer.skip_message)


def test_a_model_approved_for_a_later_week_does_not_count(store: Store) -> None:
    approve(store, "2026-10-12")
    assert isinstance(tick(NIGHTLY, "2026-10-07T02:00+00:00", store), dg.SkipReason)

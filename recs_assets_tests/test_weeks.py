"""Weeks: their keys, their borders, and the moment up to which each may know."""

import datetime as dt

import dagster as dg
import pytest

from recs_assets.partitions import weekly
from recs_assets.weeks import key_of, monday, week_of


def _utc(year: int, month: int, day: int, hour: int = 0) -> dt.datetime:
    return dt.datetime(year, month, day, hour, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("day", "right"),
    [
        ("2026-03-03", "2026-03-02"),  # a Tuesday
        ("2026-03-08", "2026-03-02"),  # a Sunday
        ("2026-01-01", "2025-12-29"),  # a Thursday; its week began the year before
        ("2024-03-01", "2024-02-26"),  # a Friday, the day after 29 February
    ],
)
def test_a_key_that_is_not_a_monday_is_refused_and_the_right_one_named(day: str, right: str) -> None:
    with pytest.raises(ValueError, match=f"week {day} is not a Monday; the week it lies in is {right}"):
        monday(day)


@pytest.mark.parametrize("key", ["2026-3-2", "yesterday", "", "2026-02-30"])
def test_a_key_that_is_not_a_date_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="name one by its Monday, as in 2011-09-26"):
        monday(key)


def test_a_monday_begins_at_midnight_utc() -> None:
    assert monday("2026-03-02") == _utc(2026, 3, 2)
    assert monday("2026-03-02").tzinfo is dt.UTC


def test_a_week_that_has_not_begun_is_refused() -> None:
    now = _utc(2026, 3, 8, 23)
    with pytest.raises(ValueError, match=r"week 2026-03-09 has not begun yet: it is 2026-03-08 23:00 UTC\. Choose a week"):
        week_of("2026-03-09", now)
    assert week_of("2026-03-09", _utc(2026, 3, 9)).as_of == _utc(2026, 3, 9)  # it begins at midnight, knowing nothing of itself


@pytest.mark.parametrize("key", ["2009-12-28", "0001-01-01"])
def test_a_week_before_the_first_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=rf"week {key} is before the first one, 2010-01-04\. Choose a later week"):
        week_of(key, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


@pytest.mark.parametrize("key", ["2024-02-26", "2026-03-23", "2026-03-30", "2026-10-19", "2026-11-02", "2020-12-28"])
def test_leap_days_changes_of_the_clock_and_long_years_do_not_change_a_weeks_length(key: str) -> None:
    week = week_of(key, dt.datetime(2026, 12, 1, tzinfo=dt.UTC))
    window = weekly.time_window_for_partition_key(key)
    assert (week.start, week.as_of) == (window.start, window.end)
    assert week.as_of - week.start == dt.timedelta(hours=168)


def test_a_past_week_knows_all_of_itself_and_nothing_later() -> None:
    week = week_of("2026-03-02", _utc(2026, 11, 5, 7))
    assert (week.start, week.end) == (_utc(2026, 3, 2), _utc(2026, 3, 9))
    assert week.as_of == _utc(2026, 3, 9)
    assert week.now == _utc(2026, 11, 5, 7)
    assert week_of("2026-03-02", _utc(2026, 3, 9)).as_of == _utc(2026, 3, 9)


def test_a_running_week_knows_what_has_happened_by_now() -> None:
    week = week_of("2026-03-02", _utc(2026, 3, 5, 2))
    assert week.as_of == _utc(2026, 3, 5, 2)
    assert week.end == _utc(2026, 3, 9)


def test_last_complete_counts_a_week_that_has_ended() -> None:
    week = week_of("2026-03-02", _utc(2026, 3, 9))
    assert week.last_complete(3) == [_utc(2026, 2, 16), _utc(2026, 2, 23), _utc(2026, 3, 2)]


def test_last_complete_leaves_out_a_week_that_is_running() -> None:
    week = week_of("2026-03-02", _utc(2026, 3, 8, 23))
    assert week.last_complete(3) == [_utc(2026, 2, 9), _utc(2026, 2, 16), _utc(2026, 2, 23)]
    assert week.last_complete(0) == []


@pytest.mark.parametrize(
    ("key", "previous"), [("2026-03-09", "2026-03-02"), ("2026-01-05", "2025-12-29"), ("2024-03-04", "2024-02-26")]
)
def test_the_week_before(key: str, previous: str) -> None:
    assert week_of(key, _utc(2026, 11, 5)).previous == previous


@pytest.mark.parametrize(
    ("moment", "key"),
    [
        (_utc(2026, 3, 2), "2026-03-02"),
        (_utc(2026, 3, 8, 23), "2026-03-02"),
        (_utc(2026, 3, 9), "2026-03-09"),
        (_utc(2025, 12, 31), "2025-12-29"),  # a Wednesday
        (_utc(2026, 1, 4, 23), "2025-12-29"),  # the Sunday of the same week
        (_utc(2024, 2, 29), "2024-02-26"),  # a Thursday
        (_utc(2024, 3, 3), "2024-02-26"),
        (_utc(2023, 3, 1), "2023-02-27"),  # a Wednesday, the day after 28 February
    ],
)
def test_the_week_of_a_moment(moment: dt.datetime, key: str) -> None:
    assert key_of(moment) == key
    assert monday(key) <= moment < monday(key) + dt.timedelta(days=7)


def test_dagsters_partitions_are_the_same_mondays_and_the_running_week_is_one() -> None:
    keys = weekly.get_partition_keys(current_time=_utc(2026, 3, 5))
    assert keys[0] == "2010-01-04"
    assert keys[-2:] == ["2026-02-23", "2026-03-02"]
    assert weekly.time_window_for_partition_key("2026-03-02") == dg.TimeWindow(_utc(2026, 3, 2), _utc(2026, 3, 9))
    assert all(key == key_of(monday(key)) for key in keys)

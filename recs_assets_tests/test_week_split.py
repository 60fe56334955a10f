"""Training, validation and evaluation weeks never overlap, whatever the horizon."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from recs_assets import settings_file
from recs_assets.settings import Settings
from recs_assets.week_split import WeekSplit, split_weeks
from recs_assets.weeks import ONE_WEEK, week_of

DAY = dt.timedelta(days=1)
WEEK = week_of("2026-09-28", dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
PACKAGED = settings_file.load()


def settings(horizon_days: int, training_weeks: int, validation_weeks: int, evaluation_weeks: int) -> Settings:
    model = PACKAGED.model.model_copy(
        update={"horizon_days": horizon_days, "training_weeks": training_weeks, "validation_weeks": validation_weeks}
    )
    evaluation = PACKAGED.evaluation.model_copy(update={"weeks": evaluation_weeks})
    return PACKAGED.model_copy(update={"model": model, "evaluation": evaluation})


def days(moments: list[dt.datetime]) -> list[str]:
    return [f"{moment:%m-%d}" for moment in moments]


@pytest.mark.parametrize(
    ("horizon_days", "training", "before_validation"),
    [
        (7, ["08-03", "08-10", "08-17", "08-24", "08-31"], ["08-03", "08-10", "08-17"]),
        (3, ["08-07", "08-14", "08-21", "08-28", "09-04"], ["08-07", "08-14", "08-21"]),
        (14, ["07-27", "08-03", "08-10", "08-17", "08-24"], ["07-27", "08-03", "08-10"]),
    ],
)
def test_two_evaluation_weeks_after_two_validation_weeks_after_what_is_learned_from(
    horizon_days: int, training: list[str], before_validation: list[str]
) -> None:
    # Four weeks of evaluation begin on 7 September; the validation weeks are those of 24 and 31 August.
    split = split_weeks(WEEK, settings(horizon_days, 5, 2, 4))
    assert days([*split.evaluation]) == ["09-07", "09-14", "09-21", "09-28"]
    assert days([*split.validation]) == ["08-24", "08-31"]
    assert days([*split.training]) == training
    assert days(split.before_validation) == before_validation


def test_a_week_in_progress_is_not_evaluated() -> None:
    thursday = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
    split = split_weeks(week_of("2026-09-28", thursday), settings(7, 1, 1, 4))
    assert days([*split.evaluation]) == ["08-31", "09-07", "09-14", "09-21"]
    assert days([*split.training]) == ["08-24"]


def overlaps(
    learned_before_validation: Sequence[dt.datetime], split: WeekSplit, as_of: dt.datetime = WEEK.as_of
) -> list[tuple[str, str]]:
    """Which sets have a day in common with a later one, or lie beyond it."""
    windows = {
        "before validation": (learned_before_validation, split.horizon),
        "training": (split.training, split.horizon),
        "validation": (split.validation, ONE_WEEK),
        "evaluation": (split.evaluation, ONE_WEEK),
    }
    last_day = {
        name: max((*starts, dt.datetime.min.replace(tzinfo=dt.UTC))) + length for name, (starts, length) in windows.items()
    }
    first_day = {name: starts[0] for name, (starts, _) in windows.items() if starts} | {"the future": as_of}
    order = [
        ("before validation", "validation"),
        ("training", "evaluation"),
        ("validation", "evaluation"),
        ("evaluation", "the future"),
    ]
    return [(earlier, later) for earlier, later in order if last_day[earlier] > first_day[later]]


@pytest.mark.parametrize("stride_days", [1, 3, 7, 10, 14, 28])
def test_no_two_sets_meet_whatever_horizon_weeks_and_stride(stride_days: int) -> None:
    counts = product(range(1, 43), (1, 5, 16), (1, 2, 4), (1, 2, 4))
    for horizon_days, training_weeks, validation_weeks, evaluation_weeks in counts:
        asked = settings(horizon_days, training_weeks, validation_weeks, evaluation_weeks)
        split = split_weeks(WEEK, asked, stride=DAY * stride_days)
        assert overlaps(split.before_validation, split) == [], (horizon_days, training_weeks, validation_weeks, evaluation_weeks)
        assert split.training[-1] + split.horizon == split.evaluation[0], "no day is left out between them"
        assert split.validation[-1] + ONE_WEEK == split.evaluation[0]
        kept_out = len(split.training) - len(split.before_validation)
        assert kept_out == min(training_weeks, -(-7 * validation_weeks // stride_days)), "no more is kept out than has to be"
        assert {moment.time() for moment in (*split.training, *split.validation)} == {dt.time()}


@pytest.mark.parametrize(
    ("horizon_days", "expected"),
    [(3, [("validation", "evaluation")]), (7, []), (14, [("before validation", "validation")])],
)
def test_the_walk_would_see_snapshots_in_the_place_of_weeks(horizon_days: int, expected: list[tuple[str, str]]) -> None:
    split = split_weeks(WEEK, settings(horizon_days, 8, 4, 4))
    assert overlaps(split.training[:-4], replace(split, validation=split.training[-4:])) == expected

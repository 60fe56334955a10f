"""The plan of an experiment."""

import pytest

from recs_assets.ranking.experiments.power import Metric
from recs_assets.rollout.planner import planned


def test_one_week_of_a_share_of_clickers_needs_what_the_formula_says() -> None:
    plan = planned([Metric.of_share(0.0357)], 44_436, looks=1, level=0.025, power=0.8)
    assert plan.needed[0.1] == 44_436
    assert plan.power[0.1][0] == pytest.approx(0.8, abs=1e-4)
    assert plan.weeks(0.1, 0.79) == 1
    # Weeks that are nothing but luck: half the variance in two of them.
    assert plan.weeks(0.05, 0.8) == 5


def test_what_people_differ_by_does_not_average_out() -> None:
    # Variance 3 in one week and 2 in two: 1 stays, 2 / weeks is luck.
    plan = planned([Metric(1.0, 3.0), Metric(1.0, 2.0)], 1_000, looks=4, level=0.025, power=0.8)
    assert plan.power[0.1][-1] < planned([Metric(1.0, 3.0)], 1_000, looks=4, level=0.025, power=0.8).power[0.1][-1]


def test_nothing_to_plan_from() -> None:
    with pytest.raises(ValueError, match="no week of mail with a click"):
        planned([], 10, looks=4, level=0.025, power=0.8)

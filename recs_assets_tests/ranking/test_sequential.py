"""What every Monday asks for, by hand and by simulation."""

import math
from dataclasses import replace

import numpy as np
import pytest

from recs_assets.ranking.sequential import asked_strength, smallest_detectable_lift, weeks_needed
from recs_assets.ranking.statistics import Lift, paired_lift, strength


def measured(error: float, information: float) -> Lift:
    return Lift(0.1, 0.0, 0.2, error, 1000, 0.1, 0.11, 2.0, null_error=error, information=information)


# Pocock's table 1, two-sided 5%; one look is the normal quantile.
@pytest.mark.parametrize(("n_looks", "expected"), [(1, 1.960), (2, 2.178), (5, 2.413), (10, 2.555), (20, 2.672)])
def test_the_boundary_is_pococks(n_looks, expected):
    assert asked_strength(0.025, n_looks) == pytest.approx(expected, abs=0.01)


def test_a_monday_asks_for_more_the_lower_the_risk_of_a_year():
    assert asked_strength(0.05) == pytest.approx(2.53, abs=0.01)
    assert asked_strength(0.05) < asked_strength(0.01)


def test_the_smallest_lift_that_passes_by_hand():
    # 100 people differ: z^2 / (1 + 0.8 z / 10) = 3^2 at z = 0.36 + sqrt(0.36^2 + 9) = 3.3815; and z of 0.8 is 0.8416.
    strict = smallest_detectable_lift(measured(0.02, 100), measured(0.02, 100), min_lift=0.05, asked=3.0)
    assert strict == pytest.approx((3.3815 + 0.8416) * 0.02, rel=1e-4)
    # With a year of evidence the newest weeks decide, whose lift has to reach 5% by itself.
    late = smallest_detectable_lift(measured(0.02, 100), measured(0.005, 1000), min_lift=0.05, asked=3.0)
    assert late == pytest.approx(0.05 + 0.8416 * 0.02, rel=1e-4)
    assert math.isnan(smallest_detectable_lift(measured(0.0, 0), measured(0.0, 0), min_lift=0.05, asked=3.0))


def weeks(error: float, target: float, information: float = 1e9) -> int | None:
    return weeks_needed(measured(error, information), n_weeks=4, target_lift=target, min_lift=0.05, asked=3.1)


def test_weeks_count_both_conditions_of_a_pass():
    # Four weeks with an error of 0.5% show 10% at once, and half of the Mondays 5%: two or three tries of four weeks.
    assert weeks(0.005, 0.1) == 4
    assert 6 <= weeks(0.005, 0.05) <= 10
    # An error of 5% in four weeks: (3.1 + 0.84) x 5% / sqrt(weeks / 4) falls below 10% in 15.5 weeks, as the evidence alone asks;
    # and it has passed a little earlier, since one of the Mondays before was lucky.
    assert 12 <= weeks(0.05, 0.1) <= 16
    assert weeks(0.05, 0.02) is None
    assert weeks(0.0, 0.1) is None


def test_few_who_differ_take_longer():
    assert weeks(0.05, 0.1, information=10) > weeks(0.05, 0.1)


def test_by_the_week_it_names_four_models_in_five_have_passed():
    # 400 people a week: SQL finds a part for 10% of them and the model for 12%, half the hits the same.
    n_years, n_weeks, generator = 300, 30, np.random.default_rng(1)
    only_sql, only_model, both = (generator.random((n_years, n_weeks, 400)) < chance for chance in (0.05, 0.07, 0.05))
    sql, model = (both | only_sql).astype(float), (both | only_model).astype(float)
    ten_years = paired_lift(sql[:10].ravel(), model[:10].ravel(), np.arange(sql[:10].size))
    four_weeks = replace(
        ten_years,
        standard_error=ten_years.standard_error * 75**0.5,
        null_error=ten_years.null_error * 75**0.5,
        information=ten_years.information / 75,
    )
    needed = weeks_needed(four_weeks, n_weeks=4, target_lift=model.mean() / sql.mean() - 1, min_lift=0.05, asked=3.1)
    assert needed == 13

    def passes(by: int) -> np.ndarray:
        newest = [recall[:, by - 4 : by].sum(axis=(1, 2)) for recall in (sql, model)]
        strengths = strength(*(recall[:, :by].reshape(n_years, -1) for recall in (sql, model)))
        return (strengths >= 3.1) & (newest[1] >= 1.05 * newest[0])

    passed = [passes(by) for by in range(4, needed + 1)]
    assert 0.75 <= np.any(passed, axis=0).mean() <= 0.9
    assert np.any(passed[:-3], axis=0).mean() < 0.8

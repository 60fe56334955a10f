"""The paired lift by hand, against a bootstrap and statsmodels, and how often its interval holds the truth."""

import math

import numpy as np
import pytest
import statsmodels.api as sm

from recs_assets.ranking.statistics import paired_lift, smallest_detectable_lift, weeks_needed


def test_lift_and_error_by_hand():
    # Fifteen users with (X, Y) = (1, 2) and fifteen with (1, 1): R = 1.5, and Y - R X = +0.5 or -0.5.
    lift = paired_lift(np.ones(30), np.repeat([2.0, 1.0], 15), np.arange(30))
    error = math.sqrt(0.25 * 30 / 29 / 30)
    assert lift.lift == pytest.approx(0.5)
    assert lift.standard_error == pytest.approx(error)
    assert (lift.low, lift.high) == pytest.approx((0.5 - 1.959964 * error, 0.5 + 1.959964 * error))
    assert lift.z == pytest.approx(0.5 / error)
    assert (lift.n_users, lift.mean_baseline, lift.mean_system, lift.problem) == (30, 1.0, 1.5, None)


def test_the_same_user_twice_is_one_observation():
    generator = np.random.default_rng(1)
    baseline, system, users = generator.random(60), generator.random(60), np.arange(60)
    once = paired_lift(baseline, system, users)
    twice = paired_lift(np.tile(baseline, 2), np.tile(system, 2), np.tile(users, 2))
    assert twice.standard_error == pytest.approx(once.standard_error)
    assert twice.n_users == 60


def test_error_is_that_of_a_bootstrap_over_users():
    generator = np.random.default_rng(2)
    users = generator.integers(0, 300, 700)
    taste = generator.random(300)[users]
    baseline = (generator.random(700) < taste).astype(float)
    system = (generator.random(700) < taste).astype(float)
    x, y = np.bincount(users, baseline), np.bincount(users, system)
    draws = generator.integers(0, len(x), (4_000, len(x)))
    bootstrapped = (y[draws].sum(axis=1) / x[draws].sum(axis=1)).std()
    assert paired_lift(baseline, system, users).standard_error == pytest.approx(bootstrapped, rel=0.06)


@pytest.mark.parametrize("seed", range(5))
def test_lift_and_error_are_those_of_a_poisson_regression_clustered_by_user(seed: int):
    """With a logarithmic link and one indicator, exp(coefficient) is the ratio of the means.

    The sandwich error of the coefficient, clustered by user, is sqrt(sum (y - R x)^2) / sum(y), which times R is the delta
    method's, but for G / (G - 1) of the sample variance.
    """
    generator = np.random.default_rng(seed)
    users = generator.integers(0, 200, 500)
    taste = generator.beta(1, 9, 200)[users]
    baseline = generator.binomial(4, taste) / 4
    system = generator.binomial(4, np.minimum(1, 1.3 * taste)) / 4
    design = sm.add_constant(np.repeat([0.0, 1.0], 500))
    outcome, groups = np.concatenate([baseline, system]), np.tile(users, 2)
    fitted = sm.GLM(outcome, design, family=sm.families.Poisson()).fit(
        tol=1e-14, cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    ratio, n_users = np.exp(fitted.params[1]), len(np.unique(users))
    lift = paired_lift(baseline, system, users)
    assert lift.lift == pytest.approx(ratio - 1, rel=1e-9)
    assert lift.standard_error == pytest.approx(ratio * fitted.bse[1] * math.sqrt(n_users / (n_users - 1)), rel=1e-9)


def test_no_baseline_few_users_and_no_users_have_no_interval_and_say_so():
    zero = paired_lift(np.zeros(40), np.ones(40), np.arange(40))
    assert math.isnan(zero.lift)
    assert zero.problem == "the baseline found nothing at all, so a relative lift is undefined"
    few = paired_lift(np.ones(3), np.full(3, 2.0), np.arange(3))
    assert few.lift == 1.0
    assert math.isnan(few.low)
    assert few.problem == "3 users are too few for an interval (30 needed)"
    none = paired_lift(np.array([]), np.array([]), np.array([]))
    assert (none.n_users, none.problem) == (0, "there are no users")


def test_rows_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="1 baseline, 2 system, 2 users"):
        paired_lift(np.ones(1), np.ones(2), np.arange(2))


def test_the_interval_holds_the_true_lift_95_times_in_100():
    generator = np.random.default_rng(3)
    held = 0
    for _ in range(1_000):
        users = np.arange(900) % 500
        taste = generator.beta(1, 9, 500)[users]
        baseline = (generator.random(900) < taste).astype(float)
        system = (generator.random(900) < np.minimum(1, taste * 1.2)).astype(float)
        lift = paired_lift(baseline, system, users)
        held += lift.low <= 0.2 <= lift.high
    assert 0.93 <= held / 1_000 <= 0.97


def test_smallest_detectable_lift_and_weeks_by_hand():
    lift = paired_lift(np.ones(30), np.repeat([2.0, 1.0], 15), np.arange(30))
    # z of 0.975 + z of 0.8 = 1.959964 + 0.841621
    assert smallest_detectable_lift(lift) == pytest.approx(2.801585 * lift.standard_error, rel=1e-6)
    # 2.801585 x 0.0928477 = 0.260121; (0.260121 / 0.05)^2 x 4 weeks = 108.3
    assert weeks_needed(lift, target_lift=0.05, n_weeks=4) == 109
    assert weeks_needed(lift, target_lift=0.0, n_weeks=4) is None
    assert weeks_needed(paired_lift(np.ones(2), np.ones(2), np.arange(2)), target_lift=0.05, n_weeks=4) is None

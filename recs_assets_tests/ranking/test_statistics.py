"""The paired lift by hand, against a bootstrap and statsmodels, and how often its interval holds the truth."""

import math

import numpy as np
import pytest
import statsmodels.api as sm

from recs_assets.ranking.statistics import mean_interval, paired_difference, paired_lift, significantly_below, strength


def hits(n_found: int, n_users: int) -> np.ndarray:
    return np.repeat([1.0, 0.0], [n_found, n_users - n_found])


def test_lift_and_error_by_hand():
    # Fifteen users with (X, Y) = (1, 2) and fifteen with (1, 1): R = 1.5, and Y - R X = +0.5 or -0.5.
    lift = paired_lift(np.ones(30), np.repeat([2.0, 1.0], 15), np.arange(30))
    assert lift.lift == pytest.approx(0.5)
    assert lift.standard_error == pytest.approx(math.sqrt(0.25 * 30 / 29 / 30))
    assert (lift.n_users, lift.mean_baseline, lift.mean_system, lift.problem) == (30, 1.0, 1.5, None)
    # Fifteen differ by +1: 15 / sqrt(15 + 0.8 x 15).
    assert lift.z == pytest.approx(15 / math.sqrt(27))
    assert (lift.n_better, lift.n_worse, lift.information) == (15, 0, pytest.approx(15))


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([0.0, 0.0], 0.0),
        ([1.0], 1 / math.sqrt(1 + 0.8)),
        ([1.0, 1.0, -1.0], 1 / math.sqrt(3 + 0.8)),
        ([0.5, 0.5], 1 / math.sqrt(0.5 + 0.8)),  # what may have stayed unseen is a whole hit
        ([-3.0, 1.0], -2 / math.sqrt(10 + 0.8 * 2.8 * 2)),  # sizes: (27 + 1) / (9 + 1)
    ],
)
def test_strength_by_hand(differences, expected):
    assert strength(np.zeros(len(differences)), np.array(differences)) == pytest.approx(expected)


def test_the_interval_ends_where_the_evidence_is_two_standard_errors():
    baseline, system = hits(20, 100), hits(22, 100)
    lift = paired_lift(baseline, system, np.arange(100))
    assert lift.lift == pytest.approx(0.1)
    assert strength(baseline, system, 1 + lift.low) == pytest.approx(1.959964, abs=1e-6)
    assert strength(baseline, system, 1 + lift.high) == pytest.approx(-1.959964, abs=1e-6)
    wider = paired_lift(baseline, system, np.arange(100), level=0.01)
    assert wider.low < lift.low < lift.lift < lift.high < wider.high


def test_one_hit_more_of_the_person_who_had_the_only_one_proves_nothing():
    baseline, system = hits(1, 30) / 2, hits(1, 30)
    lift = paired_lift(baseline, system, np.arange(30))
    assert (lift.lift, lift.low, lift.high) == (1.0, -1.0, math.inf)
    assert lift.interval == "-100.0% upwards"
    assert lift.z == pytest.approx(0.5 / math.sqrt(0.25 + 0.8 * 0.5))


def test_equal_lists_leave_room_for_what_so_few_hits_could_not_show():
    # h hits and a lift r: (h r)^2 = 1.96^2 (h r^2 + 0.8 (1 + r) h r), so r = 0.8 x 1.96^2 / (h - 1.8 x 1.96^2).
    for n_hits in (20, 200, 2000):
        lift = paired_lift(hits(n_hits, 5000), hits(n_hits, 5000), np.arange(5000))
        assert lift.high == pytest.approx(0.8 * 1.959964**2 / (n_hits - 1.8 * 1.959964**2), rel=1e-6)
        assert lift.low < 0 < lift.high


def test_a_difference_and_what_speaks_against_it_by_hand():
    # One person in two rows, who gains 3 in all, and fifteen others in one row, who lose 1 each: sum -12, squares 24, cubes 42.
    baseline, gained = np.full(17, 5.0), np.concatenate([[4.0, 4.0], np.full(15, 5.0)])
    system = np.concatenate([[2.5, 2.5], np.full(15, 6.0)])
    clusters = np.concatenate([[0, 0], np.arange(1, 16)])
    difference = paired_difference(gained, system, clusters, level=0.05)
    assert (difference.mean, difference.n_users) == (pytest.approx(12 / 17), 16)
    assert (difference.mean_baseline, difference.mean_system) == (pytest.approx(83 / 17), pytest.approx(95 / 17))
    assert difference.z == pytest.approx(12 / math.sqrt(24 + 0.8 * 42 / 24 * 12))
    # The interval ends where as much speaks against the rest.
    for end, sign in ((difference.low, 1), (difference.high, -1)):
        rest = paired_difference(baseline + end, baseline + system - gained, clusters, level=0.05)
        assert rest.z == pytest.approx(sign * 1.959964, abs=1e-5)


def test_so_few_people_that_any_difference_may_be_true_and_none_at_all():
    few = paired_difference(np.zeros(6), np.ones(6), np.arange(6), level=0.05)
    assert (few.mean, few.low, few.high) == (1.0, -math.inf, math.inf)
    many = paired_difference(np.zeros(60), np.ones(60), np.arange(60), level=0.05)
    assert (many.low, many.high) == (pytest.approx(1.0), pytest.approx(1.0))
    same = paired_difference(np.ones(60), np.ones(60), np.arange(60), level=0.05)
    assert (same.mean, same.z) == (0.0, 0.0)
    assert (same.low, same.high) == (pytest.approx(0.0), pytest.approx(0.0))
    assert paired_difference(np.empty(0), np.empty(0), np.empty(0), level=0.05).n_users == 0


def test_holms_procedure_by_hand():
    # One-sided 2.5% of three is -2.394, of two -2.241, of one -1.960.
    assert significantly_below({"cold": -2.5, "warm": -2.3, "hot": -1.97}, 0.025) == ["cold", "warm", "hot"]
    assert significantly_below({"cold": -2.5, "warm": -2.2, "hot": -1.97}, 0.025) == ["cold"]
    assert significantly_below({"cold": -2.3, "warm": -2.3, "hot": 4.0}, 0.025) == []
    assert significantly_below({"cold": -2.0}, 0.025) == ["cold"]
    assert significantly_below({}, 0.025) == []


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


def test_no_baseline_and_no_users_have_no_lift_and_say_so():
    zero = paired_lift(np.zeros(40), np.ones(40), np.arange(40))
    assert math.isnan(zero.lift)
    assert zero.problem == "the baseline found nothing at all, so a relative lift is undefined"
    assert zero.z == pytest.approx(40 / math.sqrt(72))
    none = paired_lift(np.array([]), np.array([]), np.array([]))
    assert (none.n_users, none.z, none.problem) == (0, 0.0, "there are no users")


def test_rows_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="1 baseline, 2 system, 2 users"):
        paired_lift(np.ones(1), np.ones(2), np.arange(2))


@pytest.mark.long
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


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_refused(value):
    with pytest.raises(ValueError, match="a value that is not a number"):
        paired_lift(np.ones(3), np.array([1.0, value, 0.0]), np.arange(3))


def test_the_interval_of_a_mean_by_hand_and_as_statsmodels_has_it():
    # Two people of two rows each, 1 1 and 0 0: mean 0.5, sums of residuals +1 and -1, so s^2 = 2 x 2 / 16.
    assert mean_interval(np.array([1.0, 1.0, 0.0, 0.0]), np.array(["a", "a", "b", "b"])) == (0.0, 1.0)
    unbounded = mean_interval(np.array([3.0, 3.0, 1.0, 1.0]), np.array(["a", "a", "b", "b"]), highest=math.inf)
    assert unbounded == pytest.approx((2 - 1.96, 2 + 1.96), abs=1e-3)
    generator = np.random.default_rng(1)
    values, users = generator.random(200), generator.integers(0, 60, 200)
    fitted = sm.OLS(values, np.ones(200)).fit(cov_type="cluster", cov_kwds={"groups": users})
    assert mean_interval(values, users) == pytest.approx(tuple(fitted.conf_int()[0]))
    assert all(math.isnan(end) for end in mean_interval(np.ones(3), np.zeros(3)))

"""The statistics of experiments on numbers that fit on a page, and against published tables."""

import math

import numpy as np
import pytest

from recs_assets.ranking.experiments.guardrails import Guardrail, guarded
from recs_assets.ranking.experiments.lift import ratio_lift
from recs_assets.ranking.experiments.looks import OBRIEN_FLEMING, POCOCK, bounds
from recs_assets.ranking.experiments.power import Metric, exaggeration, users_per_arm
from recs_assets.ranking.experiments.sample_ratio import sample_ratio_p_value
from recs_assets.ranking.experiments.sums import ArmSums

# Four users an arm with two mails each: clicks 0 0 1 1, and 0 1 1 2. R = 1/4 and 1/2; Var(y) = 1/3 and 2/3; mean(x) = 2.
CONTROL = ArmSums.of(np.array([0.0, 0, 1, 1]), np.full(4, 2.0))
TREATED = ArmSums.of(np.array([0.0, 1, 1, 2]), np.full(4, 2.0))


def test_six_sums_give_ratio_and_variance() -> None:
    assert (CONTROL.n, CONTROL.y, CONTROL.x, CONTROL.yy, CONTROL.xx, CONTROL.yx) == (4, 2, 8, 2, 16, 4)
    assert (float(CONTROL.ratio), float(CONTROL.variance)) == pytest.approx((1 / 4, 1 / 12))
    assert (float(TREATED.ratio), float(TREATED.variance)) == pytest.approx((1 / 2, 1 / 6))


def test_a_lift_by_hand() -> None:
    lift = ratio_lift(CONTROL, TREATED)
    error = math.sqrt(1 / 12 / 4 * 16 + 1 / 6 / 4 * 4)
    assert (float(lift.lift), float(lift.error), float(lift.z)) == pytest.approx((1.0, error, math.log(2) / error))
    low, high = lift.interval(1.0)
    assert (float(low), float(high)) == pytest.approx((2 / math.exp(error) - 1, 2 * math.exp(error) - 1))


def test_a_covariate_that_says_all_leaves_only_the_lift() -> None:
    # Before, everybody clicked as control does now; the treated click once more each. Their luck of the draw goes.
    before = [np.array([0.0, 1, 2, 3]), np.array([1.0, 2, 3, 4])]
    one_mail = np.ones(4)
    with_luck = ratio_lift(ArmSums.of(before[0], one_mail), ArmSums.of(before[1], one_mail))
    adjusted = ratio_lift(*(ArmSums.of(clicks, one_mail, clicks) for clicks in before))
    assert float(with_luck.treated - with_luck.control) == pytest.approx(1.0)
    assert float(adjusted.treated - adjusted.control) == pytest.approx(0.0)


def test_many_experiments_at_once_are_each_as_alone() -> None:
    rng = np.random.default_rng(1)
    clicks, mails = rng.poisson(1.0, (2, 5, 30)).astype(float), rng.integers(1, 4, (2, 5, 30)).astype(float)
    together = ratio_lift(*(ArmSums.of(clicks[arm], mails[arm]) for arm in (0, 1)))
    alone = ratio_lift(*(ArmSums.of(clicks[arm, 3], mails[arm, 3]) for arm in (0, 1)))
    assert (together.lift[3], together.z[3]) == pytest.approx((float(alone.lift), float(alone.z)))


def test_nobody_clicked_is_no_lift() -> None:
    nothing = ArmSums.of(np.zeros(4), np.ones(4))
    assert math.isnan(ratio_lift(nothing, TREATED).lift)
    assert float(ratio_lift(nothing, TREATED).z) == 0.0
    assert float(ratio_lift(CONTROL, nothing).z) == 0.0


# Jennison & Turnbull 2000, "Group Sequential Methods", tables 2.1 and 2.3, two-sided 5%.
@pytest.mark.parametrize(
    ("n_looks", "pocock", "obrien_fleming"),
    [(1, 1.960, 1.960), (2, 2.178, 1.977), (3, 2.289, 2.004), (4, 2.361, 2.024), (6, 2.453, 2.053), (10, 2.555, 2.087)],
)
def test_bounds_as_published(n_looks: int, pocock: float, obrien_fleming: float) -> None:
    assert set(np.round(bounds(n_looks, 0.025, POCOCK), 3)) == {pocock}
    asked = bounds(n_looks, 0.025, OBRIEN_FLEMING)
    assert round(asked[-1], 3) == obrien_fleming
    assert asked[0] == pytest.approx(asked[-1] * math.sqrt(n_looks))


@pytest.mark.parametrize(("n_looks", "level"), [(0, 0.025), (4, 0.5)])
def test_bounds_that_make_no_sense(n_looks: int, level: float) -> None:
    with pytest.raises(ValueError, match="give one look or more"):
        bounds(n_looks, level, POCOCK)


# FACTS: 44K, 83K and 382K users an arm see +10% four times in five.
@pytest.mark.parametrize(("clickers", "thousands"), [(0.0357, 44), (0.0195, 83), (0.0043, 382)])
def test_users_an_arm(clickers: float, thousands: int) -> None:
    assert round(users_per_arm(Metric.of_share(clickers), 0.1) / 1_000) == thousands


def test_sample_ratio_by_hand() -> None:
    # chi-square = 100^2 / 5000 x 2 = 4: one in 22. Twice as many people, as uneven: one in 213.
    assert float(sample_ratio_p_value(np.array([4_900.0, 5_100]), [0.5, 0.5])) == pytest.approx(0.0455, abs=1e-4)
    assert float(sample_ratio_p_value(np.array([9_800.0, 10_200]), [0.5, 0.5])) == pytest.approx(0.0047, abs=1e-4)
    assert float(sample_ratio_p_value(np.array([0.0, 0.0]), [0.5, 0.5])) == 1.0
    with pytest.raises(ValueError, match="add up to 1"):
        sample_ratio_p_value(np.array([1.0, 1.0]), [0.5, 0.6])


def test_a_winner_of_luck_alone_exaggerates() -> None:
    # Of a normal around 10% those above 10%: their mean is 0.8 standard errors higher.
    assert exaggeration(0.1, 0.05, 0.1) == pytest.approx(1 + 0.5 * math.sqrt(2 / math.pi))
    assert exaggeration(0.1, 0.0, 0.1) == 1.0
    assert exaggeration(0.1, 0.001, 0.2) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("unsubscribed", "standing"),
    # Of 10,000 mails an arm 100 end in one; the margin is ten percent, 10 of them; one standard error is 14.
    [(50, "not inferior"), (100, "open"), (300, "inferior")],
)
def test_a_guardrail(unsubscribed: int, standing: str) -> None:
    def arm(n_left: int) -> ArmSums:
        return ArmSums.of(np.repeat([1.0, 0.0], [n_left, 10_000 - n_left]), np.ones(10_000))

    rule = Guardrail("unsubscribed", more_is_worse=True, relative_margin=0.1, least_margin=0.0)
    result = guarded(rule, arm(100), arm(unsubscribed), harm_bound=2.4)
    assert result.standing == standing
    assert result.harm == pytest.approx((unsubscribed - 100) / 10_000)


def test_a_guardrail_of_what_never_happens_holds() -> None:
    nothing = ArmSums.of(np.zeros(100), np.ones(100))
    assert guarded(Guardrail("complained", True, 0.1, 0.0005), nothing, nothing, harm_bound=2.4).standing == "not inferior"

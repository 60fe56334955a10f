"""How often gate 1 is wrong, in one look and in a year of Mondays, and what it sees, over thousands of simulated evaluations."""

import numpy as np
import pytest

from recs_assets.gates.promotion import SIGNIFICANT, gate_1
from recs_assets.gates.verdict import FAIL, PASS
from recs_assets.ranking.sequential import smallest_detectable_lift
from recs_assets.ranking.statistics import NORMAL, paired_lift, strength_of_sums
from recs_assets_tests.simulated_evaluations import ASKED, MIN_LIFT, share, simulated
from recs_assets_tests.simulated_years import Evidence, Shop, kept_until, years

pytestmark = pytest.mark.long

LEVEL_OF_A_LOOK = 1 - NORMAL.cdf(ASKED)


@pytest.mark.parametrize("lift", [-0.3, 0.0, 0.3])
def test_the_arrays_follow_the_rule_of_the_gate(lift: float) -> None:
    evaluations = simulated(600, 0.1, lift, n_evaluations=15)
    assert [
        gate_1(evaluations.per_user(number), min_lift=MIN_LIFT).decision for number in range(15)
    ] == evaluations.decisions().tolist()


def test_the_simulated_truth_is_what_was_asked_for() -> None:
    evaluations = simulated(1_200, 0.05, 0.1, n_evaluations=500)
    assert evaluations.blend.mean() / evaluations.sql.mean() == pytest.approx(1.1, abs=0.01)
    assert evaluations.sql.mean() == pytest.approx(0.05, rel=0.05)
    assert 1.2 < len(evaluations.user) / 1_200 < 1.5


# The level of a first look is 0.6%; the strata together and the upper end for one in forty each.
@pytest.mark.parametrize(
    ("n_users", "mean_recall"), [(10, 0.1), (30, 0.03), (30, 0.3), (60, 0.1), (100, 0.01), (400, 0.05), (400, 0.3), (1_200, 0.05)]
)
def test_one_look_is_wrong_as_seldom_as_it_says(n_users: int, mean_recall: float) -> None:
    n_evaluations = 2_000
    no_lift = simulated(n_users, mean_recall, 0.0, n_evaluations)
    as_asked = simulated(n_users, mean_recall, MIN_LIFT, n_evaluations)
    # Three standard errors above the level, for the luck of so many evaluations.
    assert share(no_lift, PASS) <= LEVEL_OF_A_LOOK + 3 * (LEVEL_OF_A_LOOK / n_evaluations) ** 0.5
    assert no_lift.stratum_worse().mean() <= 0.025 + 3 * (0.025 / n_evaluations) ** 0.5
    assert share(as_asked, FAIL) <= 0.025 + 3 * (0.025 / n_evaluations) ** 0.5


@pytest.mark.parametrize("gain", [1.0, 1 / 3, 0.1])
@pytest.mark.parametrize("n_losses", [1, 3, 10, 50])
def test_small_gains_against_rare_great_losses_are_no_proof_while_the_losses_have_not_come(gain: float, n_losses: int) -> None:
    generator = np.random.default_rng(1)
    losses, gains = generator.poisson(n_losses, 20_000), generator.poisson(n_losses / gain, 20_000)
    strengths = strength_of_sums(gains * gain - losses, gains * gain**2 + losses, gains * gain**3 + losses)
    assert (strengths >= ASKED).mean() <= LEVEL_OF_A_LOOK + 3 * (LEVEL_OF_A_LOOK / 20_000) ** 0.5
    assert (strengths > SIGNIFICANT).mean() <= 0.025 + 3 * (0.025 / 20_000) ** 0.5
    assert (strengths < -SIGNIFICANT).mean() <= 0.025 + 3 * (0.025 / 20_000) ** 0.5


@pytest.mark.parametrize("n_hits", [50, 80, 100, 140, 200, 500])
def test_a_model_that_only_adds_is_not_refused_for_what_has_not_come_yet(n_hits: int) -> None:
    added = np.random.default_rng(1).binomial(n_hits, MIN_LIFT, 20_000).astype(float)
    # What is added is one hit, and of every hit that both have 5% is missing.
    spread = [added + n_hits * 0.05**power for power in (2, 3)]
    strengths = strength_of_sums(added - 0.05 * n_hits, *spread, at_least=1 + MIN_LIFT)
    assert (strengths < -SIGNIFICANT).mean() <= 0.025 + 3 * (0.025 / 20_000) ** 0.5


@pytest.mark.parametrize(
    ("n_users", "mean_recall", "least", "most"),
    [
        (1_200, 0.05, 0.01, 0.08),  # four weeks like these cannot show +10%
        (3_600, 0.09, 0.3, 0.55),
        (12_000, 0.09, 0.9, 1.0),
    ],
)
def test_its_power_at_a_true_lift_of_ten_percent_in_a_first_look(
    n_users: int, mean_recall: float, least: float, most: float
) -> None:
    ten_percent = simulated(n_users, mean_recall, 0.1, n_evaluations=400)
    assert least <= share(ten_percent, PASS) <= most
    assert share(ten_percent, FAIL) <= 0.025


def test_a_bare_point_estimate_would_pass_a_small_shop_without_lift() -> None:
    assert simulated(1_200, 0.05, 0.0, n_evaluations=400).bare_passes().mean() > 0.2


def test_the_smallest_detectable_lift_passes_four_times_in_five() -> None:
    before = simulated(3_600, 0.09, 0.0, n_evaluations=1)
    measured = paired_lift(before.sql[0], before.blend[0], before.user)
    detectable = smallest_detectable_lift(measured, measured, min_lift=MIN_LIFT, asked=ASKED)
    assert share(simulated(3_600, 0.09, detectable, n_evaluations=400), PASS) == pytest.approx(0.8, abs=0.08)


# A small shop, one whose people have preferences of their own that last all year, and one that grows tenfold.
@pytest.mark.parametrize("shop", [Shop(100, 0.05), Shop(300, 0.09, preference=0.4), Shop(50, 0.09, growth=10)])
def test_without_any_lift_a_model_serves_in_at_most_five_years_of_a_hundred(shop: Shop) -> None:
    assert years(shop, 0.0, n_years=200).promoted_by(52) <= 0.05


def test_a_model_with_lift_is_promoted_and_stays() -> None:
    ten, twenty = (years(Shop(1_000, 0.09), lift, n_years=40) for lift in (0.1, 0.2))
    assert ten.promoted_by(13) >= 0.85
    assert twenty.promoted_by(4) >= 0.9
    assert twenty.serves.mean() >= 0.95


def test_a_kept_model_steps_down_when_it_is_worse_and_stays_when_it_is_better() -> None:
    harmful, useful = (kept_until(Shop(1_000, 0.09), lift, n_years=40) for lift in (-0.2, 0.1))
    assert (harmful <= 4).mean() >= 0.9
    assert (useful > 52).mean() >= 0.95


def test_the_arrays_add_up_evidence_as_the_gate_does() -> None:
    weeks = list(zip(range(6), Shop(60, 0.3).weeks(0.1, n_years=3), strict=False))
    arrays = Evidence(3, 8 * 60)
    for _, week in weeks:
        arrays.add(week)
    arrays.add(weeks[0][1], -1.0)
    for year in range(3):
        sql, blend = (np.concatenate([getattr(week, name)[year] for _, week in weeks[1:]]) for name in ("sql", "blend"))
        people = np.concatenate([week.people for _, week in weeks[1:]])
        assert arrays.everybody()[year] == pytest.approx(paired_lift(sql, blend, people).z)

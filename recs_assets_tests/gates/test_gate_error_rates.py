"""How often gate 1 is wrong: false passes at no lift, and its power at +10%, over thousands of simulated evaluations."""

import pytest

from recs_assets.gates.promotion import FAIL, PASS, gate_1
from recs_assets.ranking.statistics import paired_lift, smallest_detectable_lift
from recs_assets_tests.simulated_evaluations import MIN_LIFT, share, simulated


@pytest.mark.parametrize("lift", [-0.3, 0.0, 0.3])
def test_the_arrays_follow_the_rule_of_the_gate(lift: float) -> None:
    found = simulated(600, 0.1, lift, n_evaluations=15)
    assert [gate_1(found.per_user(number), min_lift=MIN_LIFT).decision for number in range(15)] == found.decisions().tolist()


def test_the_simulated_truth_is_what_was_asked_for() -> None:
    found = simulated(1_200, 0.05, 0.1, n_evaluations=500)
    assert found.blend.mean() / found.sql.mean() == pytest.approx(1.1, abs=0.01)
    assert found.sql.mean() == pytest.approx(0.05, rel=0.05)
    assert 1.2 < len(found.user) / 1_200 < 1.5


# From a small shop's four weeks (400 users) by the UCI log's (1,200) to 3,600 users at 9%.
@pytest.mark.parametrize(("n_users", "mean_recall"), [(400, 0.05), (1_200, 0.05), (3_600, 0.09)])
def test_without_any_lift_it_passes_at_most_five_times_in_a_hundred(n_users: int, mean_recall: float) -> None:
    assert share(simulated(n_users, mean_recall, 0.0, n_evaluations=1_000), PASS) <= 0.05


@pytest.mark.parametrize(
    ("n_users", "mean_recall", "least", "most"),
    [
        (1_200, 0.05, 0.08, 0.22),  # four weeks like these cannot show +10%
        (3_600, 0.09, 0.55, 0.75),
        (12_000, 0.09, 0.93, 1.0),
    ],
)
def test_its_power_at_a_true_lift_of_ten_percent(n_users: int, mean_recall: float, least: float, most: float) -> None:
    found = simulated(n_users, mean_recall, 0.1, n_evaluations=400)
    assert least <= share(found, PASS) <= most
    assert share(found, FAIL) <= 0.05


def test_a_bare_point_estimate_would_pass_a_small_shop_without_lift() -> None:
    found = simulated(1_200, 0.05, 0.0, n_evaluations=400)
    assert found.bare_passes().mean() > 0.2


def test_the_smallest_detectable_lift_shows_itself_four_times_in_five() -> None:
    before = simulated(3_600, 0.09, 0.0, n_evaluations=1)
    detectable = smallest_detectable_lift(paired_lift(before.sql[0], before.blend[0], before.user))
    found = simulated(3_600, 0.09, detectable, n_evaluations=400)
    lift, reach = found.lift(found.everybody)
    assert (lift - reach > 0).mean() == pytest.approx(0.8, abs=0.06)

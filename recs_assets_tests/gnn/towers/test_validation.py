"""Crosswise validation: luck does not count, scales fall from cold to hot, and towers without effect are not kept."""

import math
from dataclasses import replace

import numpy as np
import pytest

from recs_assets.gnn.towers.validation import SCALES, People, Tried, best_choice, crosswise, earned, tried
from recs_assets.ranking.arrays import Floats
from recs_assets_tests.gnn.towers.one_example import tower_example, tower_settings
from recs_assets_tests.simulated_towers import World, no_effect

FORTY = People(user=np.arange(40), stratum=np.zeros(40, dtype=np.int64), week=np.arange(40) % 4)
COLD, WARM, HOT = 0, 1, 2


def _under(*nll: Floats, recall: float = 0.5) -> Tried:
    """Figures under the scales 0, 1/16, ...: those given, and so high a loss under the others that nobody chooses them."""
    rows = np.full((len(SCALES), len(nll[0])), 99.0)
    rows[: len(nll)] = nll
    return Tried(rows, np.full(rows.shape, recall))


def test_figures_under_each_scale_by_hand() -> None:
    # u1 to u4 take p1 to p4, of five parts that score the same; a dot product of log 4 lifts u1's p1 and u2's p1.
    example = tower_example(tower_settings())
    dots = np.zeros((4, 5))
    dots[:2, 0] = math.log(4)
    figures = tried([example], [dots.ravel()])
    twice = People.of([example, example])
    assert (twice.user.tolist(), twice.week.tolist()) == ([0, 1, 2, 3] * 2, [0] * 4 + [1] * 4)
    assert twice.stratum.tolist() == [WARM, WARM, WARM, COLD] * 2
    np.testing.assert_allclose(figures.nll[0], math.log(5))
    np.testing.assert_allclose(figures.nll[SCALES.tolist().index(1.0)], np.log([8 / 4, 8, 5, 5]))
    np.testing.assert_allclose(figures.nll[SCALES.tolist().index(0.5)], np.log([6 / 2, 6, 5, 5]))
    np.testing.assert_array_equal(figures.recall, 1.0)  # ten of five parts
    nobody = tried([], [])
    assert (nobody.nll.shape, nobody.recall.shape) == ((6, 0), (6, 0))


def test_each_stratum_chooses_its_scale_but_none_more_than_one_that_is_known_less() -> None:
    stratum = np.array([COLD, WARM, HOT, HOT])
    own = np.full((6, 4), 5.0)
    own[4, 0], own[2, 1], own[1, 2:] = 4.0, 4.0, 4.5
    choice = best_choice([own], stratum)
    assert choice.by_stratum == {"cold": 0.5, "warm": 0.125, "hot": 0.0625}
    assert choice.gain == pytest.approx((1 + 1 + 0.5 + 0.5) / 4)
    # A warm person who would like more than cold ones: the two share a scale, here that of the one who gains more.
    own[2, 1], own[5, 1] = 5.0, 3.0
    own[5, 0] = 5.5
    assert best_choice([own], stratum).by_stratum == {"cold": 1.0, "warm": 1.0, "hot": 0.0625}


def test_the_first_of_equal_epochs_and_the_smallest_of_equal_scales_are_chosen() -> None:
    better = np.full((6, 40), 5.0)
    better[3:] = 4.0
    choice = best_choice([np.full((6, 40), 5.0), better, better], FORTY.stratum)
    assert (choice.epoch, choice.gain) == (2, 1.0)
    assert choice.by_stratum == {"cold": 0.25, "warm": 0.0, "hot": 0.0}, "a stratum of nobody gets as little as may be"


def test_the_best_of_many_tries_is_measured_without_its_luck() -> None:
    # The first epoch is all luck of the even weeks, the second of the odd ones.
    even, same = np.where(FORTY.week % 2 == 0, -1.0, 1.0), np.full(40, 5.0)
    lucky = [_under(same, same + 0.9 * even), _under(same, same - 0.9 * even)]
    assert crosswise(FORTY, lucky).nll.tolist() == [[5.9] * 40]
    # A try that is better for everybody is better crosswise too.
    assert crosswise(FORTY, [_under(same, same - 0.5)]).nll.tolist() == [[4.5] * 40]


def test_towers_earn_the_scales_of_their_best_epoch_where_the_interval_lies_below_zero() -> None:
    same = np.full(40, 5.0)
    gained = same - np.where(FORTY.user % 5 < 4, 0.5, 0.0)
    shown = earned(FORTY, [_under(same, same + 1), _under(same, gained)], 0.99)
    assert shown is not None
    assert shown.scales == {"cold": 0.0625, "warm": 0.0, "hot": 0.0}
    assert (shown.choice.epoch, shown.choice.gain, shown.nll.mean) == (2, 0.4, pytest.approx(-0.4))
    # Half of them gain as much as the others lose: whatever is chosen proves nothing.
    mixed = same + np.where(FORTY.user < 20, 0.5, -0.51)
    doubtful = earned(FORTY, [_under(same, mixed)], 0.99)
    assert doubtful is not None
    assert doubtful.choice.by_stratum["cold"] == 0.0625
    assert not any(doubtful.scales.values())


def test_what_helps_in_three_weeks_and_not_in_the_fourth_is_not_kept_however_sure_it_is() -> None:
    same = np.full(40, 5.0)
    by_fashion = same + np.where(FORTY.week == 3, 0.01, -0.5)
    shown = earned(FORTY, [_under(same, by_fashion)], 0.99)
    assert shown is not None
    assert shown.nll.high < 0
    assert shown.weeks == pytest.approx([-0.5, -0.5, -0.5, 0.01])
    assert not any(shown.scales.values())


def test_what_makes_recall_worse_is_not_kept_however_likely_it_makes_what_people_took() -> None:
    same = np.full(40, 5.0)
    figures = _under(same, same - 0.5)
    worse = replace(figures, recall=np.where(np.arange(6)[:, None] > 0, 0.1, 0.9) * np.ones((6, 40)))
    shown = earned(FORTY, [worse], 0.99)
    assert shown is not None
    assert shown.nll.high < 0
    assert shown.recall.z < -1.645
    assert not any(shown.scales.values())


def test_towers_that_change_nothing_or_nobody_or_were_never_trained_earn_nothing() -> None:
    same = _under(*np.full((6, 40), 5.0))
    shown = earned(FORTY, [same], 0.99)
    assert shown is not None
    assert (shown.nll.mean, any(shown.scales.values())) == (0.0, False)
    nobody = People(*np.empty((3, 0), np.int64))
    assert earned(nobody, [_under(*np.empty((6, 0)))], 0.99) is None
    assert earned(FORTY, [], 0.99) is None


def test_a_single_week_shows_nothing() -> None:
    one_week = replace(FORTY, week=np.zeros(40, dtype=np.int64))
    shown = earned(one_week, [_under(np.full(40, 5.0), np.full(40, 4.0))], 0.99)
    assert shown is not None
    assert (shown.choice.gain, any(shown.scales.values())) == (1.0, False)


@pytest.mark.long
def test_noise_is_kept_in_one_of_a_hundred_worlds_at_most_though_the_best_of_many_tries_looks_better_in_most() -> None:
    # The command of a thousand larger worlds: python -m recs_assets_tests.benchmarks.towers_without_effect.
    worlds = [no_effect(World(n_users=40, n_parts=20, n_epochs=4), np.random.default_rng(seed)) for seed in range(200)]
    shown = [of_world for people, epochs in worlds if (of_world := earned(people, epochs, 0.99)) is not None]
    assert sum(of_world.choice.gain > 0 for of_world in shown) > 150
    assert sum(any(of_world.scales.values()) for of_world in shown) <= 2

"""What popularity is read off, by hand, for the five parts of the five users.

p1 was viewed 20 days ago, p2 ordered by two people 20 days ago and viewed 40 days ago, p3 viewed 20 and ordered 40 days ago.
"""

import numpy as np
import pytest

from recs_assets.gnn.channels.popularity import HALF_LIVES, N_WEEKS, POPULARITY, TRAITS, popularity_inputs
from recs_assets_tests.gnn import five_users

NAMES = (*HALF_LIVES, *TRAITS)
MODEL = five_users.settings().model


def _inputs(**world: list[five_users.Event]) -> dict[str, list[float]]:
    inputs = popularity_inputs(five_users.past_of(five_users.world(**world)), MODEL)
    assert inputs.dtype == np.float32
    return dict(zip(NAMES, inputs.T.tolist(), strict=True))


def test_there_are_three_half_lives_and_nine_traits() -> None:
    assert (*HALF_LIVES, "popularity_learned") == POPULARITY
    assert len(TRAITS) == N_WEEKS + 3 == 9


def test_decayed_weights_are_in_means() -> None:
    inputs = _inputs()
    # Half-life 20: p1 1/2; p2 3/2 + 1/4 + 3/2; p3 3/4 + 1/2; the mean is 1. Half-life 10, in sixteenths: 4, 25, 7, the mean 7.2.
    assert inputs["popularity_slow"] == pytest.approx([0.5, 3.25, 1.25, 0, 0])
    assert inputs["popularity_middle"] == pytest.approx([4 / 7.2, 25 / 7.2, 7 / 7.2, 0, 0])
    assert inputs["popularity_fast"] == pytest.approx([16 / 26.4, 97 / 26.4, 19 / 26.4, 0, 0])


def test_the_people_of_a_week_count_once_each_and_as_logarithms() -> None:
    inputs = _inputs()
    # Two weeks ago 1, 2, 1, 0, 0 people, the mean 0.8: the logarithms of 1.26, 2.26, 1.26, 0.26, 0.26 (over 1.06), standardised.
    assert inputs["people_2_weeks_ago"] == pytest.approx([0.5752, 1.2284, 0.5752, -1.1894, -1.1894], abs=1e-4)
    # Five weeks ago one person each for p2 and p3: two of five that differ from the others.
    assert inputs["people_5_weeks_ago"] == pytest.approx([-np.sqrt(2 / 3), *[np.sqrt(3 / 2)] * 2, *[-np.sqrt(2 / 3)] * 2])
    for week in (0, 1, 3, 4):
        assert inputs[f"people_{week}_weeks_ago"] == [0.0] * 5
    twice = [*five_users.PAST, ("u2", "p2", "view", 19), ("u2", "p2", "order", 15)]
    assert _inputs(events=twice)["people_2_weeks_ago"] == inputs["people_2_weeks_ago"]


def test_the_age_of_a_part_is_since_its_first_event_and_unknown_where_it_has_none() -> None:
    inputs = _inputs()
    # p1 is 20 days old, p2 and p3 are 40: one of three that differs by two steps from the others' mean.
    assert inputs["log_age"] == pytest.approx([-np.sqrt(2), np.sqrt(1 / 2), np.sqrt(1 / 2), 0, 0])
    for days in (42, 14):
        assert inputs[f"younger_than_{days}_days"] == pytest.approx([np.sqrt(2), -np.sqrt(1 / 2), -np.sqrt(1 / 2), 0, 0])


def test_a_store_that_nobody_has_visited_says_nothing() -> None:
    inputs = _inputs(events=[("u1", "p1", "view", -1)])
    assert all(values == [0.0] * 5 for values in inputs.values())

"""What popularity is read off, by hand, for the five parts of the five users."""

import numpy as np

from recs_assets.gnn.channels.popularity import decayed_counts, popularity_inputs
from recs_assets_tests.gnn import five_users

MODEL = five_users.settings().model


def test_decayed_weights_are_in_means() -> None:
    inputs = popularity_inputs(decayed_counts(five_users.past_of(five_users.world()), MODEL))
    # Half-life 20: p1 1/2; p2 3/2 + 1/4 + 3/2; p3 3/4 + 1/2; the mean is 1. Half-life 10, in sixteenths: 4, 25, 7, the mean 7.2.
    # Half-life 5, in 256ths: 16, 97, 19, the mean 26.4.
    expected = [[16 / 26.4, 97 / 26.4, 19 / 26.4, 0, 0], [4 / 7.2, 25 / 7.2, 7 / 7.2, 0, 0], [0.5, 3.25, 1.25, 0, 0]]
    np.testing.assert_allclose(inputs.T, expected, rtol=1e-6)
    assert inputs.dtype == np.float32


def test_a_store_that_nobody_has_visited_says_nothing() -> None:
    past = five_users.past_of(five_users.world(events=[("u1", "p1", "view", -1)]))
    assert not popularity_inputs(decayed_counts(past, MODEL)).any()

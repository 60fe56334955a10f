"""The walk that forgets nothing, by hand: it goes where people go whenever they went, and weighs that against everybody."""

import math

import numpy as np
import pytest
from scipy import sparse

from recs_assets.gnn.channels.evidence import Evidence, feature_names
from recs_assets.gnn.channels.optional import with_selected
from recs_assets.gnn.channels.undecayed_walk import NAME, UndecayedWalk
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import past_of, world

MODEL = with_selected(five_users.settings().model, [NAME])
# u1 touched p1 and p2, u2 p2 and p3, u3 p3. From a part to its people and on to theirs, all alike:
# u1: 1/2 p1 + 1/2 p2 -> u1 3/4, u2 1/4 -> p1 3/8, p2 4/8, p3 1/8.
# u2: 1/2 p2 + 1/2 p3 -> u1 1/4, u2 1/2, u3 1/4 -> p1 1/8, p2 3/8, p3 4/8.
# u3: p3 -> u2 1/2, u3 1/2 -> p2 1/4, p3 3/4.
ENDS = [[3 / 8, 4 / 8, 1 / 8, 0, 0], [1 / 8, 3 / 8, 4 / 8, 0, 0], [0, 1 / 4, 3 / 4, 0, 0]]
# People a part: 1, 2, 2, 0, 0; their mean is 1 and the floor 0.02, so that all are 5.1.
SHARES = [1.02 / 5.1, 2.02 / 5.1, 2.02 / 5.1, 0.02 / 5.1, 0.02 / 5.1]
LIFTS = [[math.log((end / share + 0.3) / 1.3) for end, share in zip(ends, SHARES, strict=True)] for ends in ENDS]


@pytest.mark.parametrize("days_before", [0, 1_000])
def test_it_ends_where_people_ever_went_against_how_many_come_there(days_before: int) -> None:
    events = [(user, part, kind, days + days_before) for user, part, kind, days in five_users.PAST]
    walk = UndecayedWalk(past_of(world(events, five_users.OWNED)), n_asked=3)
    lift = walk.lift(np.arange(3), sparse.csr_array(np.ones((3, 5), dtype=bool)))
    np.testing.assert_allclose(lift.reshape(3, 5), LIFTS, rtol=1e-5)


def test_it_says_nothing_of_people_without_a_history_and_stands_last_among_the_channels() -> None:
    users = np.array([3, 1, 4])
    features = Evidence(past_of(world()), MODEL).features(users, sparse.csr_array(np.ones((3, 5), dtype=bool)))
    assert feature_names(MODEL)[-1] == "walk_undecayed"
    np.testing.assert_allclose(features[:, -1].reshape(3, 5), [[0.0] * 5, LIFTS[1], [0.0] * 5], rtol=1e-5)


def test_the_other_channels_are_the_same_bits_with_and_without_it() -> None:
    every_part = sparse.csr_array(np.ones((5, 5), dtype=bool))
    past, without = past_of(world()), with_selected(MODEL, [])
    alone, beside = (Evidence(past, settings).features(np.arange(5), every_part) for settings in (without, MODEL))
    assert np.array_equal(alone, beside[:, :-1])

"""EASE as a channel, by hand: what each part of a history says of another, all the others considered."""

import numpy as np
import pytest
from scipy import sparse

from recs_assets.gnn.channels import ease
from recs_assets.gnn.channels.ease import Ease
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import past_of, world

# u1 touched p1 and p2, u2 p2 and p3, u3 p3: X'X is 1 1 0 / 1 2 1 / 0 1 2, and 200 more on its diagonal. The inverse is, up to one
# factor, 40803 -202 1 / -202 40602 -201 / 1 -201 40601. The weight from part i to part j is its entry ij over jj, negative.
P1, P2, P3 = 40803, 40602, 40601
EVERY_PART = sparse.csr_array(np.ones((5, 5), dtype=bool))
SCORES = [
    [202 / P1, 202 / P2, (201 - 1) / P3, 0, 0],
    [(202 - 1) / P1, 201 / P2, 201 / P3, 0, 0],
    [-1 / P1, 201 / P2, 0, 0, 0],
    [0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0],
]


@pytest.mark.parametrize("days_before", [0, 1_000])
def test_scores_are_ten_times_the_sum_of_the_weights_from_all_parts_ever_touched(days_before: int) -> None:
    events = [(user, part, kind, days + days_before) for user, part, kind, days in five_users.PAST]
    scores = Ease(past_of(world(events, five_users.OWNED))).scores(np.arange(5), EVERY_PART)
    np.testing.assert_allclose(scores.reshape(5, 5), 10 * np.array(SCORES), rtol=1e-4, atol=1e-5)


def test_only_candidates_are_scored_and_each_row_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Ease(past_of(world()))
    whole = channel.scores(np.array([2, 0, 1]), EVERY_PART[:3])
    candidates = sparse.csr_array(np.array([[1, 0, 1, 0, 0], [0, 0, 0, 0, 1], [0, 1, 1, 0, 0]], dtype=bool))
    expected = whole.reshape(3, 5)[candidates.toarray()]
    for at_once, threads in ((512, 1), (1, 1), (1, 2)):
        monkeypatch.setattr(ease, "HISTORIES_AT_ONCE", at_once)
        assert np.array_equal(channel.scores(np.array([2, 0, 1]), candidates, threads), expected)


def test_the_weight_between_two_parts_is_none_where_either_has_none() -> None:
    between = Ease(past_of(world())).between(np.array([1, 2, 0, 3, 0]), np.array([0, 1, 0, 1, 4]))
    np.testing.assert_allclose(between, [202 / P1, 201 / P2, 0, 0, 0], rtol=1e-4)


def test_of_too_many_parts_the_most_touched_ones_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "MAX_PARTS", 2)
    channel = Ease(past_of(world()))
    # p2 and p3, two people each: 202 1 / 1 202.
    scores = channel.scores(np.arange(3), EVERY_PART[:3]).reshape(3, 5)
    np.testing.assert_allclose(scores, 10 * np.array([[0, 0, 1, 0, 0], [0, 1, 1, 0, 0], [0, 1, 0, 0, 0]]) / 202, rtol=1e-4)
    assert channel.between(np.array([0, 1]), np.array([1, 0])).tolist() == [0, 0]


def test_a_shop_without_events_says_nothing() -> None:
    channel = Ease(past_of(world(five_users.FUTURE[:1])))
    assert not channel.past.n_events.any()
    assert channel.scores(np.zeros(0, dtype=np.int64), EVERY_PART[:0]).tolist() == []

"""Learning weights from hidden items."""

import math

import numpy as np
import pytest
from scipy import sparse

from recs_assets import settings_file
from recs_assets.experiments.reference import mixture
from recs_assets.experiments.reference.evidence import CHANNELS, StaticEvidence

# Users with three candidates each. The second channel says nothing; by the first the third candidate stands out.
EVIDENCE = np.array([[1, 5], [1, 5], [3, 5]] * 4, dtype=np.float32)
STARTS = np.arange(0, 13, 3)


def _pool(targets: list[int], state: list[float]) -> mixture.Pool:
    is_target = np.zeros(12, dtype=bool)
    is_target[targets] = True
    return mixture.Pool(EVIDENCE, is_target, STARTS, np.array(state))


def test_the_weight_makes_the_softmax_as_sure_as_the_targets_are() -> None:
    # Targets: the third candidate for three users of four, the first for one. The likeliest score of the third above the
    # others is t with e^t / (2 + e^t) = 3/4, so t = log 6. The bend is a tenth of the median, 0.1: t = weight x log(31 / 11).
    fitted = mixture.fit([_pool([2, 5, 8, 9], [0.0, 0.0, 0.0, 0.0])])
    np.testing.assert_allclose(fitted.epsilon, [0.1, 0.5])
    assert fitted.base[0] == pytest.approx(math.log(6) / math.log(31 / 11), rel=0.01)
    assert fitted.base[1] == pytest.approx(0, abs=1e-6)
    assert fitted.slope.tolist() == pytest.approx([0, 0], abs=1e-6)


def test_users_in_another_state_get_other_weights() -> None:
    # Of ten users in state 1 nine have the third candidate as target, in state 3 two: it is above the others by log(2 x 9 / 1)
    # and by log(2 x 2 / 8).
    low = [_pool([2, 5, 8, 11], [1.0] * 4)] * 9 + [_pool([0, 3, 6, 9], [1.0] * 4)]
    high = [_pool([2, 5, 8, 11], [3.0] * 4)] * 2 + [_pool([0, 3, 6, 9], [3.0] * 4)] * 8
    fitted = mixture.fit(low + high)
    assert (fitted.mean, fitted.deviation) == (2.0, 1.0)
    step = math.log(31 / 11)
    assert (fitted.base[0] - fitted.slope[0]) * step == pytest.approx(math.log(18), rel=0.02)
    assert (fitted.base[0] + fitted.slope[0]) * step == pytest.approx(math.log(4 / 8), rel=0.02)


def test_a_pool_holds_what_any_channel_ranks_high_without_what_the_user_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixture, "POOL_PER_CHANNEL", 1)
    # The walk leads user 0 from item 0 to item 1 (through user 1), the popular item is 3.
    kept = sparse.csr_array(np.array([[1.0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 1, 1]]))
    hidden = sparse.csr_array(np.array([[0.0, 1, 0, 0]] + [[0.0] * 4] * 4))
    pool = mixture.pool(kept, hidden, ("popularity", "walk"), settings_file.load(), np.random.default_rng(0), 10)
    assert pool.starts.tolist() == [0, 2]
    assert pool.is_target.tolist() == [True, False]
    np.testing.assert_allclose(pool.evidence[:, 1], [1 / 4, 0])  # item 0 -> user 1 (1/2) -> item 1 (1/2); item 3 is not reached
    assert pool.state.tolist() == [0.0]


def test_the_score_is_the_weighted_sum_of_the_logs() -> None:
    train = sparse.csr_array(np.array([[1.0, 1, 0], [0, 1, 0], [1, 0, 1]]))
    fitted = mixture.Mixture(np.array([0.5, 0.25]), np.array([2.0, 3.0]), np.array([1.0, -1.0]), mean=0.0, deviation=2.0)
    scores = fitted.score(StaticEvidence(train, ("popularity", "walk"), settings_file.load()), np.array([0, 1]))
    # User 0 has two items: state log 2 / 2. User 1 has one: state 0. Evidence as in test_evidence.
    state, floor = math.log(2) / 2, 0.02 * 5 / 3
    first = (2 + state) * math.log(1 + (2 + floor) / 0.5) + (3 - state) * math.log(1 + 3 / 8 / 0.25)
    second = 2 * math.log(1 + (1 + floor) / 0.5)
    np.testing.assert_allclose([scores[0, 0], scores[1, 2]], [first, second], rtol=1e-5)


def test_what_two_groups_have_in_common_is_learned() -> None:
    # Two groups of users, each with twelve items of its own: the walk knows, popularity does not.
    rng = np.random.default_rng(1)
    in_group = np.kron(np.eye(2), np.ones((60, 12)))
    train = sparse.csr_array(in_group * (rng.random(in_group.shape) < 0.7))
    fitted = mixture.learn(train, CHANNELS, settings_file.load())
    scores = fitted.score(StaticEvidence(train, CHANNELS, settings_file.load()), np.arange(120))
    own, other = (np.where(in_group == group, scores, nothing) for group, nothing in ((1, np.inf), (0, -np.inf)))
    assert (own.min(axis=1) > other.max(axis=1)).all()

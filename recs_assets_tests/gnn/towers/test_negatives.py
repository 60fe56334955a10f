"""Slates: all candidates, or targets and draws whose expected number is what log Q says."""

import numpy as np
import pytest
from scipy import sparse

from recs_assets.gnn.towers.negatives import Sampler
from recs_assets.model_settings import NegativesSettings
from recs_assets.ranking.arrays import Floats32

# User 0 may be shown parts 0 to 3, with target 1; user 1 parts 1, 2, 4, with target 4. Entries count along the rows: 0-3, 4-6.
CANDIDATES = sparse.csr_array(np.array([[1, 1, 1, 1, 0], [0, 1, 1, 0, 1]], dtype=bool))
TARGETS = np.array([0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.5])
NO_LOG_Q = np.zeros(7, dtype=np.float32)
SCORES = np.arange(7.0)
FITS = np.array([True, False, True, False, False, False, False])
DRAWS = 4_000


def _sampler(per_user: int | None, in_batch: float, random: float, hard: float, log_q: Floats32 = NO_LOG_Q) -> Sampler:
    shares = {"in_batch": in_batch, "random": random, "fitment_hard": hard}
    return Sampler(CANDIDATES, TARGETS, log_q, SCORES, FITS, NegativesSettings(per_user=per_user, **shares))


def _sampled(sampler: Sampler) -> list[dict[int, float]]:
    """How often each entry is sampled as a negative, per user, and that Q is just that."""
    slates = sampler.slates(np.random.default_rng(0))
    counts_by_user = []
    for user in range(2):
        negatives = slates.is_candidate[user] & (TARGETS[slates.entry[user]] == 0)
        entries, counts = np.unique(slates.entry[user][negatives], return_counts=True)
        expected = {int(entry): float(np.exp(q)) for entry, q in zip(slates.entry[user], slates.log_q[user], strict=True)}
        assert counts == pytest.approx([expected[int(entry)] for entry in entries], rel=0.1)
        counts_by_user.append(dict(zip(entries.tolist(), counts.tolist(), strict=True)))
    return counts_by_user


def test_without_a_number_every_candidate_is_there_once() -> None:
    slates = _sampler(None, 0.0, 1.0, 0.0).slates(np.random.default_rng(0))
    assert slates.entry.tolist() == [[0, 1, 2, 3], [4, 5, 6, 0]]
    assert slates.is_candidate.tolist() == [[True] * 4, [True, True, True, False]]
    assert not slates.log_q.any()


def test_candidates_that_are_a_sample_themselves_are_corrected_for_it() -> None:
    # User 0 was left every second candidate beside its target, user 1 every fourth.
    log_q = np.log(np.array([0.5, 1.0, 0.5, 0.5, 0.25, 0.25, 1.0], dtype=np.float32))
    every = _sampler(None, 0.0, 1.0, 0.0, log_q).slates(np.random.default_rng(0))
    np.testing.assert_allclose(np.exp(every.log_q), [[0.5, 1.0, 0.5, 0.5], [0.25, 0.25, 1.0, 1.0]])
    # Two random draws among four and three candidates, of which as many were sampled.
    sampled = _sampler(2, 0.0, 1.0, 0.0, log_q).slates(np.random.default_rng(0))
    for user, expected in enumerate((2 / 4 * 0.5, 2 / 3 * 0.25)):
        of_negatives = sampled.log_q[user, 1:][sampled.is_candidate[user, 1:]]
        assert len(of_negatives)
        np.testing.assert_allclose(np.exp(of_negatives), expected, rtol=1e-6)


def test_targets_come_first_with_nothing_to_correct() -> None:
    slates = _sampler(2, 0.0, 1.0, 0.0).slates(np.random.default_rng(0))
    assert slates.entry[:, 0].tolist() == [1, 6]
    assert slates.log_q[:, 0].tolist() == [0.0, 0.0]
    assert slates.entry.shape == (2, 3)


def test_random_negatives_are_uniform_and_accidental_hits_are_masked() -> None:
    of_first, of_second = _sampled(_sampler(DRAWS, 0.0, 1.0, 0.0))
    assert set(of_first) == {0, 2, 3}
    assert set(of_second) == {4, 5}
    assert of_first[0] == pytest.approx(DRAWS / 4, rel=0.1)


def test_in_batch_negatives_are_targets_of_others_where_they_are_candidates() -> None:
    # Parts 1 and 4 are targets. User 0 has target 1 itself and may not be shown 4; user 1 may be shown 1, its entry 4.
    of_first, of_second = _sampled(_sampler(DRAWS, 1.0, 0.0, 0.0))
    assert of_first == {}
    assert of_second == {4: pytest.approx(DRAWS / 2, rel=0.1)}


def test_hard_negatives_fit_the_garage_or_are_all_where_nothing_fits() -> None:
    of_first, of_second = _sampled(_sampler(DRAWS, 0.0, 0.0, 1.0))
    assert of_first == {0: pytest.approx(DRAWS / 2, rel=0.1), 2: pytest.approx(DRAWS / 2, rel=0.1)}
    assert set(of_second) == {4, 5}


def test_a_mixture_expects_the_sum_of_its_parts() -> None:
    of_first, _ = _sampled(_sampler(DRAWS, 0.25, 0.5, 0.25))
    assert of_first[0] == pytest.approx(DRAWS * (0.5 / 4 + 0.25 / 2), rel=0.1)


def test_shares_that_both_round_up_leave_no_count_below_zero() -> None:
    slates = _sampler(3, 0.5, 0.0, 0.5).slates(np.random.default_rng(1))
    n_targets = _sampler(1, 0.0, 1.0, 0.0).slates(np.random.default_rng(1)).entry.shape[1] - 1
    assert slates.entry.shape[1] == n_targets + 3


def test_the_same_seed_samples_the_same() -> None:
    sampler = _sampler(20, 0.4, 0.3, 0.3)
    one, other, third = (sampler.slates(np.random.default_rng(seed)).entry.tolist() for seed in (3, 3, 4))
    assert one == other
    assert one != third


def test_shares_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(ValueError, match="must sum to 1"):
        NegativesSettings(per_user=10, in_batch=0.5, random=0.5, fitment_hard=0.5)

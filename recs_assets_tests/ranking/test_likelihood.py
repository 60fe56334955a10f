import numpy as np
import pytest
from scipy import sparse

from recs_assets.ranking.likelihood import negative_log_likelihood, surprisals


def test_equal_scores_are_as_unsure_as_their_number_and_better_ones_surer() -> None:
    candidates = sparse.csr_array(np.array([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0]]))
    scores = np.array([0.0, 0.0, 0.0, np.log(3.0), 0.0, 7.0])
    is_target = np.array([True, False, True, False, True, False])

    losses = negative_log_likelihood(scores, is_target, candidates)

    # Three equal candidates; nobody's row; the lesser of shares 3/4 and 1/4; a candidate that was not taken.
    assert losses[[0, 2]] == pytest.approx([np.log(3.0), np.log(4.0)])
    assert np.isnan(losses[[1, 3]]).all()


def test_a_row_s_own_constant_changes_nothing_however_large() -> None:
    candidates = sparse.csr_array(np.ones((1, 3)))
    scores, is_target = np.array([1.0, 2.0, -1.0]), np.array([False, True, False])

    plain = negative_log_likelihood(scores, is_target, candidates)

    assert negative_log_likelihood(scores + 5000.0, is_target, candidates) == pytest.approx(plain)
    assert plain == pytest.approx(np.log(np.exp(scores).sum()) - 2.0)


def test_without_a_single_candidate_nobody_has_a_likelihood() -> None:
    losses = negative_log_likelihood(np.empty(0), np.empty(0, dtype=bool), sparse.csr_array((2, 3)))

    assert np.isnan(losses).all()
    assert len(losses) == 2


def test_each_candidate_surprises_by_its_own_share_of_its_row() -> None:
    candidates = sparse.csr_array(np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]]))
    asked = surprisals(np.array([np.log(3.0), 0.0, 5.0]), np.array([2, 1, 0, 1]), candidates)
    assert asked == pytest.approx([0.0, np.log(4.0), np.log(4.0 / 3.0), np.log(4.0)])
    assert surprisals(np.empty(0), np.empty(0, dtype=np.int64), sparse.csr_array((2, 3))).tolist() == []

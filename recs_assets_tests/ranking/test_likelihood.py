import numpy as np
import pytest
from scipy import sparse

from recs_assets.ranking.likelihood import mean_change, negative_log_likelihood, surprisals


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


def test_a_change_of_the_mean_is_as_sure_as_its_users_agree() -> None:
    # Differences 1, 3 of one user, -1 of another, 1 of a third: mean 1, left over 2, -2 and 0, so s^2 = 3/2 x 8 / 16 = 3/4.
    changed = mean_change(np.array([5.0, 5.0, 5.0, 5.0]), np.array([6.0, 8.0, 4.0, 6.0]), np.array(["a", "a", "b", "c"]))
    assert (changed.mean, changed.n_users) == (1.0, 3)
    assert changed.z == pytest.approx(1 / np.sqrt(0.75))
    assert (changed.low, changed.high) == pytest.approx((1 - 1.959964 * np.sqrt(0.75), 1 + 1.959964 * np.sqrt(0.75)))
    wider = mean_change(np.zeros(2), np.array([0.0, 2.0]), np.arange(2), level=0.01)
    # Left over -1 and 1: s^2 = 2 x 2 / 4 = 1.
    assert (wider.low, wider.high) == pytest.approx((1 - 2.575829, 1 + 2.575829))


def test_rows_without_a_likelihood_do_not_count_and_must_lack_it_in_both() -> None:
    before, users = np.array([1.0, np.nan, 2.0]), np.array([1, 2, 3])
    assert mean_change(before, before - 0.5, users).mean == -0.5
    assert mean_change(before, before - 0.5, users).n_users == 2
    with pytest.raises(ValueError, match="rows do not pair: 2 have a number before and 3 after"):
        mean_change(before, np.array([1.0, 1.0, 2.0]), users)


def test_users_who_all_agree_are_sure_and_one_alone_is_not() -> None:
    two = np.array([1, 2])
    assert mean_change(np.zeros(2), np.zeros(2), two).z == 0.0
    assert mean_change(np.zeros(2), np.full(2, -0.5), two).z == -np.inf
    alone = mean_change(np.zeros(2), np.array([0.0, 1.0]), np.array([1, 1]))
    assert alone.mean == 0.5
    assert np.isnan([alone.low, alone.high, alone.z]).all()
    assert np.isnan(mean_change(np.empty(0), np.empty(0), np.empty(0)).mean)

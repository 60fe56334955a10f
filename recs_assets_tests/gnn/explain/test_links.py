"""Links of sparse matrices, and which of a row's links counts most, worked by hand."""

import numpy as np
import pytest
from scipy import sparse

from recs_assets.gnn.explain.links import links, loss, n_in_both, strongest


def test_links_stand_by_row_and_then_column() -> None:
    unsorted = sparse.csr_array((np.array([3.0, 2.0]), np.array([2, 1]), np.array([0, 2])), shape=(1, 3))
    rows, columns, values = links(unsorted)
    assert (rows.tolist(), columns.tolist(), values.tolist()) == ([0, 0], [1, 2], [2.0, 3.0])


def test_the_strongest_link_of_each_row_ties_to_the_smaller_column() -> None:
    rows, columns = np.array([0, 0, 0, 2, 2, 3, 4, 4]), np.array([1, 4, 7, 3, 5, 2, 0, 6])
    strength = np.array([1.0, 2.0, 2.0 * (1 + 1e-12), 0.5, np.inf, 0.0, np.inf, np.inf])
    assert strongest(rows, columns, strength, 5).tolist() == [4, -1, 5, -1, 0]


def test_a_link_is_worth_what_the_mean_loses_without_it() -> None:
    # Row 0: the mean of .1 (weight .8) and .6 (weight .2) is .2. Without the second it is .1; without the first it would rise.
    # Row 1: both are as close, and the mean stays. Row 2: nothing is left without the only one. Row 3: nothing is there.
    rows = np.array([0, 0, 1, 1, 2, 3])
    losses = loss(rows, np.array([0.8, 0.2, 0.3, 0.7, 1.0, 1.0]), np.array([0.1, 0.6, 0.4, 0.4, 0.5, 0.0]), 4)
    assert losses[1] == pytest.approx(0.1)
    assert 0 < losses[0] == losses[2] == losses[3] < 1e-300
    assert (losses[4], losses[5]) == (np.inf, 0.0)


def test_columns_that_two_rows_share_are_counted_once_for_equal_pairs() -> None:
    people = sparse.csr_array(np.array([[5.0, 1.0, 0.0, 2.0], [0.0, 3.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]))
    assert n_in_both(people, np.array([0, 1, 0, 2, 1]), np.array([1, 0, 0, 1, 0])).tolist() == [2, 2, 3, 0, 2]
    assert n_in_both(people, np.array([], dtype=np.int64), np.array([], dtype=np.int64)).tolist() == []

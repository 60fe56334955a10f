"""Sparse matrices small enough to read."""

import numpy as np
import pytest
from scipy import sparse

from recs_assets.ranking.sparse_matrices import (
    at,
    entry_of,
    incidence,
    look_up,
    normalise_rows,
    one_hot,
    row_of_entry,
    stable_order,
)

MATRIX = sparse.csr_array(np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 0.0], [4.0, 0.0, 5.0]]))


def test_repeated_edges_count_once_without_weights_and_add_up_with_them() -> None:
    edges = np.array([[0, 0, 1], [1, 1, 0]])
    assert incidence(edges, (2, 2)).toarray().tolist() == [[0, 1], [1, 0]]
    assert incidence(edges, (2, 2), np.array([2.0, 3.0, 7.0])).toarray().tolist() == [[0, 5], [7, 0]]


def test_columns_ascend_within_a_row_whatever_the_order_of_the_edges() -> None:
    assert incidence(np.array([[1, 0, 0], [0, 2, 1]]), (2, 3)).indices.tolist() == [1, 2, 0]


def test_one_hot_has_a_column_a_code_and_an_empty_row_without_one() -> None:
    assert one_hot(np.array([1, -1, 0, 1])).toarray().tolist() == [[0, 1], [0, 0], [1, 0], [0, 1]]
    assert one_hot(np.array([-1, -1])).shape == (2, 0)
    assert one_hot(np.array([0]), dtype=bool).dtype == bool


@pytest.mark.parametrize(("given", "expected"), [(np.float32, np.float32), (np.float64, np.float64), (np.int64, np.float64)])
def test_rows_are_divided_by_their_sums_and_empty_rows_stay_empty(given: type, expected: type) -> None:
    rows = normalise_rows(sparse.csr_array(np.array([[1, 3], [0, 0], [0, 5]], dtype=given)))
    assert rows.toarray().tolist() == [[0.25, 0.75], [0, 0], [0, 1]]
    assert rows.dtype == expected


def test_equal_keys_keep_their_order() -> None:
    assert stable_order(np.array([2, 0, 2, 1, 0]), 4).tolist() == [1, 4, 3, 0, 2]
    assert stable_order(np.array([], dtype=np.int64), 4).tolist() == []
    for outside in (-1, 4):
        with pytest.raises(ValueError, match="indices must be"):
            stable_order(np.array([2, outside]), 4)


def test_each_entry_has_its_row_and_each_pair_its_entry() -> None:
    assert row_of_entry(MATRIX).tolist() == [0, 0, 2, 2]
    assert entry_of(MATRIX, np.array([0, 2, 2]), np.array([2, 0, 2])).tolist() == [1, 2, 3]
    # (1, 1) would stand behind the two entries of row 0.
    assert entry_of(MATRIX, np.array([1]), np.array([1])).tolist() == [2]


def test_a_pair_is_found_only_where_it_is_stored() -> None:
    entries, is_there = look_up(MATRIX, np.array([0, 0, 1, 2, 2]), np.array([1, 0, 2, 0, 2]))
    assert is_there.tolist() == [True, False, False, True, True]
    assert entries[is_there].tolist() == [0, 2, 3]
    _, nowhere = look_up(sparse.csr_array((2, 3)), np.array([1]), np.array([2]))
    assert nowhere.tolist() == [False]


def test_entries_at_pairs() -> None:
    assert at(MATRIX, np.array([0, 0, 2]), np.array([1, 0, 2])).tolist() == [2.0, 0.0, 5.0]


def test_no_pairs_and_no_columns_give_no_entries() -> None:
    nobody = np.array([], dtype=np.int64)
    assert at(sparse.csr_array(np.eye(3)), nobody, nobody).tolist() == []
    assert at(sparse.csr_array((3, 0)), np.array([1]), np.array([-1])).tolist() == [0.0]

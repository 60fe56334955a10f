"""Evidence at candidates, worked by hand."""

import numpy as np
from scipy import sparse

from recs_assets.gnn.channels.candidate_pairs import CandidatePairs

CANDIDATES = sparse.csr_array(np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]], dtype=bool))


def test_evidence_is_read_at_the_candidates_in_their_order() -> None:
    pairs = CandidatePairs.of(CANDIDATES)
    assert pairs.at(sparse.csr_array(np.array([[0, 2, 3], [4, 0, 0], [0, 8, 0]]))).tolist() == [0, 3, 8]


def test_nothing_is_left_of_evidence_read_before() -> None:
    pairs = CandidatePairs.of(CANDIDATES)
    pairs.at(sparse.csr_array(np.ones((3, 3))))
    assert pairs.at(sparse.csr_array((3, 3))).tolist() == [0, 0, 0]


def test_some_rows_are_numbered_anew() -> None:
    places, within = CandidatePairs.of(CANDIDATES).of_rows(np.array([1, 2]))
    assert places.tolist() == [2]
    assert (within.row.tolist(), within.product.tolist(), within.shape) == ([1], [1], (2, 3))
    assert within.at(sparse.csr_array(np.array([[7, 7, 7], [4, 5, 6]]))).tolist() == [5]

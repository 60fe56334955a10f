"""Which parts a profile may be shown, on five parts and three profiles; and exact tops under ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from recs_assets.ranking.candidates import Catalogue, candidate_matrix, top_of_sparse

# Part 0 fits vehicle 0, part 1 fits vehicle 1, part 2 is universal, part 3 fits vehicle 0 but is not eligible,
# part 4 fits vehicle 0 and is a variant of part 0; part 5 is universal and not eligible.
CATALOGUE = Catalogue(
    eligible=np.array([True, True, True, False, True, False]),
    is_universal=np.array([False, False, True, False, False, True]),
    variant_group=np.array([7, -1, -1, -1, 7, -1]),
    part_type=np.full(6, -1),
    fits=sparse.csr_array(np.array([[1, 0], [0, 1], [0, 0], [1, 0], [1, 0], [0, 0]])),
)
GARAGES = sparse.csr_array(np.array([[1, 0], [1, 1], [0, 0]]))


def _shown(candidates: sparse.csr_array) -> list[list[int]]:
    return [np.flatnonzero(row).tolist() for row in candidates.toarray()]


def test_fitting_and_universal_parts_that_are_eligible():
    candidates = candidate_matrix(GARAGES, None, CATALOGUE, require_fitment=True, exclude_variants=True)
    assert _shown(candidates) == [[0, 2, 4], [0, 1, 2, 4], [2]]
    assert candidates.dtype == bool
    assert candidates.has_sorted_indices
    assert candidates.nnz == 8


def test_bought_parts_and_their_variants_are_left_out():
    bought = sparse.csr_array(np.array([[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0]]))
    with_variants = candidate_matrix(GARAGES, bought, CATALOGUE, require_fitment=True, exclude_variants=True)
    assert _shown(with_variants) == [[2], [0, 2, 4], []]
    parts_alone = candidate_matrix(GARAGES, bought, CATALOGUE, require_fitment=True, exclude_variants=False)
    assert _shown(parts_alone) == [[2, 4], [0, 2, 4], []]


def test_every_eligible_part_where_fitment_is_not_required_or_not_known():
    free = candidate_matrix(GARAGES, None, CATALOGUE, require_fitment=False, exclude_variants=True)
    assert _shown(free) == [[0, 1, 2, 4]] * 3
    no_fitment = Catalogue(CATALOGUE.eligible, CATALOGUE.is_universal, CATALOGUE.variant_group, CATALOGUE.part_type, fits=None)
    no_vehicles = sparse.csr_array((2, 0), dtype=bool)
    bought = sparse.csr_array(np.array([[0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]]))
    store = candidate_matrix(no_vehicles, bought, no_fitment, require_fitment=True, exclude_variants=True)
    assert _shown(store) == [[1, 2], [0, 1, 2, 4]]


def test_top_keeps_the_lower_product_of_a_tie():
    candidates = sparse.csr_array(np.array([[1, 1, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]], dtype=bool))
    scores = np.array([[1.0, 2.0, 1.0, 9.0], [5.0, 5.0, 5.0, 5.0], [0.0, -3.0, 0.0, 0.0]])
    lists = top_of_sparse(scores[candidates.toarray()], candidates, k=2)
    assert lists.to_numpy().tolist() == [[0, 1, 2.0], [0, 0, 1.0], [2, 1, -3.0]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(0, 15))
def test_top_is_what_sorting_everything_gives(seed, k, long):
    generator = np.random.default_rng(seed)
    mask = generator.random((7, 15)) < generator.random((7, 1))
    scores = generator.integers(-2, 3, mask.shape).astype(float)
    expected = [
        [profile, product, scores[profile, product]]
        for profile in range(7)
        for product in sorted(np.flatnonzero(mask[profile]), key=lambda p, row=scores[profile]: (-row[p], p))[:k]
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recs_assets.ranking.candidates.LONG", long)
        assert top_of_sparse(scores[mask], sparse.csr_array(mask), k).to_numpy().tolist() == expected


def test_scores_that_do_not_match_the_candidates_are_refused():
    candidates = sparse.csr_array(np.ones((1, 2), dtype=bool))
    with pytest.raises(ValueError, match="3 scores for 2 candidates"):
        top_of_sparse(np.zeros(3), candidates, 1)
    with pytest.raises(ValueError, match="1 of 2 candidate scores are not a number"):
        top_of_sparse(np.array([np.nan, 1.0]), candidates, 1)

"""Which parts a profile may be shown, and the best of them by score."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from recs_assets.ranking.arrays import (
    Flags,
    Floats,
    Ints,
    blocks_of_like_length,
    descending_within,
    padded,
    positions,
    starts_of,
)
from recs_assets.ranking.sparse_matrices import look_up, one_hot, row_of_entry

LONG = 600  # candidates of a row: more are partitioned faster as they lie than side by side with others


@dataclass(frozen=True)
class Catalogue:
    """What decides who may be shown a part; row p of everything is product p, in ascending product_id.

    Attributes:
        eligible: bool[products], allowed by every rule for single parts.
        is_universal: bool[products].
        variant_group: int64[products], -1 where a part has none.
        part_type: int64[products], -1 where a part has none.
        fits: CSR [products x vehicles], non-zero where the part fits; ``None`` in a store without fitment.
    """

    eligible: Flags
    is_universal: Flags
    variant_group: Ints
    part_type: Ints
    fits: sparse.csr_array | None

    @cached_property
    def reach(self) -> sparse.csr_array:
        """[vehicles + 1 x products] in a store with fitment: the eligible parts that fit each vehicle, and last the universal
        ones, as if they fitted one more vehicle, which everybody owns."""
        assert self.fits is not None
        universal = sparse.csr_array(self.is_universal[:, None])
        fits = sparse.hstack([sparse.csr_array(self.fits, dtype=bool), universal], format="csr")
        return sparse.csr_array((sparse.diags_array(self.eligible, dtype=bool) @ fits).T)


def candidate_matrix(
    garages: sparse.csr_array,
    bought: sparse.csr_array | None,
    catalogue: Catalogue,
    *,
    require_fitment: bool,
    exclude_variants: bool,
) -> sparse.csr_array:
    """The parts each profile may be shown: eligible, fitting a vehicle of the garage or universal, and not bought.

    Without ``require_fitment``, and in a store without fitment, every eligible part stands for "fitting or universal".

    Args:
        garages: CSR [profiles x vehicles], non-zero where the profile owns the vehicle.
        bought: CSR [profiles x products] of the purchases to leave out; ``None`` leaves nothing out.
        catalogue: the store.
        require_fitment: whether only fitting and universal parts count.
        exclude_variants: whether every part of a bought part's variant group is left out too.

    Returns:
        Boolean CSR [profiles x products] with sorted indices and no stored zeros.
    """
    if require_fitment and catalogue.fits is not None:
        allowed = _fitting_or_universal(garages, catalogue)
    else:
        allowed = _everything_eligible(garages.shape[0], catalogue)
    allowed.sort_indices()
    if bought is not None:
        blocked = sparse.csr_array(bought, dtype=bool)
        if exclude_variants:
            blocked = blocked + _variants_of(blocked, catalogue.variant_group)
        _remove(allowed, sparse.csr_array(blocked))
    return allowed


def _remove(allowed: sparse.csr_array, blocked: sparse.csr_array) -> None:
    """Take the entries of ``blocked`` out of ``allowed``, in place; only the rows concerned are looked at."""
    rows = np.flatnonzero(np.diff(blocked.indptr))
    blocked, concerned = blocked[rows], allowed[rows]
    row = row_of_entry(blocked)
    entry, is_there = look_up(concerned, row, blocked.indices)
    place = allowed.indptr[rows[row]] + entry - concerned.indptr[row]
    allowed.data[place[is_there]] = False
    allowed.eliminate_zeros()


def top_of_sparse(values: Floats, candidates: sparse.csr_array, k: int) -> pd.DataFrame:
    """The best ``k`` candidates of each profile by (score descending, product ascending).

    Args:
        values: float[candidates.nnz], in the order of ``candidates.indices``.
        candidates: CSR [profiles x products].
        k: parts kept per profile.

    Returns:
        Columns profile int64, product int64, score float64, sorted by profile, score descending, product ascending.

    Raises:
        ValueError: the lengths differ, or a score is not a number.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) != candidates.nnz:
        raise ValueError(f"{len(values)} scores for {candidates.nnz} candidates.")
    if np.isnan(values.min(initial=0)):
        raise ValueError(f"{np.count_nonzero(np.isnan(values))} of {len(values)} candidate scores are not a number.")
    threshold = _kth_best(values, candidates.indptr, k)
    best = np.flatnonzero(values >= np.repeat(threshold, np.diff(candidates.indptr)))
    row = np.repeat(np.arange(len(threshold)), np.diff(np.searchsorted(best, candidates.indptr)))
    # Where evidence is rare most candidates may equal the last one kept: of these the first few alone are looked at further.
    chosen = values[best] > threshold[row]
    n_above = np.bincount(row[chosen], minlength=len(threshold))
    equal = np.flatnonzero(~chosen)
    chosen[equal[positions(row[equal]) < (k - n_above)[row[equal]]]] = True
    best, row = best[chosen], row[chosen]
    # A row's products ascend: equal scores are in their order already.
    ranked = descending_within(values[best], starts_of(row))
    best, row = best[ranked], row[ranked]
    return pd.DataFrame({"profile": row, "product": candidates.indices[best].astype(np.int64), "score": values[best]})


def _kth_best(values: Floats, indptr: Ints, k: int) -> Floats:
    """The k-th best value of each row, -inf where a row has no more than k; long rows alone, others on padded blocks."""
    starts = np.asarray(indptr, dtype=np.int64)
    lengths = np.diff(starts)
    threshold = np.full(len(lengths), -np.inf)
    for row in np.flatnonzero(lengths > max(k, LONG)):
        threshold[row] = _kth_largest(values[None, starts[row] : starts[row + 1]], k)[0]
    short = np.flatnonzero((lengths > k) & (lengths <= LONG))
    for block in blocks_of_like_length(lengths[short]):
        threshold[short[block]] = _kth_largest(padded(values, starts, short[block]), k)
    return threshold


def _kth_largest(cells: Floats, k: int) -> Floats:
    """[rows] of [rows x cells]."""
    # Negated, so that the padding belongs behind: looked for from its other side, past it, numpy takes ten times as long.
    negated = -cells
    negated.partition(k - 1, axis=1)
    return np.asarray(-negated[:, k - 1])


def _fitting_or_universal(garages: sparse.csr_array, catalogue: Catalogue) -> sparse.csr_array:
    everybody = sparse.csr_array(np.ones((garages.shape[0], 1), dtype=bool))
    owned = sparse.hstack([sparse.csr_array(garages, dtype=bool), everybody], format="csr")
    allowed = sparse.csr_array(owned @ catalogue.reach)
    allowed.eliminate_zeros()
    return allowed


def _everything_eligible(n_profiles: int, catalogue: Catalogue) -> sparse.csr_array:
    eligible = np.flatnonzero(catalogue.eligible)
    eligible = eligible.astype(np.int32)  # half the memory of the largest array here
    starts = np.arange(n_profiles + 1) * len(eligible)
    data = np.ones(n_profiles * len(eligible), dtype=bool)
    return sparse.csr_array((data, np.tile(eligible, n_profiles), starts), shape=(n_profiles, len(catalogue.eligible)))


def _variants_of(parts: sparse.csr_array, variant_group: Ints) -> sparse.csr_array:
    membership = one_hot(variant_group, dtype=bool)
    return (parts @ membership) @ membership.T.tocsr()

"""Links and strongest entries of sparse matrices, for many pairs at once and never dense."""

import numpy as np
from scipy import sparse

from recs_assets.ranking.arrays import Floats, Ints
from recs_assets.ranking.sparse_matrices import row_of_entry

PAIRS_PER_CHUNK = 50_000
# What is left of a sum without one of its terms may be a rounding error.
ROUNDING = 1e-6
# Two strengths that differ by less, relative to their size, differ by rounding alone.
TIE = 1e-9


def links(matrix: sparse.csr_array) -> tuple[Ints, Ints, Floats]:
    """Row, column and value of every entry, by row and then column."""
    ordered = matrix.sorted_indices()
    return row_of_entry(ordered), ordered.indices.astype(np.int64), ordered.data


def strongest(rows: Ints, columns: Ints, strength: Floats, n_rows: int) -> Ints:
    """[n_rows] each row's column with the greatest strength above zero, ties to the smallest column; -1 where none is above.

    Args:
        rows: [links] ascending.
        columns: [links] ascending within a row.
        strength: [links], infinity allowed.
        n_rows: how many rows there are, with or without links.
    """
    best = np.zeros(n_rows)
    np.maximum.at(best, rows, strength)
    limit = np.where(np.isinf(best), best, best * (1 - TIE))[rows]
    reached = np.flatnonzero((strength >= limit) & (strength > 0))
    chosen = np.full(n_rows, -1, dtype=np.int64)
    first_rows, first = np.unique(rows[reached], return_index=True)
    chosen[first_rows] = columns[reached[first]]
    return chosen


def loss(rows: Ints, weights: Floats, closeness: Floats, n_rows: int) -> Floats:
    """[links] by how much the weighted mean of closeness falls without a link, 0 where it does not fall.

    Explanation by removal (Covert, Lundberg & Lee 2021). Weights sum to 1 in a row. Without a link of weight w and closeness s
    the mean m becomes (m - w s) / (1 - w): it falls by w (s - m) / (1 - w). Without the only link of a row nothing is left:
    infinity.
    """
    mean = np.bincount(rows, weights * closeness, n_rows)[rows]
    rest = 1 - weights
    is_only = rest < ROUNDING
    fall = np.divide(weights * (closeness - mean), rest, out=np.full(len(rows), np.inf), where=~is_only)
    # Where all are equally close the mean stays: they tie.
    fall[fall <= TIE * mean] = np.finfo(float).tiny
    return np.where(closeness > 0, fall, 0.0)


def n_in_both(matrix: sparse.csr_array, first: Ints, second: Ints) -> Ints:
    """[pairs] how many columns have an entry in both rows; counted once for equal pairs."""
    keys, place = np.unique(first * matrix.shape[0] + second, return_inverse=True)
    present = sparse.csr_array((np.ones(matrix.nnz, dtype=np.int64), matrix.indices, matrix.indptr), shape=matrix.shape)
    counts = np.zeros(len(keys), dtype=np.int64)
    for start in range(0, len(keys), PAIRS_PER_CHUNK):
        a, b = np.divmod(keys[start : start + PAIRS_PER_CHUNK], matrix.shape[0])
        counts[start : start + PAIRS_PER_CHUNK] = present[a].multiply(present[b]).sum(axis=1)
    return counts[place]

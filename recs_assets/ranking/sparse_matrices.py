"""Sparse matrices for the ranking and the graph layer: made from edges, normalised, and read entry by entry."""

import numpy as np
from numpy.typing import DTypeLike
from scipy import sparse

from recs_assets.ranking.arrays import Flags, Floats, Ints


def incidence(edge_index: Ints, shape: tuple[int, ...], weights: Floats | None = None) -> sparse.csr_array:
    """A matrix with one entry per distinct edge, indices sorted.

    Args:
        edge_index: [2 x edges] row and column of each.
        shape: rows and columns.
        weights: [edges], summed where an edge is repeated; without them every entry is 1.
    """
    values = np.ones(edge_index.shape[1]) if weights is None else weights
    matrix = sparse.csr_array((values, (edge_index[0], edge_index[1])), shape=shape)
    if weights is None:
        matrix.data[:] = 1.0
    return matrix


def walk_steps(touched: sparse.csr_array) -> tuple[sparse.csr_array, sparse.csr_array]:
    """The steps of a walk from part to part through people, each to a neighbour in proportion to the edge (Cooper et al. 2014).

    Args:
        touched: [people x products] weights of the edges.

    Returns:
        [products x people] and [people x products], every row that is not empty a share.
    """
    return normalise_rows(sparse.csr_array(touched.T)), normalise_rows(touched)


def one_hot(codes: Ints, dtype: DTypeLike = np.float64) -> sparse.csr_array:
    """[len(codes) x number of codes] membership; a row with code -1 is empty."""
    rows = np.flatnonzero(codes >= 0)
    n_codes = int(codes.max(initial=-1)) + 1
    return sparse.csr_array((np.ones(len(rows), dtype), (rows, codes[rows])), shape=(len(codes), n_codes))


def normalise_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """The matrix with every row divided by its sum, float32 where it was, else float64; rows that sum to zero become zeros."""
    dtype = np.float32 if matrix.dtype == np.float32 else np.float64
    sums = np.asarray(matrix.sum(axis=1), dtype=dtype).ravel()
    inverse = np.divide(1.0, sums, out=np.zeros_like(sums), where=sums != 0)
    return sparse.csr_array(sparse.diags_array(inverse) @ matrix, dtype=dtype)


def row_of_entry(matrix: sparse.csr_array) -> Ints:
    """[entries] the row of each stored entry, in the order of ``matrix.indices``."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def stable_order(keys: Ints, n_keys: int) -> Ints:
    """[keys] the order of rows by key in [0, n_keys), equal ones as they stand: by counting, in a fraction of a sort's time.

    Raises:
        ValueError: a key is not in [0, n_keys).
    """
    row_per_key = sparse.csr_array((np.ones(len(keys), dtype=bool), keys, np.arange(len(keys) + 1)), shape=(len(keys), n_keys))
    row_per_key.check_format()
    return np.asarray(row_per_key.tocsc().indices, dtype=np.int64)


def entry_of(matrix: sparse.csr_array, rows: Ints, columns: Ints) -> Ints:
    """Where each (row, column) stands among the stored entries, or would stand; indices must ascend within a row."""
    keys = row_of_entry(matrix) * matrix.shape[1] + matrix.indices
    return np.asarray(np.searchsorted(keys, rows * matrix.shape[1] + columns), dtype=np.int64)


def look_up(matrix: sparse.csr_array, rows: Ints, columns: Ints) -> tuple[Ints, Flags]:
    """As ``entry_of``, and whether each (row, column) is among the stored entries at all: where it is not, the entry is any."""
    entries = np.minimum(entry_of(matrix, rows, columns), max(matrix.nnz - 1, 0))
    if not matrix.nnz:
        return entries, np.zeros(len(entries), dtype=bool)
    is_there = (matrix.indptr[rows] <= entries) & (entries < matrix.indptr[rows + 1]) & (matrix.indices[entries] == columns)
    return entries, np.asarray(is_there, dtype=bool)


def at(matrix: sparse.csr_array, rows: Ints, columns: Ints) -> Floats:
    """[pairs] the entries at (row, column); a column of -1 is the last one."""
    # scipy gives a sparse array for no pairs at all.
    if 0 in (len(rows), *matrix.shape):
        return np.zeros(len(rows))
    return np.asarray(matrix[rows, columns], dtype=np.float64).ravel()

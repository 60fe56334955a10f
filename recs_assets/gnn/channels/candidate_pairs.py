"""The candidates of some users as (row, product) pairs, and how to look evidence up at them without a dense matrix a channel."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from recs_assets.ranking.arrays import Floats32, Ints
from recs_assets.ranking.sparse_matrices import row_of_entry


@dataclass(frozen=True)
class Entries:
    """Some entries of a matrix of candidates.

    Attributes:
        row: int64 [entries].
        product: int64 [entries].
        shape: rows and products.
    """

    row: Ints
    product: Ints
    shape: tuple[int, int]

    @staticmethod
    def of(candidates: sparse.csr_array) -> "Entries":
        """All entries, in their order."""
        return Entries(row_of_entry(candidates), candidates.indices.astype(np.int64), candidates.shape)

    def of_rows(self, rows: Ints) -> tuple[Ints, "Entries"]:
        """Where the entries of some rows stand, and these entries with their rows numbered 0, 1, ... as in ``rows``."""
        number = np.full(self.shape[0], -1, dtype=np.int64)
        number[rows] = np.arange(len(rows))
        found = np.flatnonzero(number[self.row] >= 0)
        return found, Entries(number[self.row[found]], self.product[found], (len(rows), self.shape[1]))

    def at(self, evidence: sparse.csr_array) -> Floats32:
        """[entries] the values of a sparse matrix of the same shape, 0 where it holds none."""
        keys = row_of_entry(evidence) * self.shape[1] + evidence.indices
        self._board[keys] = evidence.data
        found = self._board[self._keys]
        # Cleaned for the next channel: new zeros cost more than the few cells that were written.
        self._board[keys] = 0.0
        return found

    @cached_property
    def _board(self) -> Floats32:
        return np.zeros(self.shape[0] * self.shape[1], dtype=np.float32)

    @cached_property
    def _keys(self) -> Ints:
        return self.row * self.shape[1] + self.product

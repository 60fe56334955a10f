"""The candidates of some users as (row, product) pairs, and how to look evidence up at them without a dense matrix a channel."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from recs_assets.ranking.arrays import Floats32, Ints
from recs_assets.ranking.sparse_matrices import row_of_entry


@dataclass(frozen=True)
class CandidatePairs:
    """Some entries of a matrix of candidates, each a pair of a row and a part, in the order of both.

    Attributes:
        row: int64 [pairs].
        product: int64 [pairs].
        shape: rows and products.
    """

    row: Ints
    product: Ints
    shape: tuple[int, int]

    @staticmethod
    def of(candidates: sparse.csr_array) -> "CandidatePairs":
        """All entries of the matrix, in their order."""
        return CandidatePairs(row_of_entry(candidates), candidates.indices.astype(np.int64), candidates.shape)

    def of_rows(self, rows: Ints) -> tuple[Ints, "CandidatePairs"]:
        """Where the pairs of some rows stand, and these pairs with their rows numbered 0, 1, ... as in ``rows``."""
        number = np.full(self.shape[0], -1, dtype=np.int64)
        number[rows] = np.arange(len(rows))
        places = np.flatnonzero(number[self.row] >= 0)
        return places, CandidatePairs(number[self.row[places]], self.product[places], (len(rows), self.shape[1]))

    def at(self, evidence: sparse.csr_array) -> Floats32:
        """[pairs] the values of a sparse matrix of the same shape, 0 where it holds none."""
        keys = row_of_entry(evidence) * self.shape[1] + evidence.indices
        places = np.searchsorted(self._keys, keys)
        is_there = self._keys[places] == keys
        values = np.zeros(len(self.row), dtype=np.float32)
        values[places[is_there]] = evidence.data[is_there]
        return values

    @cached_property
    def _keys(self) -> Ints:
        """[pairs + 1] ascending, as the entries of a matrix do; the last one is beyond all."""
        return np.append(self.row * self.shape[1] + self.product, np.iinfo(np.int64).max)

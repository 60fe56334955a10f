"""Walks from part to part through the people who touched both, followed from many histories to their candidates.

A walk takes two steps, M = to_users @ to_products, and reaches history @ M. What that costs depends on what is multiplied first:

- through people: (history @ to_users) @ to_products, which follows every person's every part for each history;
- through parts: history @ M, where M is made once, at a cost of each person's parts squared, and each part of a history then
  costs a row of M.

The second grows with the people who are asked about, the first with those times the people walked through.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse

from recs_assets.ranking.arrays import Floats32, Ints, blocks_of
from recs_assets.ranking.sparse_matrices import row_of_entry

Steps = tuple[sparse.csr_array, sparse.csr_array]

HISTORIES_AT_ONCE = 512
# Through people, whose cells [people x histories] a processor's cache should hold: two thirds of the time of 512.
FOLLOWED_AT_ONCE = 64
# Bound memory, at 4 bytes a cell of a dense matrix, and 8 bytes an entry of a sparse one.
CELLS_PER_THREAD = 32_000_000
ENTRIES_KEPT_A_WALK = 75_000_000
# A product of two sparse matrices takes so many times as long a multiplication as one of a sparse and a dense matrix.
SPARSE_COST = 50


@dataclass(frozen=True)
class Walks:
    """The walks of a snapshot, all with the same people and parts.

    Attributes:
        steps: of each walk, [products x people] and [people x products], float32.
        n_asked: how many histories they will be followed from, in all: decides which way is cheaper.
    """

    steps: tuple[Steps, ...]
    n_asked: int
    _kept: dict[int, sparse.csr_array] = field(default_factory=dict, repr=False)

    def reached(self, history: sparse.csr_array, candidates: sparse.csr_array, threads: int = 1) -> Floats32:
        """Where the walks end.

        A row's values are the same bits whatever other rows are asked for with it.

        Args:
            history: [n x products] where each walk begins.
            candidates: [n x products] one entry per candidate, indices sorted.
            threads: that share the work.

        Returns:
            [entries of ``candidates`` x walks], a column side by side.
        """
        reached = np.zeros((candidates.nnz, len(self.steps)), dtype=np.float32, order="F")
        history = history.astype(np.float32)
        with ThreadPoolExecutor(threads) as pool:
            if self.is_cheaper_through_parts:
                self._through_parts(reached, history, candidates, pool)
            else:
                self._through_people(reached, history, candidates, pool)
        return reached

    @cached_property
    def is_cheaper_through_parts(self) -> bool:
        """Whether the matrix from part to part is worth making."""
        to_users, to_products = self.steps[0]
        n_people, n_products = to_products.shape
        parts_of_a_person = np.diff(to_products.indptr).astype(np.float64)
        of_one = parts_of_a_person.sum() / max(n_people, 1) * n_products
        through_parts = SPARSE_COST * (parts_of_a_person**2).sum() + self.n_asked * of_one
        return bool(through_parts < self.n_asked * (to_users.nnz + to_products.nnz))

    def _through_people(
        self, reached: Floats32, history: sparse.csr_array, candidates: sparse.csr_array, pool: ThreadPoolExecutor
    ) -> None:
        n_people = max(1, self.steps[0][0].shape[1])

        def follow(rows: slice) -> None:
            entries = slice(candidates.indptr[rows.start], candidates.indptr[rows.stop])
            own = candidates[rows]
            row, begun = row_of_entry(own), history[rows].T.toarray(order="C")
            for number, (to_users, to_products) in enumerate(self.steps):
                # Sparse by dense: the middle of a walk reaches most users, and a sparse product would pay for its bookkeeping.
                ended = to_products.T @ (to_users.T @ begun)
                reached[entries, number] = ended[own.indices, row]

        list(pool.map(follow, blocks_of(history.shape[0], min(FOLLOWED_AT_ONCE, max(1, CELLS_PER_THREAD // n_people)))))

    def _through_parts(
        self, reached: Floats32, history: sparse.csr_array, candidates: sparse.csr_array, pool: ThreadPoolExecutor
    ) -> None:
        n_products, n_walks = history.shape[1], len(self.steps)
        begins = np.unique(history.indices)
        parts = blocks_of(n_products, max(1, CELLS_PER_THREAD // (n_products * n_walks)))
        blocks = [
            (history[rows][:, begins], candidates.indptr[rows.start] + _starts(candidates[rows], parts))
            for rows in blocks_of(history.shape[0], HISTORIES_AT_ONCE)
        ]

        def follow(number: int) -> None:
            columns, width = parts[number], parts[number].stop - parts[number].start
            ends = self._between_parts(columns)[begins].toarray()
            for begun, starts in blocks:
                first, n_own = starts[:, number], starts[:, number + 1] - starts[:, number]
                row = np.repeat(np.arange(len(n_own)), n_own)
                entry = np.repeat(first - np.cumsum(n_own) + n_own, n_own) + np.arange(len(row))
                cell = row * (n_walks * width) + candidates.indices[entry] - columns.start
                ended = (begun @ ends).ravel()
                for walk in range(n_walks):
                    reached[entry, walk] = ended.take(cell + walk * width)

        list(pool.map(follow, range(len(parts))))

    def _between_parts(self, columns: slice) -> sparse.csr_array:
        """[products x walks * width] M of each walk, some of its columns."""
        if columns.start in self._kept:
            return self._kept[columns.start]
        backwards = [to_people[columns] @ to_begin for to_people, to_begin in self._backwards]
        between = sparse.csr_array(sparse.vstack(backwards, format="csr").T)
        if sum(kept.nnz for kept in tuple(self._kept.values())) + between.nnz <= ENTRIES_KEPT_A_WALK * len(self.steps):
            self._kept[columns.start] = between
        return between

    @cached_property
    def _backwards(self) -> list[Steps]:
        return [(sparse.csr_array(to_products.T), sparse.csr_array(to_users.T)) for to_users, to_products in self.steps]


def _starts(candidates: sparse.csr_array, parts: list[slice]) -> Ints:
    """[rows x blocks of parts + 1] where each row's entries of each block begin, and where the last ones end."""
    n_rows, n_products = candidates.shape
    firsts = np.append([block.start for block in parts], n_products)
    keys = row_of_entry(candidates) * n_products + candidates.indices
    return np.asarray(np.searchsorted(keys, np.arange(n_rows)[:, None] * n_products + firsts), dtype=np.int64)

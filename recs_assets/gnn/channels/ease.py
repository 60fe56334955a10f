"""EASE (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data") over all that anybody has ever touched.

It predicts each part from all others at once, so that of parts that are touched by the same people each counts once. Its value is
weighed as it is: its logarithm was worth a third as much. The validation weeks decide whether it is selected: see ``choice``.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from recs_assets.gnn.channels.candidate_pairs import CandidatePairs
from recs_assets.gnn.channels.walks import HISTORIES_AT_ONCE
from recs_assets.gnn.snapshots import Snapshot
from recs_assets.ranking import baselines
from recs_assets.ranking.arrays import Floats, Floats32, Ints, blocks_of
from recs_assets.ranking.baselines import DenseWeights

NAME = "ease"
REGULARIZATION = 200.0
MAX_PARTS = 4_000  # bounds memory at 64 MB, and time: the most touched ones
SCALE = 10.0  # so that the weight of the channel is about that of the others


@dataclass(frozen=True)
class Ease:
    """EASE of a snapshot, ready to be asked about any history.

    Attributes:
        past: the snapshot.
    """

    past: Snapshot

    def scores(self, users: Ints, candidates: sparse.csr_array, threads: int = 1) -> Floats32:
        """``SCALE`` times the weights from the parts of a history to a candidate, summed; 0 for a part that has none.

        A row's values are the same bits whatever other rows are asked for with it.

        Args:
            users: [n] rows of the graph's users, all with a history.
            candidates: [n x products] one entry per candidate, indices sorted.
            threads: that it may use.

        Returns:
            [entries of ``candidates``].
        """
        scores = np.zeros(candidates.nnz, dtype=np.float32)
        weights, place, history = self.weights.weights, self._place, self._history[users]

        def score(rows: slice) -> None:
            pairs = CandidatePairs.of(candidates[rows])
            summed, column = history[rows] @ weights, place[pairs.product]
            scores[candidates.indptr[rows.start] : candidates.indptr[rows.stop]] = np.where(
                column < 0, np.float32(0.0), SCALE * summed[pairs.row, column]
            )

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(score, blocks_of(len(users), HISTORIES_AT_ONCE)))
        return scores

    def between(self, products: Ints, others: Ints) -> Floats:
        """[pairs] the weight from the one part to the other, 0 where either has none."""
        row, column = self._place[products], self._place[others]
        weights = self.weights.weights[row, column].astype(np.float64)
        return np.where((row < 0) | (column < 0), 0.0, weights)

    @cached_property
    def weights(self) -> DenseWeights:
        """From part to part, of the parts that it knows."""
        touched = self.past.ever_touched[self.past.active]
        return baselines.ease(touched, REGULARIZATION, MAX_PARTS)

    @cached_property
    def _place(self) -> Ints:
        """[products] where each stands among the parts that it knows, -1 for others."""
        place = np.full(self.past.n_products, -1, dtype=np.int64)
        place[self.weights.products] = np.arange(len(self.weights.products))
        return place

    @cached_property
    def _history(self) -> sparse.csr_array:
        """[users x parts that it knows]."""
        return sparse.csr_array(self.past.ever_touched[:, self.weights.products], dtype=np.float32)

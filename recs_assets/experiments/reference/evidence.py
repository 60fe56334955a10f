"""The model's evidence channels without time, as products with item-item matrices, for catalogues of some 50,000 items.

The first three are those of ``recs_assets.gnn.channels.evidence`` with their decay switched off; the other two are extra.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recs_assets.ranking import baselines
from recs_assets.ranking.arrays import Floats32, Ints
from recs_assets.ranking.sparse_matrices import normalise_rows, row_of_entry
from recs_assets.settings import Settings

CHANNELS = ("popularity", "cosine", "walk")
EXTRA = ("low_pass", "neighbours")

N_FREQUENCIES = 512
POWER_ITERATIONS = 4
OVERSAMPLING = 1.25
# An item nobody has counts as this share of the mean one, so that its logarithm is finite.
POPULARITY_FLOOR = 0.02


@dataclass(frozen=True)
class StaticEvidence:
    """All that a matrix of ones says, ready to be asked about any of its users.

    Attributes:
        train: CSR [users x items].
        names: the channels, of ``CHANNELS`` and ``EXTRA``.
        settings: shrinkage of the cosine, and the weight of the one kind of event, an order.
    """

    train: sparse.csr_array
    names: tuple[str, ...]
    settings: Settings

    def of(self, users: Ints) -> list[Floats32]:
        """Each channel's evidence [users x items], >= 0, before the logarithm."""
        channels: dict[str, Callable[[Ints], Floats32]] = {
            "popularity": self._popularity,
            "cosine": lambda users: _float32(normalise_rows(self.train[users].astype(np.float32)) @ self._cosines),
            "walk": lambda users: _float32(normalise_rows(self.train[users].astype(np.float32)) @ self._walks),
            "low_pass": self._low_pass,
            "neighbours": self._neighbours,
        }
        return [channels[name](users) for name in self.names]

    @cached_property
    def _item_degrees(self) -> Floats32:
        return np.asarray(self.train.sum(axis=0), dtype=np.float32)

    @cached_property
    def _user_degrees(self) -> Floats32:
        return np.asarray(self.train.sum(axis=1), dtype=np.float32)

    def _popularity(self, users: Ints) -> Floats32:
        share = self._item_degrees + POPULARITY_FLOOR * self._item_degrees.mean()
        return np.broadcast_to(share, (len(users), len(share)))

    @cached_property
    def _cosines(self) -> sparse.csr_array:
        weight = self.settings.events.order
        norms = np.sqrt(weight**2 * self._item_degrees + self.settings.model.cosine_shrinkage).astype(np.float32)
        scaled = self.train.astype(np.float32) @ sparse.diags_array(np.float32(weight) / norms)
        return sparse.csr_array(scaled.T @ scaled)

    @cached_property
    def _walks(self) -> sparse.csr_array:
        return baselines.walk_weights(self.train).astype(np.float32)

    def _low_pass(self, users: Ints) -> Floats32:
        """The ideal low-pass filter of GF-CF alone, negative values cut off."""
        root = np.sqrt(self._item_degrees)
        signal = self.train[users].astype(np.float32) @ sparse.diags_array(_inverse(root))
        filtered: Floats32 = np.maximum((signal @ self._frequencies) @ self._frequencies.T, 0) * root
        return filtered

    @cached_property
    def _frequencies(self) -> Floats32:
        rows, columns = (sparse.diags_array(_inverse(np.sqrt(degrees))) for degrees in (self._user_degrees, self._item_degrees))
        normalised = sparse.csr_array(rows @ self.train.astype(np.float32) @ columns)
        return right_singular_vectors(normalised, min(N_FREQUENCIES, max(1, min(self.train.shape) // 8)))

    def _neighbours(self, users: Ints) -> Floats32:
        """What the users alike have: squared cosine between users, items weighing 1 / root of their degree."""
        alike = sparse.csr_array(
            self.train[users].astype(np.float32) @ sparse.diags_array(_inverse(np.sqrt(self._item_degrees))) @ self.train.T
        )
        row = row_of_entry(alike)
        alike.data = alike.data**2 / (self._user_degrees[users][row] * self._user_degrees[alike.indices])
        return _float32(alike @ self.train)


def right_singular_vectors(matrix: sparse.csr_array, k: int) -> Floats32:
    """[columns x k] the first right singular vectors, by subspace iteration from a random start.

    (Halko, Martinsson & Tropp 2011, algorithm 4.4. For 512 vectors a sixth of the time of ARPACK, and close enough for
    evidence that is one of several.)
    """
    n_sampled = min(max(int(k * OVERSAMPLING), k + 10), *matrix.shape)
    transposed = sparse.csr_array(matrix.T)
    basis = np.random.default_rng(0).standard_normal((matrix.shape[1], n_sampled), dtype=np.float32)
    for _ in range(POWER_ITERATIONS):
        basis, _ = np.linalg.qr(transposed @ (matrix @ basis))
    projected = matrix @ basis
    _, rotation = np.linalg.eigh(projected.T @ projected)
    return np.ascontiguousarray(basis @ rotation[:, ::-1][:, :k], dtype=np.float32)


def _float32(evidence: sparse.csr_array) -> Floats32:
    return np.asarray(evidence.toarray(), dtype=np.float32)


def _inverse(values: NDArray) -> Floats32:
    return np.asarray(np.divide(1.0, values, out=np.zeros(len(values)), where=values > 0), dtype=np.float32)

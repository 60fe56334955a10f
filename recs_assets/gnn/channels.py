"""Evidence channels: each one a meta-path through the graph, precomputed, so that a score is a weighted sum of their logs.

A channel says how much one kind of evidence speaks for a part: DESIGN's x_c(u, p). Precomputing paths instead of sampling
them follows SIGN (Frasca et al. 2020); the three-step walk is P3 (Cooper et al. 2014); cosine with shrunken norms follows
Deshpande & Karypis (2004).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recs_assets.gnn.graph import ATTRIBUTES
from recs_assets.gnn.snapshots import Floats, Ints, Snapshot
from recs_assets.ranking.candidates import row_of_entry
from recs_assets.settings import Model

POPULARITY = ("popularity_fast", "popularity_middle", "popularity_slow")
VEHICLES = ("vehicle", "vehicle_model", "vehicle_make")
# A part nobody touched has this share of the mean popularity, so that its logarithm is finite.
POPULARITY_FLOOR = 0.02


def channel_names(settings: Model) -> tuple[str, ...]:
    """The channels in the order of the feature columns."""
    paths = ("interest", *cosine_names(settings), "walk", *ATTRIBUTES, "garage_fitment", "garage_usage")
    return (*POPULARITY, *paths, *VEHICLES)


def cosine_names(settings: Model) -> tuple[str, ...]:
    """The channels of shrunk cosines, one a half-life."""
    return tuple(f"cosine_{half_life:g}d" for half_life in settings.cosine_half_lives_days)


def path_columns(settings: Model) -> slice:
    """The feature columns that are raw path evidence x_c, still to be turned into log(1 + x / epsilon)."""
    return slice(len(POPULARITY), len(channel_names(settings)) - len(VEHICLES))


@dataclass(frozen=True)
class Evidence:
    """All that a snapshot says, ready to be asked about any of its users."""

    past: Snapshot
    settings: Model

    def features(self, users: Ints, candidates: sparse.csr_array) -> npt.NDArray[np.float32]:
        """The channels of each candidate.

        Args:
            users: [n] rows of the graph's users.
            candidates: [n x products] one entry per candidate, indices sorted.

        Returns:
            [entries of ``candidates`` x channels], in the order of ``channel_names``: log popularity, raw path evidence,
            and log ratios of the garage's behaviour.
        """
        columns = np.empty((candidates.nnz, len(channel_names(self.settings))), dtype=np.float32)
        columns[:, : len(POPULARITY)] = self.log_popularity[candidates.indices]
        at = len(POPULARITY)
        for evidence in (*self._paths(users), *self._vehicles(users)):
            columns[:, at] = at_candidates(evidence, candidates)
            at += 1
        return columns

    @cached_property
    def log_popularity(self) -> Floats:
        """[products x 3] log of the share of decayed event weight, at the three half-lives."""
        return np.log(np.stack([self._popularity(days) for days in self.settings.popularity_half_lives_days], axis=1))

    def _popularity(self, half_life_days: float) -> Floats:
        counts = np.bincount(self.past.log.product, self.past.weights(half_life_days), self.past.n_products)
        floored = counts + POPULARITY_FLOOR * max(counts.mean(), np.finfo(float).tiny)
        share: Floats = floored / floored.sum()
        return share

    @cached_property
    def history(self) -> sparse.csr_array:
        """[users x products] share of each part in what a user has touched, decayed."""
        return normalise_rows(self.past.touched(self.settings.history_half_life_days))

    def _paths(self, users: Ints) -> list[sparse.csr_array | npt.NDArray[np.float32]]:
        history = self.history[users]
        return [
            history,
            *(self._walk(history, walk) for walk in self._cosines),
            self._walk(history, self._walk3),
            *(self._shared(history, attribute) for attribute in ATTRIBUTES),
            self.past.garages[users] @ self.fitting,
            self.usage(users, history) @ self.fitting,
        ]

    def steps(self, channel: str) -> tuple[sparse.csr_array, sparse.csr_array]:
        """The two steps of a channel that walks from part to part: [products x active users], [active users x products]."""
        if channel == "walk":
            return self._walk3
        return self._cosines[cosine_names(self.settings).index(channel)]

    def _walk(self, history: sparse.csr_array, steps: tuple[sparse.csr_array, sparse.csr_array]) -> npt.NDArray[np.float32]:
        to_users, to_products = steps
        # Sparse by dense: the middle of a walk reaches most users, and a sparse product would pay for its own bookkeeping.
        reached = to_users.T @ history.T.toarray().astype(np.float32)
        return np.ascontiguousarray((to_products.T @ reached).T)

    @cached_property
    def _cosines(self) -> list[tuple[sparse.csr_array, sparse.csr_array]]:
        walks = []
        for half_life in self.settings.cosine_half_lives_days:
            touched = self.past.touched(half_life)[self.active]
            norms = np.sqrt(np.asarray(touched.multiply(touched).sum(axis=0)).ravel() + self.settings.cosine_shrinkage)
            scaled = sparse.csr_array(touched @ sparse.diags_array(1.0 / norms), dtype=np.float32)
            walks.append((sparse.csr_array(scaled.T), scaled))
        return walks

    @cached_property
    def _walk3(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        touched = self.past.touched(self.settings.walk_half_life_days)[self.active].astype(np.float32)
        return normalise_rows(sparse.csr_array(touched.T)), normalise_rows(touched)

    @cached_property
    def active(self) -> Ints:
        """Users with a history, ascending: the people in the middle of a walk."""
        return np.flatnonzero(self.past.n_events)

    def _shared(self, history: sparse.csr_array, attribute: str) -> sparse.csr_array:
        members = self._members[attribute]
        return (history @ members) @ normalise_rows(sparse.csr_array(members.T))

    @cached_property
    def _members(self) -> dict[str, sparse.csr_array]:
        return {name: one_hot(self.past.data["product"][name].numpy()) for name in ATTRIBUTES}

    @cached_property
    def fitting(self) -> sparse.csr_array:
        """[vehicles x products] each fitting part's share of what fits the vehicle."""
        return normalise_rows(sparse.csr_array(self.past.fits.T))

    def usage(self, users: Ints, history: sparse.csr_array) -> sparse.csr_array:
        """Each of the garage's vehicles by the share of the user's own history that fits it."""
        return sparse.csr_array((history @ self.past.fits).multiply(self.past.garages[users]))

    def _vehicles(self, users: Ints) -> list[sparse.csr_array]:
        garages = self.past.garages[users]
        return [self._behaviour(garages @ sparse.csr_array(groups), behaviour) for groups, behaviour in self.groups]

    @cached_property
    def groups(self) -> list[tuple[sparse.csr_array, sparse.csr_array]]:
        """By channel of ``VEHICLES``: [vehicles x groups] membership, and [groups x products] what the owners touched."""
        vehicle = self.past.data["vehicle"]
        half_life = self.settings.popularity_half_lives_days[-1]
        touched = self.past.touched(half_life)
        groups = []
        for codes in (np.arange(vehicle.num_nodes), vehicle.model_code.numpy(), vehicle.make_code.numpy()):
            membership = one_hot(codes)
            owners = self.past.garages @ membership
            owners.data[:] = 1.0
            groups.append((membership, sparse.csr_array(owners.T @ touched)))
        return groups

    def _behaviour(self, garage_groups: sparse.csr_array, behaviour: sparse.csr_array) -> sparse.csr_array:
        """log of the owners' behaviour shrunk towards popularity, minus log popularity, up to a constant of the user.

        (c(p) + k pop(p)) / (k pop(p)) = 1 + c(p) / (k pop(p)): zero where no owner touched the part, so it stays sparse.
        """
        garage_groups.data[:] = 1.0
        touched = sparse.csr_array(garage_groups @ behaviour)
        popularity = self._popularity(self.settings.popularity_half_lives_days[-1])
        touched.data = np.log1p(touched.data / (self.settings.vehicle_shrinkage * popularity[touched.indices]))
        return touched


def normalise_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """The matrix with every row divided by its sum; empty rows stay empty."""
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    inverse = np.divide(1.0, sums, out=np.zeros_like(sums), where=sums != 0)
    return sparse.csr_array(sparse.diags_array(inverse) @ matrix, dtype=matrix.dtype)


def one_hot(codes: Ints) -> sparse.csr_array:
    """[len(codes) x number of codes] membership; a row with code -1 is empty."""
    rows = np.flatnonzero(codes >= 0)
    n_codes = int(codes.max(initial=-1)) + 1
    return sparse.csr_array((np.ones(len(rows)), (rows, codes[rows])), shape=(len(codes), n_codes))


def at_candidates(evidence: sparse.csr_array | npt.NDArray[np.float32], candidates: sparse.csr_array) -> npt.NDArray[np.float32]:
    """The evidence at the candidates' positions, in their order."""
    dense = evidence if isinstance(evidence, np.ndarray) else evidence.astype(np.float32).toarray()
    return np.asarray(dense[row_of_entry(candidates), candidates.indices], dtype=np.float32)

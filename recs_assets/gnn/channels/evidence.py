"""Evidence channels: each one a meta-path through the graph, precomputed, so that a score is a weighted sum of their logs, and
of EASE where it is selected.

A channel c says how much evidence of one kind there is for showing product p to user u: x_c(u, p). Precomputing paths instead
of sampling them follows SIGN (Frasca et al. 2020); meta-paths are those of Sun et al. (2011); weights that halve with age follow
Ding & Li (2005); the three-step walk is P3 (Cooper et al. 2014); cosine with shrunken norms follows Deshpande & Karypis (2004).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from recs_assets.gnn.channels.candidate_pairs import CandidatePairs
from recs_assets.gnn.channels.optional import OptionalChannels, selected, with_history
from recs_assets.gnn.channels.part_types import PartTypes
from recs_assets.gnn.channels.popularity import POPULARITY, decayed_counts, floored_shares, popularity_inputs
from recs_assets.gnn.channels.undecayed_walk import NAME as UNDECAYED_WALK
from recs_assets.gnn.channels.walks import Steps, Walks
from recs_assets.gnn.graph import ATTRIBUTES
from recs_assets.gnn.snapshots import Snapshot
from recs_assets.model_settings import ModelSettings
from recs_assets.ranking.arrays import Floats, Floats32, Ints
from recs_assets.ranking.sparse_matrices import normalise_rows, one_hot, row_of_entry, walk_steps

VEHICLES = ("vehicle", "vehicle_model", "vehicle_make")
PART_TYPES = ("owner_types", "next_types")
ROWS_PER_BLOCK = 512  # bounds memory: 4 bytes x products a row


def channel_names(settings: ModelSettings) -> tuple[str, ...]:
    """All channels, in the order of the model's weights: those of a part alone first."""
    return (*POPULARITY, *feature_names(settings))


def feature_names(settings: ModelSettings) -> tuple[str, ...]:
    """The channels of a user and a part, in the order of the feature columns: the optional ones that are selected last."""
    return (*path_names(settings), *VEHICLES, *PART_TYPES, *selected(settings))


def path_names(settings: ModelSettings) -> tuple[str, ...]:
    """The first of them, whose features are raw path evidence x_c, still to be turned into log(1 + x / epsilon)."""
    return ("interest", *cosine_names(settings), "walk", *ATTRIBUTES, "garage_fitment", "garage_usage")


def cosine_names(settings: ModelSettings) -> tuple[str, ...]:
    """The channels of shrunk cosines, one a half-life."""
    return tuple(f"cosine_{half_life:g}d" for half_life in settings.cosine_half_lives_days)


def walk_names(settings: ModelSettings) -> tuple[str, ...]:
    """The channels that lead from part to part: walks through people, and the optional ones that are selected."""
    return (*cosine_names(settings), "walk", *selected(settings))


@dataclass(frozen=True)
class Evidence:
    """All that a snapshot says, ready to be asked about any of its users.

    Attributes:
        past: the snapshot.
        settings: of the channels.
        n_asked: how many users with a history it will be asked about, in all; ``None``: all of them. It decides what is worth
            preparing.
    """

    past: Snapshot
    settings: ModelSettings
    n_asked: int | None = None

    def features(self, users: Ints, candidates: sparse.csr_array, walked: Floats32 | None = None) -> Floats32:
        """The channels of each candidate that depend on the user.

        Args:
            users: [n] rows of the graph's users.
            candidates: [n x products] one entry per candidate, indices sorted.
            walked: what ``walked`` gives for these candidates, where it has been asked already.

        Returns:
            [entries of ``candidates`` x channels], in the order of ``feature_names``: raw path evidence, log ratios of the
            garage's behaviour and of part types, and the optional channels as they are weighed.
        """
        # A channel is written, bent and weighed at a time: its values stand side by side.
        columns = np.zeros((candidates.nnz, len(feature_names(self.settings))), dtype=np.float32, order="F")
        for start in range(0, len(users), ROWS_PER_BLOCK):
            rows = slice(start, min(start + ROWS_PER_BLOCK, len(users)))
            entries = slice(candidates.indptr[rows.start], candidates.indptr[rows.stop])
            self._fill(columns[entries], users[rows], CandidatePairs.of(candidates[rows]))
        ended = self.walked(users, candidates) if walked is None else walked
        for number, name in enumerate(walk_names(self.settings)):
            columns[:, feature_names(self.settings).index(name)] = ended[:, number]
        return columns

    def walked(self, users: Ints, candidates: sparse.csr_array, threads: int = 1) -> Floats32:
        """The channels of ``walk_names``: cheaper for many users at once.

        Args:
            users: [n] rows of the graph's users.
            candidates: [n x products] one entry per candidate, indices sorted.
            threads: that it may use.

        Returns:
            [entries of ``candidates`` x walks].
        """
        optional = selected(self.settings)
        places, active, of_active = with_history(self.past, users, candidates)
        if len(active) == len(users) and not optional:
            # Of a shop where all are active, no copy of the largest array that scoring holds.
            return self._walks.reached(self.history[users], candidates, threads)
        columns = np.zeros((candidates.nnz, len(walk_names(self.settings))), dtype=np.float32, order="F")
        for number, name in enumerate(optional, columns.shape[1] - len(optional)):
            columns[places, number] = self.optional.of(name, active, of_active, threads)
        ended = self._walks.reached(self.history[active], of_active, threads)
        for number, column in enumerate(ended.T):
            columns[places, number] = column
        return columns

    def _fill(self, columns: Floats32, users: Ints, pairs: CandidatePairs) -> None:
        """Write the features of a block of users into ``columns`` [pairs x channels], which holds zeros."""
        place = {name: number for number, name in enumerate(feature_names(self.settings))}
        garages = self.past.garages[users]
        columns[:, place["garage_fitment"]] = pairs.at(garages @ self.fitting)
        for name, (membership, relative) in zip(VEHICLES, self._relative_behaviour, strict=True):
            columns[:, place[name]] = _behaviour(sparse.csr_array(garages @ membership), relative, pairs)
        columns[:, place["owner_types"]] = self.part_types.of_owners(users, pairs)
        # The other channels begin at what a user has touched.
        active = np.flatnonzero(self.past.n_events[users])
        places, pairs = (slice(None), pairs) if len(active) == len(users) else pairs.of_rows(active)
        history = self.history[users[active]]
        columns[places, place["interest"]] = pairs.at(history)
        columns[places, place["garage_usage"]] = pairs.at(self.usage(users[active], history) @ self.fitting)
        for name in ATTRIBUTES:
            columns[places, place[name]] = self._shared(history, name, pairs)
        columns[places, place["next_types"]] = self.part_types.after(history, pairs)

    @cached_property
    def popularity(self) -> Floats32:
        """[products x half-lives] what the channels of a part alone are read off: see ``popularity_inputs``."""
        return popularity_inputs(self._counts)

    @cached_property
    def log_popularity(self) -> Floats:
        """[products x 3] log of the share of decayed event weight, at the three half-lives."""
        return np.log(np.stack(self._popularities, axis=1))

    @cached_property
    def _popularities(self) -> list[Floats]:
        return [floored_shares(counts) for counts in self._counts.T]

    @cached_property
    def _counts(self) -> Floats:
        return decayed_counts(self.past, self.settings)

    @cached_property
    def history(self) -> sparse.csr_array:
        """[users x products] share of each part in what a user has touched, decayed."""
        return normalise_rows(self.past.touched(self.settings.history_half_life_days))

    @cached_property
    def part_types(self) -> PartTypes:
        """The channels that speak of types alone."""
        return PartTypes(self.past, self.settings, self.history)

    @cached_property
    def _walks(self) -> Walks:
        return Walks((*self._cosines, self._walk3), self._n_walked)

    @cached_property
    def optional(self) -> OptionalChannels:
        """The channels of which some are selected."""
        return OptionalChannels(self.past, self._n_walked)

    @property
    def _n_walked(self) -> int:
        return len(self.past.active) if self.n_asked is None else self.n_asked

    def begins(self, channel: str) -> sparse.csr_array:
        """[users x products] the shares of each history's parts with which a channel that walks begins."""
        return self.optional.undecayed_walk.history if channel == UNDECAYED_WALK else self.history

    def steps(self, channel: str) -> Steps:
        """The two steps of a channel that walks from part to part: [products x active users], [active users x products]."""
        if channel == UNDECAYED_WALK:
            return self.optional.undecayed_walk.steps
        if channel == "walk":
            return self._walk3
        return self._cosines[cosine_names(self.settings).index(channel)]

    @cached_property
    def _cosines(self) -> list[Steps]:
        walks = []
        for half_life in self.settings.cosine_half_lives_days:
            touched = self.past.touched(half_life)[self.past.active]
            norms = np.sqrt(np.asarray(touched.multiply(touched).sum(axis=0)).ravel() + self.settings.cosine_shrinkage)
            scaled = sparse.csr_array(touched @ sparse.diags_array(1.0 / norms), dtype=np.float32)
            walks.append((sparse.csr_array(scaled.T), scaled))
        return walks

    @cached_property
    def _walk3(self) -> Steps:
        touched = self.past.touched(self.settings.walk_half_life_days)[self.past.active].astype(np.float32)
        return walk_steps(touched)

    def _shared(self, history: sparse.csr_array, attribute: str, pairs: CandidatePairs) -> Floats32:
        """How much of the history shares the part's attribute, spread over all parts that do."""
        members, codes = self._members[attribute], self.past.data["product"][attribute].numpy()
        n_products = np.maximum(np.asarray(members.sum(axis=0)).ravel(), 1.0)
        shared = sparse.csr_array(history @ members)
        # Code -1, of a part without the attribute, reads the last column: zeros.
        share = np.zeros((shared.shape[0], shared.shape[1] + 1), dtype=np.float32)
        share[row_of_entry(shared), shared.indices] = shared.data / n_products[shared.indices]
        return np.asarray(share[pairs.row, codes[pairs.product]])

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

    @cached_property
    def groups(self) -> list[tuple[sparse.csr_array, sparse.csr_array]]:
        """By channel of ``VEHICLES``: [vehicles x groups] membership, and [groups x products] what the owners touched."""
        vehicle = self.past.data["vehicle"]
        half_life = self.settings.popularity_half_lives_days[-1]
        touched = self.past.touched(half_life)
        groups = []
        for codes in (np.arange(vehicle.num_nodes), vehicle.model_code.numpy(), vehicle.make_code.numpy()):
            membership = one_hot(codes)
            groups.append((membership, sparse.csr_array(self.past.owners(membership).T @ touched)))
        return groups

    @cached_property
    def _relative_behaviour(self) -> list[tuple[sparse.csr_array, Floats32]]:
        """As ``groups``, what the owners touched relative to shrunken popularity; dense, 4 bytes a group and product."""
        usual = (self.settings.vehicle_shrinkage * self._popularities[-1]).astype(np.float32)
        behaviour = []
        for membership, touched in self.groups:
            relative = touched.astype(np.float32)
            relative.data /= usual[relative.indices]  # few are touched at all
            behaviour.append((membership, relative.toarray()))
        return behaviour


def _behaviour(garage_groups: sparse.csr_array, relative: Floats32, pairs: CandidatePairs) -> Floats32:
    """[pairs] log of the owners' behaviour shrunk towards popularity, minus log popularity, up to a constant of the user.

    (c(p) + k pop(p)) / (k pop(p)) = 1 + c(p) / (k pop(p)), smoothing by a Dirichlet prior (Zhai & Lafferty 2004): its log is
    zero where no owner touched the part.

    Args:
        garage_groups: [rows x groups] an entry where the row owns a vehicle of the group.
        relative: [groups x products] c / (k pop).
        pairs: of these rows.
    """
    touched = np.zeros(len(pairs.row), dtype=np.float32)
    starts, n_groups = garage_groups.indptr[:-1], np.diff(garage_groups.indptr)
    # Of those with many groups alone is more asked, not of everybody: one large garage costs what it holds.
    places: Ints | slice = slice(None)
    for number in range(int(n_groups.max(initial=0))):
        has_more = n_groups > number
        if not has_more.all():
            places = np.flatnonzero(has_more[pairs.row]) if isinstance(places, slice) else places[has_more[pairs.row[places]]]
        group = garage_groups.indices[np.where(has_more, starts + number, 0)].astype(np.int64)
        cell = (group * relative.shape[1])[pairs.row[places]] + pairs.product[places]
        touched[places] += relative.ravel().take(cell)
    return np.log1p(touched)

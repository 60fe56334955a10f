"""What the channels are fitted on: snapshots of past weeks, with what their users went on to do."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy import sparse
from torch_geometric.data import HeteroData

from recs_assets.gnn.candidates import Eligibility
from recs_assets.gnn.channels.candidate_pairs import CandidatePairs
from recs_assets.gnn.channels.evidence import ROWS_PER_BLOCK, Evidence, feature_names
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.gnn.snapshots import DAY_MICROSECONDS, Snapshot, edge_weights, held_out, snapshot
from recs_assets.gnn.spilled import let_go, spilled
from recs_assets.model_settings import ModelSettings
from recs_assets.ranking.arrays import Flags, Floats, Floats32, Ints, blocks_of, positions
from recs_assets.ranking.sparse_matrices import row_of_entry
from recs_assets.settings import Settings

log = logging.getLogger(__name__)

# A fit on so many sampled candidates a user was as good as on seven times as many; on half of them it was not.
FEWEST_CANDIDATES = 500


@dataclass(frozen=True)
class Batch:
    """Users of one snapshot, padded to the longest list of candidates.

    Attributes:
        log_evidence: [users x candidates x channels of a user and a part].
        popularity: [products x inputs] what the channels of a part alone are read off.
        product: [users x candidates] rows of ``popularity``, 0 on padding.
        is_candidate: [users x candidates] False on padding.
        targets: [users x candidates] weight of the edge of a target, else 0.
        log_q: [users x candidates] log of the chance that the candidate was sampled, 0 on padding.
        state: [users x 3].
    """

    log_evidence: torch.Tensor
    popularity: torch.Tensor
    product: torch.Tensor
    is_candidate: torch.Tensor
    targets: torch.Tensor
    log_q: torch.Tensor
    state: torch.Tensor


@dataclass(frozen=True)
class Example:
    """One snapshot's users with targets, their candidates, and the evidence for each candidate (before the logarithm).

    Attributes:
        moment: microseconds.
        users: [n] rows of the graph's users.
        candidates: [n x products] all that each may be shown, or a sample with its targets.
        features: [entries x channels] as ``Evidence.features`` gives them; in a file, and in memory what has been read of it
            since ``let_go``.
        popularity: [products x inputs] as ``Evidence.popularity`` gives it.
        targets: [entries] where the candidate is a target, its heaviest event's weight over an order's; else 0.
        log_q: [entries] log of the chance that the candidate was sampled; 0 for a target, and where all candidates are there.
        state: [n x 3].
    """

    moment: int
    users: Ints
    candidates: sparse.csr_array
    features: Floats32
    popularity: Floats32
    targets: Floats32
    log_q: Floats32
    state: Floats32

    @property
    def is_whole(self) -> bool:
        """Whether all candidates of its users are there."""
        return not self.log_q.any()

    @property
    def n_users(self) -> int:
        """Users in it."""
        return int(self.candidates.shape[0])

    def fits(self, settings: ModelSettings) -> Flags:
        """[entries] whether the candidate fits a vehicle of the user's garage."""
        return np.asarray(self.features[:, feature_names(settings).index("garage_fitment")] > 0)

    def with_channel(self, place: int, column: Floats32, folder: Path | None) -> "Example":
        """The same with one feature more, [entries], as its column ``place``; the features in a file in ``folder``."""
        return replace(self, features=spilled(np.insert(self.features, place, column, axis=1), folder))

    def batch(self, model: GatedChannels) -> Batch:
        """The padded tensors of this snapshot."""
        lengths = np.diff(self.candidates.indptr)
        rows = row_of_entry(self.candidates)
        columns = positions(rows)
        shape = (len(lengths), int(lengths.max()))
        log_evidence = np.zeros((*shape, self.features.shape[1]), dtype=np.float32)
        log_evidence[rows, columns] = model.bent(self.features.copy())
        product = np.zeros(shape, dtype=np.int32)
        product[rows, columns] = self.candidates.indices
        is_candidate = np.zeros(shape, dtype=bool)
        is_candidate[rows, columns] = True
        targets, log_q = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
        targets[rows, columns], log_q[rows, columns] = self.targets, self.log_q
        arrays = (log_evidence, self.popularity, product, is_candidate, targets, log_q, self.state)
        return Batch(*map(torch.from_numpy, arrays))


def channel_examples(
    data: HeteroData, moments: Sequence[int], settings: Settings, folder: Path | None = None, *, are_whole: bool = False
) -> Iterator[Example]:
    """One example per moment (microseconds) that has a target within its horizon; the newest last.

    The features lie in files without a name in ``folder``, or where the system has temporary files. Where users and their
    candidates are more than ``model.max_entries_per_snapshot``, a user has a sample of them, and where that would be less than
    ``FEWEST_CANDIDATES``, some users are left out; of examples that are to be whole only users are.
    """
    for number, moment in enumerate(moments):
        started = time.monotonic()
        example = _example(snapshot(data, moment, settings.events), settings, number, folder, are_whole)
        n_users = example.n_users if example else 0
        log.info("snapshot %d of %d: %d users, %.1f s", number + 1, len(moments), n_users, time.monotonic() - started)
        if example is not None:
            yield example


def in_turn(examples: Iterable[Example]) -> Iterator[Example]:
    """The examples one after the other, each with its features in memory until the next is asked for."""
    for example in examples:
        yield example
        let_go(example.features)


def _example(past: Snapshot, settings: Settings, number: int, folder: Path | None, are_whole: bool) -> Example | None:
    # What a fit learns from ends with its horizon, and so does what it knows of returns.
    options, seed = settings.model, settings.model.seed + number
    end = past.as_of + options.horizon_days * DAY_MICROSECONDS
    users, products = held_out(
        past,
        days=options.horizon_days,
        orders_only=settings.evaluation.relevance == "order",
        exclude_bought_days=settings.rules.exclude_bought_days,
        returns_known_at=end,
    )
    weights = edge_weights(past, users, products, options.horizon_days, returns_known_at=end)
    targets = sparse.csr_array((weights, (users, products)), shape=(past.n_users, past.n_products))
    eligibility, active = Eligibility(past, settings), np.unique(users)
    lengths, is_reachable = _reach(eligibility, active, targets)
    limit, reachable = options.max_entries_per_snapshot, np.flatnonzero(is_reachable)
    most = past.n_products if are_whole else max(FEWEST_CANDIDATES, limit // max(1, len(reachable)))
    active = active[_sampled(reachable, np.minimum(lengths, most), limit, seed)]
    if not len(active):
        return None
    candidates, log_q = _sampled_candidates(eligibility, active, targets, most, seed)
    evidence = Evidence(past, options, n_asked=len(active))
    return Example(
        moment=past.as_of,
        users=active,
        candidates=candidates,
        features=spilled(evidence.features(active, candidates), folder),
        popularity=evidence.popularity,
        targets=CandidatePairs.of(candidates).at(targets[active]),
        log_q=log_q,
        state=past.state[active].astype(np.float32),
    )


def _reach(eligibility: Eligibility, users: Ints, targets: sparse.csr_array) -> tuple[Ints, Flags]:
    """[users] how many candidates each has, and whether one of the ``targets`` [users of the graph x products] is among them."""
    lengths, is_reachable = np.zeros(len(users), dtype=np.int64), np.zeros(len(users), dtype=bool)
    for rows in blocks_of(len(users), ROWS_PER_BLOCK):
        candidates = eligibility.candidates(users[rows])
        lengths[rows] = np.diff(candidates.indptr)
        is_reachable[rows] = targets[users[rows]].multiply(candidates).sum(axis=1) > 0
    return lengths, is_reachable


def _sampled_candidates(
    eligibility: Eligibility, users: Ints, targets: sparse.csr_array, most: int, seed: int
) -> tuple[sparse.csr_array, Floats32]:
    """[users x products] each user's targets and about ``most`` of its candidates, and [entries] log of the chance of each."""
    random = np.random.default_rng((seed, most))
    blocks, log_q = [], []
    for rows in blocks_of(len(users), ROWS_PER_BLOCK):
        candidates = eligibility.candidates(users[rows])
        row = row_of_entry(candidates)
        chance = np.minimum(1.0, most / np.maximum(np.diff(candidates.indptr), 1))[row]
        chance[CandidatePairs.of(candidates).at(targets[users[rows]]) > 0] = 1.0
        kept = random.random(candidates.nnz) < chance
        pairs = (row[kept], candidates.indices[kept])
        blocks.append(sparse.csr_array((candidates.data[kept], pairs), shape=candidates.shape))
        log_q.append(np.log(chance[kept]).astype(np.float32))
    return sparse.csr_array(sparse.vstack(blocks, format="csr")), np.concatenate(log_q)


def _sampled(rows: Ints, lengths: Ints, max_entries: int, seed: int) -> Ints:
    """As many of the rows, sampled at random, as hold ``max_entries`` candidates when padded; in ascending order."""
    shuffled = np.random.default_rng(seed).permutation(rows)
    padded = np.maximum.accumulate(lengths[shuffled]) * np.arange(1, len(shuffled) + 1)
    return np.sort(shuffled[padded <= max_entries])


def channel_scores(channels: GatedChannels, example: Example) -> Floats:
    """[entries] the channels' score of every candidate."""
    with torch.inference_mode():
        weights = channels.weights(torch.from_numpy(example.state)).numpy()
    row = row_of_entry(example.candidates)
    evidence = channels.log_evidence(example.features, channels.of_parts(example.popularity), example.candidates.indices)
    scores: Floats = np.einsum("ec,ec->e", evidence, weights[row]).astype(np.float64)
    return scores

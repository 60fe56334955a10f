"""The candidates that training compares a user's targets with: all of them, or a few sampled in three ways.

Sampling from several sources at once follows mixed negative sampling (Yang et al. 2020).
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from recs_assets.model_settings import NegativesSettings
from recs_assets.ranking.arrays import Flags, Floats, Floats32, Ints, positions
from recs_assets.ranking.candidates import top_of_sparse
from recs_assets.ranking.sparse_matrices import entry_of, row_of_entry

HARDEST = 100  # fitting candidates with the highest scores, among which hard negatives are sampled


@dataclass(frozen=True)
class Slates:
    """Some entries of the candidate matrix for every user, side by side.

    Attributes:
        entry: int64 [users x width] positions in ``candidates.indices``, 0 where there is none.
        is_candidate: bool [users x width] False on padding and on accidental hits.
        log_q: float32 [users x width] log of the expected number of times it is sampled; 0 for what is always there.
    """

    entry: Ints
    is_candidate: Flags
    log_q: Floats32


@dataclass(frozen=True)
class Sampler:
    """Samples slates for the users of one snapshot.

    Attributes:
        candidates: [users x products], indices sorted.
        targets: [entries] above 0 where the candidate is a target.
        log_q: [entries] log of the chance with which each got among the candidates; 0 for a target.
        scores: [entries] the channels' score.
        fits: bool [entries] whether the candidate fits the user's garage.
        settings: how many, and of which kind.
    """

    candidates: sparse.csr_array
    targets: Floats32
    log_q: Floats32
    scores: Floats
    fits: Flags
    settings: NegativesSettings

    def slates(self, rng: np.random.Generator) -> Slates:
        """Every user's targets, and the negatives sampled this time."""
        if self.settings.per_user is None:
            every = _padded(np.arange(self.candidates.nnz), self._row_of_entry, self.candidates.shape[0])
            return replace(every, log_q=np.where(every.is_candidate, self.log_q[every.entry], 0.0).astype(np.float32))
        targets = np.flatnonzero(self.targets > 0)
        always = _padded(targets, self._row_of_entry[targets], self.candidates.shape[0])
        counts = self._counts()
        ways = zip((self._in_batch, self._random, self._hard), counts, strict=True)
        sampled = [sample(count, rng) for sample, count in ways]
        entry = np.concatenate([entries for entries, _ in sampled], axis=1)
        is_negative = np.concatenate([is_candidate for _, is_candidate in sampled], axis=1)
        is_negative &= self.targets[entry] == 0
        expected = np.log(np.maximum(self._expected(entry, counts), 1e-12)) + self.log_q[entry]
        log_q = np.where(is_negative, expected, 0.0).astype(np.float32)
        return Slates(
            np.concatenate([always.entry, np.where(is_negative, entry, 0)], axis=1),
            np.concatenate([always.is_candidate, is_negative], axis=1),
            np.concatenate([always.log_q, log_q], axis=1),
        )

    def _counts(self) -> tuple[int, int, int]:
        total = self.settings.per_user or 0
        in_batch = round(total * self.settings.in_batch)
        hard = min(round(total * self.settings.fitment_hard), total - in_batch)
        return in_batch, total - in_batch - hard, hard

    @property
    def _row_of_entry(self) -> Ints:
        # Not kept: 8 bytes an entry of every snapshot, and a hundredth of a step to make.
        return row_of_entry(self.candidates)

    def _in_batch(self, count: int, rng: np.random.Generator) -> tuple[Ints, Flags]:
        """Targets of other users of the snapshot; one that is no candidate of this user is masked."""
        targets = self.candidates.indices[np.flatnonzero(self.targets > 0)]
        products = rng.choice(targets, size=(self.candidates.shape[0], count))
        user = np.arange(self.candidates.shape[0])[:, None]
        entry = np.minimum(entry_of(self.candidates, user, products), self.candidates.nnz - 1)
        return entry, (self._row_of_entry[entry] == user) & (self.candidates.indices[entry] == products)

    def _random(self, count: int, rng: np.random.Generator) -> tuple[Ints, Flags]:
        lengths = np.diff(self.candidates.indptr)[:, None]
        place = np.floor(rng.random((self.candidates.shape[0], count)) * lengths).astype(np.int64)
        return self.candidates.indptr[:-1, None] + place, np.ones_like(place, dtype=bool)

    def _hard(self, count: int, rng: np.random.Generator) -> tuple[Ints, Flags]:
        hard = self._hardest
        sizes = hard.is_candidate.sum(axis=1)[:, None]
        place = np.floor(rng.random((self.candidates.shape[0], count)) * sizes).astype(np.int64)
        entry = np.take_along_axis(hard.entry, place, axis=1)
        return entry, np.broadcast_to(sizes > 0, entry.shape).copy()

    @cached_property
    def _hardest(self) -> Slates:
        """The best scored of the fitting candidates; of all candidates for a user whom nothing fits."""
        row = self._row_of_entry
        has_fitting = np.bincount(row, self.fits, self.candidates.shape[0]) > 0
        allowed = np.flatnonzero(self.fits | ~has_fitting[row])
        within = sparse.csr_array((allowed, (row[allowed], self.candidates.indices[allowed])), shape=self.candidates.shape)
        within.sort_indices()
        top = top_of_sparse(self.scores[within.data], within, HARDEST)
        entry = entry_of(self.candidates, top["profile"].to_numpy(), top["product"].to_numpy())
        return _padded(entry, top["profile"].to_numpy(), self.candidates.shape[0])

    def _expected(self, entry: Ints, counts: tuple[int, int, int]) -> Floats:
        """How often each entry is sampled on average, by all three ways together."""
        in_batch, random, hard = counts
        targets = self.candidates.indices[np.flatnonzero(self.targets > 0)]
        share_of_targets = np.bincount(targets, minlength=self.candidates.shape[1]) / max(1, len(targets))
        hardest = self._hardest
        is_hard = np.zeros(self.candidates.nnz)
        rows, places = np.nonzero(hardest.is_candidate)
        is_hard[hardest.entry[rows, places]] = 1.0 / hardest.is_candidate.sum(axis=1)[rows]
        uniform = random / np.maximum(1, np.diff(self.candidates.indptr))[:, None]
        expected: Floats = in_batch * share_of_targets[self.candidates.indices[entry]] + uniform + hard * is_hard[entry]
        return expected


def _padded(entries: Ints, rows: Ints, n_rows: int) -> Slates:
    """Entries of ascending rows side by side."""
    place = positions(rows)
    shape = (n_rows, int(place.max(initial=-1)) + 1)
    entry, is_candidate = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
    entry[rows, place] = entries
    is_candidate[rows, place] = True
    return Slates(entry, is_candidate, np.zeros(shape, dtype=np.float32))

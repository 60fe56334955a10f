"""How many of a profile's candidates a system keeps, so that no rule of the list finds too few of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from recs_assets.ranking.arrays import Flags, Floats, Ints, positions
from recs_assets.ranking.candidates import top_of_sparse
from recs_assets.ranking.rules import PartAttributes, within_caps
from recs_assets.settings import RulesSettings

WIDER = 4  # times as many candidates are looked at where the caps leave too few


@dataclass(frozen=True)
class KeptCandidates:
    """What is kept of a profile's scored candidates: the best ones, and what the caps of a list leave of all of them.

    So a list made from the kept ones is as long as one made from all, and its slots hold as many fitting parts as the rules
    ask for, if there are so many: the caps on variants and types leave a certain number of the first n candidates, and never
    fewer of more (as long as a variant group lies within one part type).

    Attributes:
        best: parts kept by score alone.
        parts: attributes of every part.
        rules: the caps, and the lengths of a list and of a mail.
    """

    best: int
    parts: PartAttributes
    rules: RulesSettings

    def of(self, scores: Floats, candidates: sparse.csr_array) -> pd.DataFrame:
        """The kept candidates of each profile: the ``best`` by score; the first ``list_length + slots`` that the caps leave of
        all; and the first ``list_length`` that they leave of those that are not universal.

        Args:
            scores: float64[candidates.nnz], in the order of ``candidates.indices``.
            candidates: CSR [profiles x products], indices sorted.

        Returns:
            Columns profile int64, product int64, score float64, sorted by profile, score descending, product ascending.

        Raises:
            ValueError: the lengths differ, or a score is not a number.
        """
        kept: list[pd.DataFrame] = []
        own, values, asked, looked_at = candidates, scores, np.arange(candidates.shape[0]), self.best
        while not kept or len(asked):
            ranked = top_of_sparse(values, own, looked_at)
            profile, product, lengths = ranked["profile"].to_numpy(), ranked["product"].to_numpy(), np.diff(own.indptr)
            needed, is_short = self._needed(profile, product, lengths, looked_at)
            kept.append(ranked.take(needed).assign(profile=asked[profile[needed]]))
            asked, looked_at = asked[is_short], looked_at * WIDER
            if len(asked):
                values, own = values[np.repeat(is_short, lengths)], own[np.flatnonzero(is_short)]
        return pd.concat(kept, ignore_index=True).sort_values("profile", kind="stable", ignore_index=True)

    def _needed(self, profile: Ints, product: Ints, lengths: Ints, looked_at: int) -> tuple[Ints, Flags]:
        """The rows to keep, of the first ``looked_at`` candidates of each profile in rank order.

        Returns:
            The rows, and [profiles] whether the caps leave too few of them, where there are more: of these none is kept.
        """
        left, left_fitting = self._left(profile, product)
        n_left, n_fitting = (np.bincount(profile[rows], minlength=len(lengths)) for rows in (left, left_fitting))
        is_short = (lengths > looked_at) & ((n_left < self._n_left) | (n_fitting < self.rules.list_length))
        is_kept = positions(profile) < self.best
        is_kept[left[positions(profile[left]) < self._n_left]] = True
        is_kept[left_fitting[positions(profile[left_fitting]) < self.rules.list_length]] = True
        return np.flatnonzero(is_kept & ~is_short[profile]), is_short

    def _left(self, profile: Ints, product: Ints) -> tuple[Ints, Ints]:
        """What the caps leave of all ranked rows, and of those whose part is not universal."""
        every = np.arange(len(profile))
        fitting = every[~self.parts.is_universal[product]]
        left, left_fitting = (within_caps(rows, profile, product, self.parts, self.rules) for rows in (every, fitting))
        return left, left_fitting

    @property
    def _n_left(self) -> int:
        # As many as may have to make room for fitting parts stand in the slots.
        return self.rules.list_length + self.rules.slots

"""How many of a profile's candidates a system keeps, so that no rule of the list finds too few of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from recs_assets.ranking.arrays import Floats, Ints, positions
from recs_assets.ranking.candidates import top_of_sparse
from recs_assets.ranking.rules import PartAttributes, within_caps
from recs_assets.ranking.sparse_matrices import row_of_entry
from recs_assets.settings import RulesSettings


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
        top = top_of_sparse(scores, candidates, self.best)
        lengths = np.diff(candidates.indptr)
        enough = self._enough(top["profile"].to_numpy(), top["product"].to_numpy(), len(lengths))
        short = np.flatnonzero((lengths > self.best) & ~enough)
        if not len(short):
            return top
        entries = np.isin(row_of_entry(candidates), short)
        ranked = top_of_sparse(scores[entries], candidates[short], int(lengths[short].max()))
        more = ranked.take(self._needed(ranked["profile"].to_numpy(), ranked["product"].to_numpy()))
        more = more.assign(profile=short[more["profile"]])
        kept = pd.concat([top[~top["profile"].isin(short)], more], ignore_index=True)
        return kept.sort_values("profile", kind="stable", ignore_index=True)

    def _enough(self, profile: Ints, product: Ints, n_profiles: int) -> np.ndarray:
        """[profiles] whether the ranked rows hold all that a list may need."""
        left, left_fitting = self._left(profile, product)
        n_left, n_fitting = (np.bincount(profile[rows], minlength=n_profiles) for rows in (left, left_fitting))
        return (n_left >= self._n_left) & (n_fitting >= self.rules.list_length)

    def _needed(self, profile: Ints, product: Ints) -> Ints:
        """The rows to keep, in rank order, of rows that hold all candidates."""
        left, left_fitting = self._left(profile, product)
        first = left[positions(profile[left]) < self._n_left]
        first_fitting = left_fitting[positions(profile[left_fitting]) < self.rules.list_length]
        return np.unique(np.concatenate([np.flatnonzero(positions(profile) < self.best), first, first_fitting]))

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

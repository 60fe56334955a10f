"""Whether a change of the model helps, on the validation weeks: what channels and towers have to show before they are used."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recs_assets.cutoff import RECALL, K
from recs_assets.gnn.channels.examples import Example
from recs_assets.ranking import metrics
from recs_assets.ranking.arrays import Floats, Ints
from recs_assets.ranking.candidates import top_of_sparse
from recs_assets.ranking.sparse_matrices import row_of_entry
from recs_assets.ranking.statistics import WORSE, Difference, Lift, paired_difference, paired_lift


@dataclass(frozen=True)
class Figures:
    """What each row of a validation gets, a row a person in a week: mean -log p of what was held out, and Recall@K."""

    nll: Floats
    recall: Floats


@dataclass(frozen=True)
class Comparison:
    """What a change adds on the validation weeks.

    Attributes:
        nll: mean -log p of held-out parts against that without the change.
        weeks: the same difference in each week.
        recall: Recall@K against that without it.
    """

    nll: Difference
    weeks: list[float]
    recall: Lift

    @property
    def helps(self) -> bool:
        """Whether -log p is lower beyond chance and in each week by itself, and Recall@K not lower.

        Of Recall@K alone some hundred people show too little: it can refuse a change, and not prove it.
        """
        return self.nll.high < 0 and max(self.weeks) < 0 and self.recall.z > WORSE


def compare(before: Figures, after: Figures, user: NDArray[Any], week: Ints, confidence: float) -> Comparison:
    """What the same rows get before and after a change.

    Args:
        before: of every row.
        after: the same.
        user: [rows].
        week: [rows] of the validation.
        confidence: of the intervals.
    """
    level = 1 - confidence
    weeks = [float((after.nll - before.nll)[week == own].mean()) for own in np.unique(week)]
    nll = paired_difference(before.nll, after.nll, user, level)
    return Comparison(nll, weeks, paired_lift(before.recall, after.recall, user, level))


def recall_of(scores: Floats, example: Example) -> Floats:
    """[users of the snapshot], each of whom has something held out: Recall@K of the best candidates, before the list rules."""
    top = top_of_sparse(scores, example.candidates, K)
    ranked = top.assign(rank=top.groupby("profile").cumcount() + 1)
    targets = np.flatnonzero(example.targets)
    products = example.candidates.indices[targets].astype(np.int64)
    held_out = pd.DataFrame({"profile": row_of_entry(example.candidates)[targets], "product": products})
    recall: Floats = metrics.per_user(ranked, held_out, [K])[RECALL].to_numpy()
    return recall

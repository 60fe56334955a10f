"""Whether the towers help, measured crosswise on validation weeks.

Every epoch and scale that is tried is measured on the same validation users, and the best of many tries is best by luck too. So
the users are split into halves: each half is measured under the try that the other half would choose, as in two-fold nested
cross-validation (Stone 1974; Varma & Simon 2006). The scale that is kept is the one that all users together would choose, but
it counts only if the interval of the lift measured crosswise lies above zero.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from recs_assets.gnn.towers.examples import TowerExample
from recs_assets.ranking import metrics
from recs_assets.ranking.arrays import Floats
from recs_assets.ranking.candidates import top_of_sparse
from recs_assets.ranking.cutoff import RECALL, K
from recs_assets.ranking.sparse_matrices import row_of_entry
from recs_assets.ranking.statistics import Lift, paired_lift

SCALES = (0.25, 0.5, 1.0)  # that the dot product is tried with


def recalls(examples: Sequence[TowerExample], dots: Sequence[Floats], scale: float) -> pd.DataFrame:
    """Recall@K of every user of the snapshots, before the list rules: columns user, recall.

    Args:
        examples: the validation snapshots.
        dots: of each snapshot [entries] the dot product of every candidate.
        scale: what it is multiplied with before it is added to the channels' score.
    """
    tables = [pd.DataFrame({"user": [], "recall": []})]
    for example, dot in zip(examples, dots, strict=True):
        base = example.base
        top = top_of_sparse(example.scores + scale * dot, base.candidates, K)
        ranked = top.assign(rank=top.groupby("profile").cumcount() + 1)
        targets = np.flatnonzero(base.targets)
        products = base.candidates.indices[targets].astype(np.int64)
        held_out = pd.DataFrame({"profile": row_of_entry(base.candidates)[targets], "product": products})
        recall = metrics.per_user(ranked, held_out, [K])[RECALL]
        tables.append(pd.DataFrame({"user": base.users[recall.index], "recall": recall.to_numpy()}))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def best_of(curve: Sequence[dict[str, float]]) -> dict[str, float]:
    """The epoch with the best validation recall, the first of equals."""
    return max(curve, key=lambda row: row["recall"])


def earned_scale(
    alone: pd.DataFrame, tried: Sequence[torch.Tensor], curve: Sequence[dict[str, float]], confidence: float
) -> tuple[Lift | None, float]:
    """What the towers add on the validation weeks, measured crosswise, and the scale that follows from it.

    Args:
        alone: columns user, recall: the channels alone, a row a user and week.
        tried: of every epoch [scales x rows] the same rows' recall.
        curve: a row an epoch: recall at its best scale, and that scale.
        confidence: of the interval that must lie above zero; else the scale is 0.

    Returns:
        ``None`` and 0 where there is no validation user or no epoch.
    """
    if not len(alone) or not curve:
        return None, 0.0
    lift = crosswise_lift(alone, torch.cat(list(tried)).numpy(), confidence)
    return lift, best_of(curve)["scale"] if lift.low > 0 else 0.0


def crosswise_lift(alone: pd.DataFrame, tried: Floats, confidence: float) -> Lift:
    """The lift of the best of many tries without the luck of having been chosen.

    Args:
        alone: columns user, recall, a row a user and week.
        tried: [tries x rows] the same rows' recall under each try.
        confidence: of the interval.
    """
    users = alone["user"].to_numpy(np.int64)
    half = np.unique(users, return_inverse=True)[1] % 2
    together = np.empty(len(users))
    for own in (0, 1):
        other = half != own
        chosen = int(tried[:, other].mean(axis=1).argmax()) if other.any() else 0
        together[half == own] = tried[chosen, half == own]
    return paired_lift(alone["recall"].to_numpy(), together, users, level=1 - confidence)

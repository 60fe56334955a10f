"""Whether the towers help, measured on validation weeks so that the luck of having been chosen does not count."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from recs_assets.gnn.towers.examples import K, Lesson
from recs_assets.ranking import metrics
from recs_assets.ranking.arrays import Floats
from recs_assets.ranking.candidates import top_of_sparse
from recs_assets.ranking.statistics import Lift, paired_lift

SCALES = (0.25, 0.5, 1.0)


def recalls(found: Sequence[Lesson], dots: Sequence[Floats], scale: float) -> pd.DataFrame:
    """Recall@10 of every user of the snapshots before the list rules: columns user, recall."""
    tables = [pd.DataFrame({"user": [], "recall": []})]
    for lesson, dot in zip(found, dots, strict=True):
        example = lesson.example
        top = top_of_sparse(lesson.scores + scale * dot, example.candidates, K)
        ranked = top.assign(rank=top.groupby("profile").cumcount() + 1)
        entries = np.flatnonzero(example.targets)
        row = np.searchsorted(example.candidates.indptr, entries, side="right") - 1
        held_out = pd.DataFrame({"profile": row, "product": example.candidates.indices[entries].astype(np.int64)})
        recall = metrics.per_user(ranked, held_out, [K])[f"recall_at_{K}"]
        tables.append(pd.DataFrame({"user": example.users[recall.index], "recall": recall.to_numpy()}))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def earned_scale(
    alone: pd.DataFrame, tried: Sequence[torch.Tensor], curve: Sequence[dict[str, float]], confidence: float
) -> tuple[Lift | None, float]:
    """What the towers add on the validation weeks, measured crosswise, and the scale that follows from it.

    Args:
        alone: columns user, recall: the channels alone, a row a user and week.
        tried: of every epoch [scales x rows] the same rows' recall.
        curve: a row an epoch.
        confidence: of the interval that must lie above zero; else the scale is 0.

    Returns:
        ``None`` and 0 where there is no validation user or no epoch.
    """
    if not len(alone) or not curve:
        return None, 0.0
    lift = crosswise_lift(alone, torch.cat(list(tried)).numpy(), confidence)
    return lift, best_of(curve)["scale"] if lift.low > 0 else 0.0


def best_of(curve: Sequence[dict[str, float]]) -> dict[str, float]:
    """The epoch with the best validation Recall@10, the first of equals."""
    return max(curve, key=lambda row: row["recall"])


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

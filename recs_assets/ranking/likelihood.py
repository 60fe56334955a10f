"""How likely a system of scores finds what people took: the yardstick of choices inside the model.

Recall@K moves only where a part crosses the edge of a list; the likelihood moves with every score. On the same people it tells
two models apart with a third of the standard error, so the model's own choices go by it, and verdicts by Recall@K.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recs_assets.ranking.arrays import Flags, Floats, Ints
from recs_assets.ranking.sparse_matrices import row_of_entry
from recs_assets.ranking.statistics import NORMAL


@dataclass(frozen=True)
class MeanChange:
    """By how much a mean changes between two systems on the same rows.

    Attributes:
        mean: of the differences; NaN without any row.
        low: lower bound of the interval; NaN where there are fewer than two users.
        high: upper bound.
        z: the mean in standard errors; 0 where no user differs, NaN where there are fewer than two.
        n_users: distinct users.
    """

    mean: float
    low: float
    high: float
    z: float
    n_users: int


def surprisals(scores: Floats, entries: Ints, candidates: sparse.csr_array) -> Floats:
    """−log p of some candidates, where p is the softmax of a row's scores over all its candidates (Shannon 1948).

    Args:
        scores: [entries of ``candidates``], any real numbers.
        entries: [asked] which of them.
        candidates: [rows x products].

    Returns:
        [asked] in nats; log(n) is what n equal scores get.
    """
    filled = np.flatnonzero(np.diff(candidates.indptr))
    if not len(filled):
        return np.zeros(len(entries))
    highest, total = np.zeros(candidates.shape[0]), np.zeros(candidates.shape[0])
    starts = candidates.indptr[filled]
    highest[filled] = np.maximum.reduceat(scores, starts)
    total[filled] = np.log(np.add.reduceat(np.exp(scores - highest[row_of_entry(candidates)]), starts))
    row = np.searchsorted(candidates.indptr, entries, side="right") - 1
    asked: Floats = total[row] - (scores[entries] - highest[row])
    return asked


def negative_log_likelihood(scores: Floats, is_target: Flags, candidates: sparse.csr_array) -> Floats:
    """The mean of the surprisals of each row's targets.

    Args:
        scores: [entries of ``candidates``], any real numbers.
        is_target: [entries] the candidates that were taken.
        candidates: [rows x products].

    Returns:
        [rows] in nats, NaN where a row has no target among its candidates.
    """
    entries, n_rows = np.flatnonzero(is_target), candidates.shape[0]
    row = np.searchsorted(candidates.indptr, entries, side="right") - 1
    n_targets = np.bincount(row, minlength=n_rows)
    missed = np.bincount(row, surprisals(scores, entries, candidates), minlength=n_rows)
    return np.divide(missed, n_targets, out=np.full(n_rows, np.nan), where=n_targets > 0)


def mean_change(before: Floats, after: Floats, clusters: NDArray[Any], level: float = 0.05) -> MeanChange:
    """The change of a mean that is paired on rows, with its interval; rows that are NaN in both do not count.

    A user stands in several weeks, so rows are not independent but users are. With r a user's differences added up after the
    mean is taken from each, and G users in n rows, s^2 = G / (G - 1) sum(r^2) / n^2 (Liang & Zeger 1986), and the interval is
    mean -+ quantile x s.

    Args:
        before: float[rows].
        after: float[rows], of the same user and week.
        clusters: [rows], the user of each row.
        level: 1 - confidence of the interval.

    Raises:
        ValueError: a row has a number in one system alone: the two were not asked about the same candidates.
    """
    known = ~np.isnan(before)
    if not np.array_equal(known, ~np.isnan(after)):
        raise ValueError(f"rows do not pair: {known.sum()} have a number before and {(~np.isnan(after)).sum()} after.")
    differences = (after - before)[known]
    users, code = np.unique(np.asarray(clusters)[known], return_inverse=True)
    mean = float(differences.mean()) if len(users) else math.nan
    if len(users) < 2:
        return MeanChange(mean, math.nan, math.nan, math.nan, len(users))
    residuals = np.bincount(code, weights=differences - mean)
    error = math.sqrt(len(users) / (len(users) - 1) * float(np.square(residuals).sum())) / len(differences)
    reach = NORMAL.inv_cdf(1 - level / 2) * error
    z = mean / error if error > 0 else math.copysign(math.inf, mean) if mean else 0.0
    return MeanChange(mean, mean - reach, mean + reach, z, len(users))

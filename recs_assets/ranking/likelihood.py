"""How likely a system of scores finds what people took: the yardstick of choices inside the model.

Recall@K moves only where a part crosses the edge of a list; the likelihood moves with every score. On the same people it tells
two models apart with a third of the standard error, so the model's own choices go by it, and verdicts by Recall@K.
"""

import numpy as np
from scipy import sparse

from recs_assets.ranking.arrays import Flags, Floats, Ints
from recs_assets.ranking.sparse_matrices import row_of_entry


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

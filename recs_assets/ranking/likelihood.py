"""How likely a system of scores finds what people took: the yardstick of choices inside the model.

Recall@K moves only where a part crosses the edge of a list; the likelihood moves with every score. On the same people it tells
two models apart with a third of the standard error, so the model's own choices go by it, and verdicts by Recall@K.
"""

import numpy as np
from scipy import sparse

from recs_assets.ranking.arrays import Flags, Floats
from recs_assets.ranking.sparse_matrices import row_of_entry


def negative_log_likelihood(scores: Floats, is_target: Flags, candidates: sparse.csr_array) -> Floats:
    """The mean of −log p over each row's targets, where p is the softmax of the row's scores over all its candidates.

    Args:
        scores: [entries of ``candidates``], any real numbers.
        is_target: [entries] the candidates that were taken.
        candidates: [rows x products].

    Returns:
        [rows] in nats, NaN where a row has no target among its candidates. log(n) is what n equal scores get.
    """
    filled = np.flatnonzero(np.diff(candidates.indptr))
    row, starts = row_of_entry(candidates), candidates.indptr[filled]
    losses = np.full(candidates.shape[0], np.nan)
    if not len(filled):
        return losses
    highest, total = np.zeros(candidates.shape[0]), np.zeros(candidates.shape[0])
    highest[filled] = np.maximum.reduceat(scores, starts)
    shifted = scores - highest[row]
    total[filled] = np.log(np.add.reduceat(np.exp(shifted), starts))
    n_targets = np.bincount(row[is_target], minlength=len(losses))
    missed = np.bincount(row[is_target], (total[row] - shifted)[is_target], minlength=len(losses))
    np.divide(missed, n_targets, out=losses, where=n_targets > 0)
    return losses

"""Snapshots made up of numbers: whose features and targets a test has planted."""

import numpy as np
from scipy import sparse

from recs_assets.gnn.channels.examples import Example
from recs_assets.gnn.channels.popularity import POPULARITY
from recs_assets.ranking.arrays import Floats32


def planted(features: Floats32, targets: Floats32, state: Floats32, *, moment: int = 0, first_user: int = 0) -> Example:
    """Users who may all be shown every part, none of which anybody has touched.

    Args:
        features: [users x parts x channels].
        targets: [users x parts].
        state: [users x 3].
        moment: of the snapshot.
        first_user: the lowest of the users' rows.
    """
    n_users, n_parts, n_channels = features.shape
    return Example(
        moment=moment,
        users=np.arange(n_users) + first_user,
        candidates=sparse.csr_array(np.ones((n_users, n_parts), dtype=bool)),
        features=features.reshape(-1, n_channels),
        popularity=np.zeros((n_parts, len(POPULARITY)), dtype=np.float32),
        targets=targets.ravel(),
        log_q=np.zeros(targets.size, dtype=np.float32),
        state=state,
    )

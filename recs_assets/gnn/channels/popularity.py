"""What the popularity of a part is read off: one row a part, the same for everybody, so that it is kept once and looked up.

How loud a decayed count is against the part that nobody touched is learned with the weights of the channels: see ``gated_model``.
"""

import numpy as np

from recs_assets.gnn.snapshots import Snapshot
from recs_assets.model_settings import ModelSettings
from recs_assets.ranking.arrays import Floats, Floats32

# The channels that are one number a part, one a half-life.
POPULARITY = ("popularity_fast", "popularity_middle", "popularity_slow")
# What nobody touched has this share of the mean, so that its logarithm is finite.
FLOOR = 0.02


def floored_shares(amounts: Floats) -> Floats:
    """[n] the share of each in all of them, none of them zero."""
    floored = amounts + FLOOR * max(amounts.mean() if len(amounts) else 0.0, np.finfo(float).tiny)
    shares: Floats = floored / floored.sum()
    return shares


def decayed_counts(past: Snapshot, settings: ModelSettings) -> Floats:
    """[products x half-lives] weights of all events of a part, halved with every half-life of age."""
    weights = [past.weights(half_life) for half_life in settings.popularity_half_lives_days]
    return np.stack([np.bincount(past.log.product, own, past.n_products).astype(np.float64) for own in weights], axis=1)


def popularity_inputs(counts: Floats) -> Floats32:
    """[products x half-lives] decayed counts over their mean; zeros where there is no event at all."""
    return np.asarray(counts / np.maximum(counts.mean(axis=0), np.finfo(float).tiny), dtype=np.float32)

"""What the popularity of a part is read off: one row a part, the same for everybody, so that it is kept once and looked up.

How loud a decayed count is against the part that nobody touched, and what the counts of the last weeks and the age of a part are
worth, is learned with the weights of the channels: see ``gated_model``.
"""

import numpy as np

from recs_assets.gnn.snapshots import DAY_MICROSECONDS, WEEK_MICROSECONDS, Snapshot
from recs_assets.model_settings import ModelSettings
from recs_assets.ranking.arrays import Floats, Floats32
from recs_assets.ranking.sparse_matrices import incidence

HALF_LIVES = ("popularity_fast", "popularity_middle", "popularity_slow")
# The channels that are one number a part, in the order of ``GatedChannels.log_shares``.
POPULARITY = (*HALF_LIVES, "popularity_learned")
N_WEEKS = 6
AGE_DAYS = (42.0, 14.0)
# What ``popularity_learned`` is linear in: people in each of the last weeks, newest first, and the days since the first of them.
TRAITS = (
    *(f"people_{week}_weeks_ago" for week in range(N_WEEKS)),
    "log_age",
    *(f"younger_than_{days:g}_days" for days in AGE_DAYS),
)


def popularity_inputs(past: Snapshot, settings: ModelSettings) -> Floats32:
    """[products x (half-lives + traits)] decayed event weight over its mean, at each half-life; then the traits, standardised.

    With n the people who touched the part in a week and m the mean of n over all parts, a week's trait is
    log((n + 0.2 m + 0.1) / (1.2 m + 0.1)). With d the days since the part's first event, the traits of its age are log(1 + d) and
    e^(-d / 42), e^(-d / 14). All have mean 0 and variance 1 over the parts; a part without an event, which has no age, has their
    mean.
    """
    counts = [_over_mean(decayed_weight(past, half_life)) for half_life in settings.popularity_half_lives_days]
    return np.stack([*counts, *_weeks(past), *_ages(past)], axis=1).astype(np.float32)


def decayed_weight(past: Snapshot, half_life_days: float) -> Floats:
    """[products] weights of all events, halved with every half-life of age."""
    return np.bincount(past.log.product, past.weights(half_life_days), past.n_products).astype(np.float64)


def _over_mean(counts: Floats) -> Floats:
    over: Floats = counts / max(counts.mean(), np.finfo(float).tiny)
    return over


def _weeks(past: Snapshot) -> list[Floats]:
    columns = []
    for week in range(N_WEEKS):
        events = past.log.between(past.as_of - (week + 1) * WEEK_MICROSECONDS, past.as_of - week * WEEK_MICROSECONDS)
        pairs = incidence(np.stack([events.user, events.product]), (past.n_users, past.n_products))
        people = np.asarray(pairs.sum(axis=0)).ravel()
        mean = people.mean()
        columns.append(_standardised(np.log((people + 0.2 * mean + 0.1) / (1.2 * mean + 0.1))))
    return columns


def _ages(past: Snapshot) -> list[Floats]:
    first = np.full(past.n_products, past.as_of, dtype=np.int64)
    np.minimum.at(first, past.log.product, past.log.time)
    known = np.flatnonzero(first < past.as_of)
    days = (past.as_of - first[known]) / DAY_MICROSECONDS
    columns = []
    for values in (np.log1p(days), *(np.exp(-days / scale) for scale in AGE_DAYS)):
        column = np.zeros(past.n_products)
        column[known] = _standardised(values)
        columns.append(column)
    return columns


def _standardised(values: Floats) -> Floats:
    if not len(values):
        return values
    spread = values.std()
    # What is the same for all parts but for a rounding error says nothing.
    scaled: Floats = (values - values.mean()) / spread if spread > 1e-9 else np.zeros_like(values)
    return scaled

"""The model's form on static data: log evidence summed with weights that depend on the user, learned by softmax.

    score(u, p) = sum over channels c of (a_c + b_c * state(u)) * log(1 + x_c(u, p) / epsilon_c)

The state is the log of the user's number of items, standardised. The problem is convex, so there is nothing to tune.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, sparse

from recs_assets.experiments.reference.evidence import StaticEvidence
from recs_assets.experiments.reference.splits import best_unseen, chunks, hide
from recs_assets.ranking.arrays import Flags, Floats, Floats32, Ints
from recs_assets.settings import Settings

MIN_FOLDS = 2
USERS = 8_000  # learned from, over all folds
POOL_PER_CHANNEL = 100
RIDGE = 1e-4
EPSILON_SHARE = 0.1  # of a channel's median evidence, where log(1 + x / epsilon) turns from linear to logarithmic


@dataclass(frozen=True)
class Pool:
    """What is learned from: for some users the items that any channel ranks high, with the evidence for them.

    Attributes:
        evidence: [entries x channels] before the logarithm.
        is_target: [entries] whether the item was hidden.
        starts: [users + 1] where each user's entries begin.
        state: [users] log of the number of items kept.
    """

    evidence: Floats32
    is_target: Flags
    starts: Ints
    state: Floats


@dataclass(frozen=True)
class Mixture:
    """Fitted weights.

    Attributes:
        epsilon: [channels].
        base: [channels] weights of a user in the mean state.
        slope: [channels] what one standard deviation of the state adds.
        mean, deviation: of the state.
    """

    epsilon: Floats
    base: Floats
    slope: Floats
    mean: float
    deviation: float

    def score(self, evidence: StaticEvidence, users: Ints) -> Floats32:
        """[users x items] scores."""
        state = (_state(evidence.train[users]) - self.mean) / self.deviation
        weights = (self.base + state[:, None] * self.slope).astype(np.float32)
        scores = np.zeros((len(users), evidence.train.shape[1]), dtype=np.float32)
        for number, values in enumerate(evidence.of(users)):
            scores += weights[:, [number]] * np.log1p(values * np.float32(1 / self.epsilon[number]))
        return scores


def learn(train: sparse.csr_array, names: tuple[str, ...], settings: Settings) -> Mixture:
    """Weights from items of ``train`` that are hidden for everybody and ranked again for some users, in a few folds."""
    rng = np.random.default_rng(settings.model.seed)
    n_folds = max(MIN_FOLDS, math.ceil(USERS / train.shape[0]))
    return fit([pool(*hide(train, rng), names, settings, rng, USERS // n_folds) for _ in range(n_folds)])


def pool(
    kept: sparse.csr_array,
    hidden: sparse.csr_array,
    names: tuple[str, ...],
    settings: Settings,
    rng: np.random.Generator,
    n_users: int,
) -> Pool:
    """The candidates of users sampled at random: each channel's first 100 items that the user does not have.

    Args:
        kept: CSR [users x items], what evidence is made of.
        hidden: CSR [users x items], the targets.
        names: the channels.
        settings: see :class:`StaticEvidence`.
        rng: samples the users.
        n_users: users sampled at most.
    """
    evidence = StaticEvidence(kept, names, settings)
    able = np.flatnonzero((np.diff(hidden.indptr) > 0) & (np.diff(kept.indptr) > 0))
    users = np.sort(rng.permutation(able)[:n_users])
    parts, targets, lengths = [], [], []
    for chosen in chunks(users):
        channels = evidence.of(chosen)
        is_candidate = np.zeros(channels[0].shape, dtype=bool)
        for values in channels:
            np.put_along_axis(is_candidate, best_unseen(values, kept[chosen], POOL_PER_CHANNEL), True, axis=1)
        is_candidate &= kept[chosen].toarray() == 0
        parts.append(np.stack([values[is_candidate] for values in channels], axis=1))
        targets.append(hidden[chosen].toarray()[is_candidate] > 0)
        lengths.append(is_candidate.sum(axis=1))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    return Pool(np.concatenate(parts), np.concatenate(targets), starts, _state(kept[users]))


def fit(pools: Sequence[Pool]) -> Mixture:
    """The weights under which the hidden items are likeliest: softmax over a user's candidates, one term a target.

    Minimised by L-BFGS (Liu & Nocedal 1989).
    """
    evidence = np.concatenate([pool.evidence for pool in pools])
    is_target = np.concatenate([pool.is_target for pool in pools])
    lengths = np.concatenate([np.diff(pool.starts) for pool in pools])
    state = np.concatenate([pool.state for pool in pools])
    mean, deviation = float(state.mean()), float(state.std()) or 1.0
    epsilon = np.array([EPSILON_SHARE * np.median(column[column > 0]) if (column > 0).any() else 1.0 for column in evidence.T])
    logs = np.log1p(evidence / epsilon)
    row = np.repeat(np.arange(len(lengths)), lengths)
    inputs = np.hstack([logs, logs * ((state - mean) / deviation)[row, None]])
    weights = _likeliest(inputs, is_target, lengths)
    base, slope = np.split(weights, 2)
    return Mixture(epsilon, base, slope, mean, deviation)


def _likeliest(inputs: Floats, is_target: Flags, lengths: Ints) -> Floats:
    scale = inputs.std(axis=0)
    scale[scale == 0] = 1.0
    inputs = inputs / scale
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    row = np.repeat(np.arange(len(lengths)), lengths)
    n_targets = np.add.reduceat(is_target.astype(np.float64), starts)
    total = max(1.0, n_targets.sum())

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = inputs @ weights
        scores -= np.maximum.reduceat(scores, starts)[row]
        shares = np.exp(scores)
        sums = np.add.reduceat(shares, starts)
        shares *= (n_targets / sums)[row]
        value = (n_targets @ np.log(sums) - scores[is_target].sum()) / total + RIDGE / 2 * weights @ weights
        return float(value), (inputs.T @ (shares - is_target)) / total + RIDGE * weights

    optimum = optimize.minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return np.asarray(optimum.x / scale, dtype=np.float64)


def _state(history: sparse.csr_array) -> Floats:
    return np.asarray(np.log(np.maximum(np.diff(history.indptr), 1)), dtype=np.float64)

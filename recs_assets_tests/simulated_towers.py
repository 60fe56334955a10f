"""Worlds in which the towers have no effect: what people take follows the channels, and the dot products know nothing of it."""

from dataclasses import dataclass

import numpy as np

from recs_assets.gnn.towers.validation import SCALES, People, Tried
from recs_assets.ranking.arrays import Floats, Ints

DIMENSION = 8
WEEKS = 4
ATTENDANCE = 0.5  # of a person in a week
MOST_TAKEN = 8
FASHION = 0.5  # standard deviation of a week's fashion, in the logarithm of a part's share
SHARES = (0.3, 0.1, 0.6)  # of cold, warm and hot people


@dataclass(frozen=True)
class World:
    """How large a world is.

    Attributes:
        n_users: people, each in every validation week with the chance ``ATTENDANCE``.
        n_parts: candidates of everybody.
        n_epochs: of towers whose vectors grow from epoch to epoch, from what they were before.
    """

    n_users: int
    n_parts: int
    n_epochs: int


def no_effect(world: World, rng: np.random.Generator) -> tuple[People, list[Tried]]:
    """The people of such a world and what they get after every epoch, as ``validation.tried`` gives it.

    What a row takes, one to eight times, is drawn from the softmax of the channels' scores and of the week's fashion, which
    nobody could know. The dot products are those of random vectors, with a part that is the same for everybody, and end as large
    as the differences between the channels' scores. Recall is the same throughout, so that it vetoes nothing.
    """
    is_there = rng.random((world.n_users, WEEKS)) < ATTENDANCE
    user, week = np.nonzero(is_there)
    stratum = rng.choice(len(SHARES), world.n_users, p=SHARES)[user]
    scores = 1.5 * rng.normal(size=world.n_parts) + rng.normal(size=(len(user), world.n_parts))
    liked = np.exp(scores + FASHION * rng.normal(size=(WEEKS, world.n_parts))[week])
    share = liked / liked.sum(axis=1, keepdims=True)
    taken = rng.multinomial(rng.integers(1, MOST_TAKEN + 1, len(user)), share)
    of_users, of_parts = np.zeros((world.n_users, DIMENSION)), np.zeros((world.n_parts, DIMENSION))
    of_all, step, epochs = np.zeros(world.n_parts), world.n_epochs**-0.5, []
    for _ in range(world.n_epochs):
        of_users, of_parts, of_all = (values + step * rng.normal(size=values.shape) for values in (of_users, of_parts, of_all))
        dots = of_all + (of_users @ of_parts.T)[user] / DIMENSION**0.5
        nll = np.stack([_nll(scores + scale * dots, taken) for scale in SCALES])
        epochs.append(Tried(nll, np.ones_like(nll)))
    return People(user, stratum, week), epochs


def _nll(scores: Floats, taken: Ints) -> Floats:
    """[rows] as ``ranking.likelihood.negative_log_likelihood``, of parts that may be taken more than once."""
    missed: Floats = np.log(np.exp(scores).sum(axis=1)) - (scores * taken).sum(axis=1) / taken.sum(axis=1)
    return missed

"""Whether the towers help, and whom, measured crosswise on validation weeks.

How much the dot product counts is a gate of what is known of a person: a scale a stratum, out of a few, that never rises from
cold to warm to hot people, of whom the channels know most. It goes by the likelihood of what people took, which sees what
Recall@K cannot.

Every epoch and every choice of scales is measured on the same validation weeks, and the best of many is best by luck too. So the
weeks are split into halves, every other one: each half is measured under the epoch and the scales that the other half would
choose, as in two-fold nested cross-validation (Stone 1974; Varma & Simon 2006). Weeks and not users, as the fashion of a week is
luck that all users share. What is kept is what all weeks together would choose, but it counts only where what is measured
crosswise shows that it helps, and in every week by itself: more people do not make the fashion of a few weeks less of a chance. A
single week shows nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from recs_assets.gnn.towers.examples import TowerExample
from recs_assets.gnn.validation import Comparison, Figures, compare, recall_of
from recs_assets.ranking.arrays import Floats, Ints
from recs_assets.ranking.likelihood import negative_log_likelihood
from recs_assets.ranking.strata import STRATA

SCALES = np.array([0.0, 0.0625, 0.125, 0.25, 0.5, 1.0])  # that the dot product is tried with; the first: channels alone
# [choices x strata] positions in SCALES that do not rise from cold to hot, the smallest first.
CHOICES: Ints = np.array(list(combinations_with_replacement(range(len(SCALES)), len(STRATA))))[:, ::-1]
NOTHING: Mapping[str, float] = dict.fromkeys(STRATA, 0.0)


@dataclass(frozen=True)
class People:
    """The rows of a validation: a user in a week, with something held out among the candidates.

    Attributes:
        user: [rows].
        stratum: [rows] position in ``STRATA``.
        week: [rows] of the validation, counted from 0.
    """

    user: Ints
    stratum: Ints
    week: Ints

    @staticmethod
    def of(examples: Sequence[TowerExample]) -> "People":
        """The people of the validation snapshots, in their order."""
        users, strata = [example.base.users for example in examples], [example.stratum for example in examples]
        weeks = [np.full(len(own), week) for week, own in enumerate(users)]
        return People(*(np.concatenate([np.empty(0, np.int64), *parts]) for parts in (users, strata, weeks)))


@dataclass(frozen=True)
class Tried:
    """What the rows of a validation get under every scale, after one epoch.

    Attributes:
        nll: [scales x rows] mean -log p of what was held out.
        recall: [scales x rows] Recall@K.
    """

    nll: Floats
    recall: Floats


@dataclass(frozen=True)
class Choice:
    """An epoch and a scale for each stratum.

    Attributes:
        epoch: counted from 1.
        scales: [strata] positions in ``SCALES``.
        gain: how far it brings the mean -log p of those who choose below that of the channels alone.
    """

    epoch: int
    scales: Ints
    gain: float

    @property
    def by_stratum(self) -> dict[str, float]:
        """The scale of each stratum."""
        return dict(zip(STRATA, SCALES[self.scales].tolist(), strict=True))


@dataclass(frozen=True)
class Earned(Comparison):
    """What the towers add on the validation weeks to the channels alone, crosswise.

    Attributes:
        scales: what the dot product is multiplied with, by stratum; all 0 where the towers have not earned their place.
        choice: what all people together would choose.
    """

    scales: Mapping[str, float]
    choice: Choice


def tried(examples: Sequence[TowerExample], dots: Sequence[Floats]) -> Tried:
    """Every row's figures under every scale, before the list rules.

    Args:
        examples: the validation snapshots.
        dots: of each snapshot [entries] the dot product of every candidate.
    """
    losses, recalls = [np.empty((len(SCALES), 0))], [np.empty((len(SCALES), 0))]
    for example, dot in zip(examples, dots, strict=True):
        base, under = example.base, [example.scores + scale * dot for scale in SCALES]
        losses.append(np.stack([negative_log_likelihood(scores, base.targets > 0, base.candidates) for scores in under]))
        recalls.append(np.stack([recall_of(scores, base) for scores in under]))
    return Tried(np.concatenate(losses, axis=1), np.concatenate(recalls, axis=1))


def best_choice(losses: Sequence[Floats], stratum: Ints) -> Choice:
    """The epoch and the scales with the least mean -log p; among equals the first epoch and the smallest scales.

    Args:
        losses: of every epoch, one at least, -log p [scales x rows].
        stratum: [rows] position in ``STRATA``.
    """
    totals = np.array([[loss[:, stratum == own].sum(axis=1) for own in range(len(STRATA))] for loss in losses])
    costs = totals[:, np.arange(len(STRATA)), CHOICES].sum(axis=2)
    epoch, choice = divmod(int(costs.argmin()), len(CHOICES))
    return Choice(epoch + 1, CHOICES[choice], float(costs[0, 0] - costs[epoch, choice]) / max(1, len(stratum)))


def earned(people: People, epochs: Sequence[Tried], confidence: float) -> Earned | None:
    """What the towers add, and the scales that follow; ``None`` where there is nobody to validate or no epoch.

    Args:
        people: the rows of the validation.
        epochs: their figures.
        confidence: of the intervals.
    """
    if not len(people.user) or not epochs:
        return None
    choice = best_choice([epoch.nll for epoch in epochs], people.stratum)
    together, alone = crosswise(people, epochs), epochs[0]
    before, after = (Figures(of.nll[0], of.recall[0]) for of in (alone, together))
    shown = compare(before, after, people.user, people.week, confidence)
    return Earned(**vars(shown), scales=choice.by_stratum if shown.helps else NOTHING, choice=choice)


def crosswise(people: People, epochs: Sequence[Tried]) -> Tried:
    """[1 x rows] each half of the weeks under what the other half would choose."""
    half, shape = people.week % 2, (1, len(people.week))
    together = Tried(np.empty(shape), np.empty(shape))
    for own in (0, 1):
        rows, other = np.flatnonzero(half == own), half != own
        choice = best_choice([epoch.nll[:, other] for epoch in epochs], people.stratum[other])
        chosen, scales = epochs[choice.epoch - 1], choice.scales[people.stratum[rows]]
        together.nll[0, rows], together.recall[0, rows] = chosen.nll[scales, rows], chosen.recall[scales, rows]
    return together

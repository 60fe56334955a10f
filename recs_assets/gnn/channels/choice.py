"""Whether the model hears the walk that forgets nothing: the validation weeks decide, where the settings leave it open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from recs_assets.gnn.channels import training
from recs_assets.gnn.channels.evidence import feature_names
from recs_assets.gnn.channels.examples import Example, channel_scores, in_turn
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.gnn.channels.training import Fit, fit
from recs_assets.gnn.channels.undecayed_walk import NAME
from recs_assets.gnn.validation import Comparison, Figures, compare, recall_of
from recs_assets.ranking.arrays import Floats
from recs_assets.ranking.cutoff import K
from recs_assets.ranking.likelihood import negative_log_likelihood
from recs_assets.ranking.statistics import Difference, paired_difference
from recs_assets.settings import Settings

# The weight that the walk is given on top of a fit without it, to see whether that points in the right direction.
NUDGE = 0.05
SIGN = -1.0  # standard errors by which -log p then has to fall for a fit with it to be worth its time


@dataclass(frozen=True)
class Chosen:
    """The channels that are heard.

    Attributes:
        settings: in which it is decided.
        fit: of these channels, on the snapshots before the validation weeks.
        nudged: of -log p of the validation weeks, by a little of the walk; ``None``: it was not asked.
        shown: what the walk adds there; ``None``: it was not fitted.
    """

    settings: Settings
    fit: Fit
    nudged: Difference | None
    shown: Comparison | None

    @property
    def words(self) -> str:
        """What was decided, and why."""
        heard = f"{NAME} is {'heard' if self.settings.model.undecayed_walk else 'not heard'}"
        if self.shown is not None:
            nll, recall = self.shown.nll, self.shown.recall
            return (
                f"{heard}: -log p of the validation weeks {nll.mean:+.4f} ({nll.low:+.4f} to {nll.high:+.4f}, z {nll.z:+.1f}), "
                f"Recall@{K} {recall.lift:+.1%} (z {recall.z:+.1f})"
            )
        if self.nudged is not None:
            return f"{heard}: a little of it does not lower -log p of the validation weeks (z {self.nudged.z:+.1f})"
        return f"{heard}: the validation weeks were not asked"


def choose_channels(
    before: Sequence[Example],
    validation: Sequence[Example],
    settings: Settings,
    report: Callable[[str], None] = training.log.info,
) -> Chosen:
    """Fit without the undecayed walk, and with it where that may help; keep it where it does (``Comparison.helps``).

    Whether it may is asked of the slope of -log p of the validation weeks where the weight of the walk is zero, as in Rao's score
    test (1948): nearly free, where a second fit costs as much as the first.

    Args:
        before: snapshots whose targets lie before the validation weeks.
        validation: snapshots whose targets are the validation weeks.
        settings: ``model.undecayed_walk`` true or false leaves nothing to choose.
        report: takes lines of progress.

    Raises:
        NoTrainingDataError: there is nothing to learn from.
        FloatingPointError: a loss is not finite any more.
    """
    if settings.model.undecayed_walk is not None:
        return Chosen(settings, fit(before, settings, report), None, None)
    without, hearing = decided(settings, hears=False), decided(settings, hears=True)
    first = fit(before, without, report)
    if not validation:
        return Chosen(without, first, None, None)
    users = np.concatenate([example.users for example in validation])
    weeks = np.concatenate([np.full(example.n_users, week) for week, example in enumerate(validation)])
    confidence, scores = settings.towers.confidence, _scores(first.model, validation)
    alone, column = _figures(scores, validation), feature_names(settings.model).index(NAME)
    little = [own + NUDGE * example.features[:, column] for own, example in zip(scores, in_turn(validation), strict=True)]
    nudged = paired_difference(alone.nll, _nll(little, validation), users, 1 - confidence)
    if nudged.z >= SIGN:
        return Chosen(without, first, nudged, None)
    second = fit(before, hearing, report)
    shown = compare(alone, _figures(_scores(second.model, validation), validation), users, weeks, confidence)
    return Chosen(hearing, second, nudged, shown) if shown.helps else Chosen(without, first, nudged, shown)


def decided(settings: Settings, *, hears: bool) -> Settings:
    """The settings with nothing left open: the walk is heard or it is not there."""
    return settings.model_copy(update={"model": settings.model.model_copy(update={"undecayed_walk": hears})})


def _scores(model: GatedChannels, validation: Sequence[Example]) -> list[Floats]:
    return [channel_scores(model, example) for example in in_turn(validation)]


def _figures(scores: Sequence[Floats], validation: Sequence[Example]) -> Figures:
    recalls = [recall_of(own, example) for own, example in zip(scores, validation, strict=True)]
    return Figures(_nll(scores, validation), np.concatenate(recalls))


def _nll(scores: Sequence[Floats], validation: Sequence[Example]) -> Floats:
    pairs = zip(scores, validation, strict=True)
    return np.concatenate([negative_log_likelihood(own, example.targets > 0, example.candidates) for own, example in pairs])

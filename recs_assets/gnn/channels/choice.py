"""Which optional channels the model uses: the validation weeks decide, where the settings leave it open."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from torch_geometric.data import HeteroData

from recs_assets.cutoff import K
from recs_assets.gnn.channels import training
from recs_assets.gnn.channels.evidence import feature_names
from recs_assets.gnn.channels.examples import Example, channel_scores, in_turn
from recs_assets.gnn.channels.optional import SETTINGS, OptionalChannels, selected, undecided, with_history, with_selected
from recs_assets.gnn.channels.split_examples import SplitExamples
from recs_assets.gnn.channels.training import Fit, fit
from recs_assets.gnn.snapshots import snapshot
from recs_assets.gnn.validation import Comparison, Figures, compare, recall_of
from recs_assets.model_settings import ModelSettings
from recs_assets.ranking.arrays import Floats, Floats32
from recs_assets.ranking.likelihood import negative_log_likelihood
from recs_assets.ranking.statistics import Difference, paired_difference
from recs_assets.settings import Settings

# The weight that a channel is given on top of a fit without it: so little that what comes of it is a slope.
NUDGE = 0.001
SIGN = -1.0  # standard errors by which -log p then has to fall for a fit with it to be worth its time

# The feature column of a channel, by its name, for an example.
Column = Callable[[Example, str], Floats32]


@dataclass(frozen=True)
class Decision:
    """What was found of one optional channel.

    Attributes:
        is_selected: what came of it.
        nudged: of -log p of the validation weeks, by a little of the channel; ``None``: they were not asked.
        shown: what the channel adds there; ``None``: it was not fitted.
    """

    is_selected: bool
    nudged: Difference | None = None
    shown: Comparison | None = None

    @property
    def words(self) -> str:
        """What was decided, and why."""
        came = "selected" if self.is_selected else "not selected"
        if self.shown is not None:
            nll, recall = self.shown.nll, self.shown.recall
            return (
                f"{came}: -log p of the validation weeks {nll.mean:+.4f} ({nll.low:+.4f} to {nll.high:+.4f}, z {nll.z:+.1f}), "
                f"Recall@{K} {recall.lift:+.1%} (z {recall.z:+.1f})"
            )
        if self.nudged is not None:
            return f"{came}: a little of it lowers -log p of the validation weeks by no standard error (z {self.nudged.z:+.1f})"
        return f"{came}: the validation weeks were not asked"


@dataclass(frozen=True)
class Chosen:
    """The channels that are selected.

    Attributes:
        settings: in which it is decided.
        fit: of these channels, on the snapshots before the validation weeks.
        decisions: by optional channel.
    """

    settings: Settings
    fit: Fit
    decisions: Mapping[str, Decision]

    @property
    def words(self) -> dict[str, str]:
        """By optional channel, whether it is selected, and why."""
        return {name: decision.words for name, decision in self.decisions.items()}


def columns_of(data: HeteroData, settings: Settings) -> Column:
    """What optional channels say of the candidates of an example, worked out from the graph when it is asked for."""

    def column(example: Example, name: str) -> Floats32:
        past = snapshot(data, example.moment, settings.events)
        values = np.zeros(example.candidates.nnz, dtype=np.float32)
        places, active, candidates = with_history(past, example.users, example.candidates)
        channels = OptionalChannels(past, n_asked=len(active))
        values[places] = channels.of(name, active, candidates, settings.compute.cores)
        return values

    return column


def choose_channels(
    examples: SplitExamples,
    column: Column,
    settings: Settings,
    report: Callable[[str], None] = training.log.info,
    folder: Path | None = None,
) -> tuple[Chosen, SplitExamples]:
    """Fit without the channels that are left open; with one more where that may help, and keep it where it does.

    Forward selection: the one of greatest promise is fitted first, and the others are asked again beside it if it is kept
    (``Comparison.helps``). What a channel promises is the slope of -log p of the validation weeks where its weight is zero, as in
    Rao's score test (1948): nearly free, where a second fit costs as much as the first.

    Args:
        examples: snapshots to learn from and to validate on, with the features that ``settings.model`` selects as it stands.
        column: of the channels that are left open.
        settings: the model's say which optional channels are selected, are not, or are left open.
        report: takes lines of progress.
        folder: where features lie.

    Returns:
        What is selected, and the examples with its features.

    Raises:
        NoTrainingDataError: there is nothing to learn from.
        FloatingPointError: a loss is not finite any more.
    """
    names, column = set(selected(settings.model)), _remembered(column)
    decisions = {name: Decision(name in names) for name in SETTINGS}
    best = _Selection.of(examples, settings, with_selected(settings.model, names), report)
    remaining = undecided(settings.model) if examples.validation else []
    columns = {name: [column(example, name) for example in examples.validation] for name in remaining}
    while remaining:
        nudged = {name: best.nudged(columns[name]) for name in remaining}
        decisions |= {name: Decision(False, difference) for name, difference in nudged.items()}
        name = min(remaining, key=lambda each: nudged[each].z)
        if nudged[name].z >= SIGN:
            break
        remaining.remove(name)
        wider = best.with_channel(name, column, folder, report)
        shown = best.compared(wider)
        decisions[name] = Decision(shown.helps, nudged[name], shown)
        best = wider if shown.helps else best
        del wider  # its features lie in files of their own
    return Chosen(best.settings, best.fit, decisions), best.examples


def _remembered(column: Column) -> Column:
    """Works each column out once: a snapshot that is validated on is learned from as well."""
    known: dict[tuple[int, str], Floats32] = {}

    def remembered(example: Example, name: str) -> Floats32:
        key = id(example.candidates), name  # the same ones when it has more features
        if key not in known:
            known[key] = column(example, name)
        return known[key]

    return remembered


@dataclass(frozen=True)
class _Selection:
    """The channels that are selected so far, and what their fit makes of the validation weeks."""

    examples: SplitExamples
    settings: Settings
    fit: Fit

    @staticmethod
    def of(examples: SplitExamples, settings: Settings, model: ModelSettings, report: Callable[[str], None]) -> "_Selection":
        """Fitted on the snapshots before the validation weeks."""
        settings = settings.model_copy(update={"model": model})
        return _Selection(examples, settings, fit(examples.before_validation, settings, report))

    def with_channel(self, name: str, column: Column, folder: Path | None, report: Callable[[str], None]) -> "_Selection":
        """The same with one channel more."""
        model = with_selected(self.settings.model, {*selected(self.settings.model), name})
        place = feature_names(model).index(name)
        examples = self.examples.with_channel(place, lambda example: column(example, name), folder)
        return _Selection.of(examples, self.settings, model, report)

    def nudged(self, columns: Sequence[Floats32]) -> Difference:
        """Of -log p of the validation weeks, by a little of a channel: its column for each of their snapshots."""
        scores = [own + NUDGE * column for own, column in zip(self._scores, columns, strict=True)]
        users = np.concatenate([example.users for example in self.examples.validation])
        return paired_difference(self._nll, self._nll_of(scores), users, 1 - self.settings.towers.confidence)

    def compared(self, wider: "_Selection") -> Comparison:
        """What another fit makes of the same weeks, against this one."""
        users = np.concatenate([example.users for example in self.examples.validation])
        weeks = np.concatenate([np.full(example.n_users, week) for week, example in enumerate(self.examples.validation)])
        return compare(self._figures, wider._figures, users, weeks, self.settings.towers.confidence)

    @cached_property
    def _figures(self) -> Figures:
        pairs = zip(self._scores, self.examples.validation, strict=True)
        return Figures(self._nll, np.concatenate([recall_of(own, example) for own, example in pairs]))

    @cached_property
    def _nll(self) -> Floats:
        return self._nll_of(self._scores)

    def _nll_of(self, scores: Sequence[Floats]) -> Floats:
        pairs = zip(scores, self.examples.validation, strict=True)
        return np.concatenate([negative_log_likelihood(own, example.targets > 0, example.candidates) for own, example in pairs])

    @cached_property
    def _scores(self) -> list[Floats]:
        return [channel_scores(self.fit.model, example) for example in in_turn(self.examples.validation)]

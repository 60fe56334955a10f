"""The snapshots that a week is learned from and validated on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch_geometric.data import HeteroData

from recs_assets.gnn.channels.examples import Example, channel_examples, in_turn
from recs_assets.gnn.snapshots import microseconds
from recs_assets.ranking.arrays import Floats32
from recs_assets.settings import Settings
from recs_assets.week_split import WeekSplit
from recs_assets.weeks import ONE_WEEK


@dataclass(frozen=True)
class SplitExamples:
    """The snapshots of a week split, each with its users, their candidates and their targets.

    Attributes:
        training: every training snapshot with somebody to learn from; targets of the horizon.
        validation: one for each validation week with anybody in it; targets of that week.
        last_before_validation: microseconds; the targets of training snapshots up to it end before the validation weeks.
    """

    training: Sequence[Example]
    validation: Sequence[Example]
    last_before_validation: int

    def with_channel(self, place: int, column: Callable[[Example], Floats32], folder: Path | None = None) -> "SplitExamples":
        """The same with one feature more: see ``Example.with_channel``."""
        # A snapshot may be both learned from and validated on.
        each = {id(example): example for example in (*self.training, *self.validation)}
        wider = {id(example): example.with_channel(place, column(example), folder) for example in in_turn(each.values())}
        training, validation = ([wider[id(example)] for example in examples] for examples in (self.training, self.validation))
        return replace(self, training=training, validation=validation)

    @property
    def before_validation(self) -> list[Example]:
        """What towers, and the channels beside which they are validated, may learn from."""
        return [example for example in self.training if example.moment <= self.last_before_validation]


def split_examples(data: HeteroData, split: WeekSplit, settings: Settings, folder: Path | None = None) -> SplitExamples:
    """The examples of a week split, their features in files as ``channel_examples`` says."""
    learned = list(channel_examples(data, [microseconds(moment) for moment in split.training], settings, folder))
    weeks = [microseconds(moment) for moment in split.validation]
    last_before_validation = microseconds(split.validation[0] - split.horizon)
    if split.horizon == ONE_WEEK and set(split.validation) <= set(split.training):
        validation = [example for example in learned if example.moment in weeks]
        if all(example.is_whole for example in validation):
            return SplitExamples(learned, validation, last_before_validation)
    # A validation week has seven days whatever the horizon, and all candidates are ranked.
    week_long = settings.model.model_copy(update={"horizon_days": ONE_WEEK.days})
    settings = settings.model_copy(update={"model": week_long})
    validation = list(channel_examples(data, weeks, settings, folder, are_whole=True))
    return SplitExamples(learned, validation, last_before_validation)

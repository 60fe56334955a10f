"""Which weeks are learned from, which ones choose, and which ones decide: nothing of a later set is in an earlier one.

    targets of the fit that is validated ────────►│ validation weeks │
    targets of the fit that is evaluated ───────────────────────────►│ evaluation weeks │ as_of

A fit that is evaluated sees targets up to the first evaluation week; one whose alpha, epoch and scale are chosen sees targets
up to the first validation week.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from recs_assets.settings import Settings
from recs_assets.weeks import ONE_WEEK, Week

# Among the facts of trained_model and approved_model: the weeks on which it was chosen when their towers stopped.
TOWERS_VALIDATED_ON = "towers_validated_on"


@dataclass(frozen=True)
class WeekSplit:
    """The weeks of one run, each set oldest first; all moments are midnights, UTC.

    Attributes:
        training: moments of the snapshots; the targets of one lie in [moment, moment + horizon).
        validation: first moments of whole weeks, the last of which ends where the first evaluation week begins.
        evaluation: first moments of whole weeks.
        horizon: how long a training snapshot looks ahead; validation and evaluation weeks have seven days whatever it is.
    """

    training: Sequence[dt.datetime]
    validation: Sequence[dt.datetime]
    evaluation: Sequence[dt.datetime]
    horizon: dt.timedelta

    @property
    def before_validation(self) -> list[dt.datetime]:
        """The training moments whose targets end before the first validation week begins."""
        return [moment for moment in self.training if moment + self.horizon <= self.validation[0]]


def split_weeks(week: Week, settings: Settings, *, stride: dt.timedelta = ONE_WEEK) -> WeekSplit:
    """The split for the weeks that have ended by ``week.as_of``.

    Args:
        week: of the run.
        settings: numbers of training, validation and evaluation weeks, and the horizon.
        stride: from one training snapshot to the next.
    """
    evaluation = week.last_complete(settings.evaluation.weeks)
    first, horizon = evaluation[0], dt.timedelta(days=settings.model.horizon_days)
    return WeekSplit(
        training=[first - horizon - stride * back for back in range(settings.model.training_weeks - 1, -1, -1)],
        validation=[first - ONE_WEEK * back for back in range(settings.model.validation_weeks, 0, -1)],
        evaluation=evaluation,
        horizon=horizon,
    )

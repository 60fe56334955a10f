"""The whole weekly fit: channels on earlier weeks, towers on top of them, then the channels that are judged and served."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch_geometric.data import HeteroData

from recs_assets.gnn.channels import training
from recs_assets.gnn.channels.examples import Example, examples
from recs_assets.gnn.checkpoints import Checkpoints
from recs_assets.gnn.towers.examples import lessons
from recs_assets.gnn.towers.training import TowerFit, fit_towers
from recs_assets.settings import Settings


@dataclass(frozen=True)
class WeeklyFit:
    """What a week's training leaves.

    Attributes:
        channels: fitted on every snapshot: judged on the evaluation weeks, and served.
        validation: fitted on the snapshots before the validation weeks: what alpha and the towers' scale are chosen with.
        towers: ``None`` where the settings ask for none.
        n_users: users learned from, over all snapshots.
        n_snapshots: snapshots with anybody to learn from.
    """

    channels: training.Fit
    validation: training.Fit
    towers: TowerFit | None
    n_users: int
    n_snapshots: int


def fit_week(
    data: HeteroData,
    moments: Sequence[int],
    settings: Settings,
    *,
    checkpoints: Checkpoints,
    warm: Mapping[str, Any] | None = None,
    report: Callable[[str], None] = training.log.info,
) -> WeeklyFit:
    """Fit everything on snapshots at ``moments`` (microseconds, ascending); the last ``validation_weeks`` of them validate.

    The towers are fitted once, on the snapshots before the validation weeks, which also say when to stop and how much they
    count; the channels are then fitted again on all snapshots.

    Raises:
        NoTrainingDataError: nobody took up anything new, in all snapshots or before the validation weeks.
        FloatingPointError: a loss is not finite any more.
    """
    found = list(examples(data, moments, settings))
    first_validation = moments[-settings.model.validation_weeks]
    return fit_examples(data, found, first_validation, settings, checkpoints=checkpoints, warm=warm, report=report)


def fit_examples(
    data: HeteroData,
    found: Sequence[Example],
    first_validation: int,
    settings: Settings,
    *,
    checkpoints: Checkpoints,
    warm: Mapping[str, Any] | None = None,
    report: Callable[[str], None] = training.log.info,
) -> WeeklyFit:
    """As ``fit_week``, on snapshots that are there already; those from ``first_validation`` (microseconds) on validate."""
    # A sum over another number of threads differs in its last bit, and a training in its second digit.
    torch.set_num_threads(settings.compute.cores)
    validation = training.fit([example for example in found if example.moment < first_validation], settings, report=report)
    towers = None
    if settings.towers.encoder != "none":
        prepared = lessons(data, found, validation.model, settings)
        towers = fit_towers(
            [lesson for lesson in prepared if lesson.example.moment < first_validation],
            [lesson for lesson in prepared if lesson.example.moment >= first_validation],
            settings,
            checkpoints=checkpoints,
            warm=warm,
            report=report,
        )
        del prepared  # tables of every snapshot
    channels = training.fit(found, settings, report=report)
    return WeeklyFit(channels, validation, towers, sum(example.n_users for example in found), len(found))

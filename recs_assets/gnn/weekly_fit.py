"""The whole weekly fit: channels on earlier weeks, towers on top of them, then the channels that are evaluated and served."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch_geometric.data import HeteroData

from recs_assets import heap
from recs_assets.gnn.channels import training
from recs_assets.gnn.channels.choice import Chosen, choose_channels, columns_of
from recs_assets.gnn.channels.split_examples import SplitExamples, split_examples
from recs_assets.gnn.checkpoints import Checkpoints
from recs_assets.gnn.towers.examples import tower_examples
from recs_assets.gnn.towers.launching import fit_towers_together
from recs_assets.gnn.towers.training import TowerFit
from recs_assets.settings import Settings
from recs_assets.week_split import WeekSplit


@dataclass(frozen=True)
class WeeklyFit:
    """What a week's training leaves.

    Attributes:
        channels: fitted on every snapshot: evaluated on the evaluation weeks, and served.
        chosen: which of them are selected, and their fit on the snapshots before the validation weeks: what alpha and the towers'
            scale are chosen with.
        towers: ``None`` where the settings ask for none.
        n_users: users learned from, each counted once for every snapshot that it is in.
        n_snapshots: snapshots with anybody to learn from.
    """

    channels: training.Fit
    chosen: Chosen
    towers: TowerFit | None
    n_users: int
    n_snapshots: int


def fit_week(
    data: HeteroData,
    split: WeekSplit,
    settings: Settings,
    *,
    checkpoints: Checkpoints,
    warm: Mapping[str, Any] | None = None,
    report: Callable[[str], None] = training.log.info,
) -> WeeklyFit:
    """Fit everything on the snapshots of a week split.

    The towers are fitted once, on the snapshots before the validation weeks, which also say when to stop and how much they
    count; the channels are then fitted again on all snapshots.

    Raises:
        NoTrainingDataError: nobody has a new part among the targets, in all snapshots or before the validation weeks.
        FloatingPointError: a loss is not finite any more.
    """
    # Held here, they would lie beside those that the channels chosen make wider.
    return fit_examples(
        data,
        split_examples(data, split, settings, checkpoints.folder),
        settings,
        checkpoints=checkpoints,
        warm=warm,
        report=report,
    )


def fit_examples(
    data: HeteroData,
    of_split: SplitExamples,
    settings: Settings,
    *,
    checkpoints: Checkpoints,
    warm: Mapping[str, Any] | None = None,
    report: Callable[[str], None] = training.log.info,
) -> WeeklyFit:
    """As ``fit_week``, on examples that are there already."""
    # A sum over another number of threads differs in its last bit, and a training in its second digit.
    torch.set_num_threads(settings.compute.cores)
    chosen, of_split = choose_channels(of_split, columns_of(data, settings), settings, report, checkpoints.folder)
    for name, words in chosen.words.items():
        report(f"{name} is {words}")
    settings = chosen.settings
    heap.trim()
    towers = None
    if settings.towers.encoder != "none":
        towers = fit_towers_together(
            tower_examples(data, of_split.before_validation, chosen.fit.model, settings),
            tower_examples(data, of_split.validation, chosen.fit.model, settings),
            settings,
            checkpoints=checkpoints,
            warm=warm,
            report=report,
        )
        heap.trim()
    channels = training.fit(of_split.training, settings, report=report)
    n_users = sum(example.n_users for example in of_split.training)
    return WeeklyFit(channels, chosen, towers, n_users, len(of_split.training))

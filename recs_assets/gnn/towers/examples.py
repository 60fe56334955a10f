"""The snapshots that the towers learn from and are validated on, with what the channels say of every candidate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch_geometric.data import HeteroData

from recs_assets.gnn.channels.examples import Example, channel_scores
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.gnn.snapshots import snapshot
from recs_assets.gnn.towers.negatives import Sampler
from recs_assets.gnn.towers.neighbours import TowerInputs, tower_inputs
from recs_assets.gnn.towers.two_towers import TwoTowers
from recs_assets.ranking.arrays import Floats
from recs_assets.ranking.sparse_matrices import row_of_entry
from recs_assets.settings import Settings

K = 10


@dataclass(frozen=True)
class Lesson:
    """One snapshot as the towers are trained on it: the graph around it, and what the channels say of every candidate."""

    example: Example
    inputs: TowerInputs
    scores: Floats
    sampler: Sampler


def lessons(data: HeteroData, found: Sequence[Example], channels: GatedChannels, settings: Settings) -> list[Lesson]:
    """The snapshots with all that the towers need of them."""
    prepared = []
    for example in found:
        inputs = tower_inputs(snapshot(data, example.moment, settings.events), example.users, settings)
        scores = channel_scores(channels, example)
        fits = example.fits(settings.model)
        sampler = Sampler(example.candidates, example.targets, scores, fits, settings.towers.negatives)
        prepared.append(Lesson(example, inputs.to(settings.towers.device), scores, sampler))
    return prepared


def dot_products(towers: TwoTowers, found: Sequence[Lesson]) -> list[Floats]:
    """The dot product of every candidate of every snapshot."""
    dots = []
    towers.eval()
    with torch.inference_mode():
        for lesson in found:
            users, products = towers.to(lesson.inputs.user_state.device)(lesson.inputs)
            example = lesson.example
            row = row_of_entry(example.candidates)
            every = (users[lesson.inputs.rows_of(example.users).to(users.device)] @ products.T).cpu().numpy()
            dots.append(every[row, example.candidates.indices].astype(np.float64))
    return dots

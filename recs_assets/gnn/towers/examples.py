"""The snapshots that the towers are trained and validated on, with the channels' score of every candidate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch_geometric.data import HeteroData

from recs_assets.gnn.channels.examples import Example, channel_scores, in_turn
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.gnn.snapshots import snapshot
from recs_assets.gnn.towers.edges import Edges, dots
from recs_assets.gnn.towers.negatives import Sampler
from recs_assets.gnn.towers.neighbours import TowerInputs, tower_inputs
from recs_assets.gnn.towers.two_towers import TwoTowers
from recs_assets.ranking.arrays import Floats, Ints
from recs_assets.ranking.strata import strata_positions
from recs_assets.settings import Settings


@dataclass(frozen=True)
class TowerExample:
    """One snapshot as the towers are trained on it.

    Attributes:
        base: the users, their candidates and targets, as the channels are fitted on them.
        inputs: the graph around these users.
        scores: [entries] the channels' score of every candidate.
        sampler: samples negatives among the candidates.
        stratum: [users] position in ``STRATA``.
    """

    base: Example
    inputs: TowerInputs
    scores: Floats
    sampler: Sampler
    stratum: Ints

    def to(self, device: str) -> "TowerExample":
        """The same with the inputs on a device."""
        return replace(self, inputs=self.inputs.to(device))


def tower_examples(
    data: HeteroData, examples: Sequence[Example], channels: GatedChannels, settings: Settings
) -> list[TowerExample]:
    """The same snapshots with all that the towers need of them, in the memory of the CPU."""
    prepared = []
    for base in in_turn(examples):
        past = snapshot(data, base.moment, settings.events)
        inputs = tower_inputs(past, base.users, settings)
        scores = channel_scores(channels, base)
        stratum = strata_positions(past.n_events[base.users], settings.strata.hot_min_events)
        fits, negatives = base.fits(settings.model), settings.towers.negatives
        sampler = Sampler(base.candidates, base.targets, base.log_q, scores, fits, negatives)
        prepared.append(TowerExample(base, inputs, scores, sampler, stratum))
    return prepared


def dot_products(towers: TwoTowers, examples: Sequence[TowerExample]) -> list[Floats]:
    """The dot product of every candidate of every snapshot."""
    every = []
    towers.eval()
    with torch.inference_mode():
        for example in examples:
            device, candidates = example.inputs.user_state.device, example.base.candidates
            users, products = towers.to(device)(example.inputs)
            of_users = users[example.inputs.rows_of(example.base.users).to(device)]
            pairs = Edges.of(candidates.indices, np.diff(candidates.indptr), len(products)).to(device)
            every.append(dots(of_users, products, pairs).cpu().numpy().astype(np.float64))
    return every

"""The towers beside the channels: what they add to a score, and their file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recs_assets.gnn.device import device_of
from recs_assets.gnn.snapshots import Snapshot
from recs_assets.gnn.towers.neighbours import tower_inputs
from recs_assets.gnn.towers.two_towers import TwoTowers
from recs_assets.ranking.arrays import Floats32, Ints
from recs_assets.ranking.strata import STRATA, strata_positions
from recs_assets.settings import Settings

# What the weights mean depends on these of the section; the rest of it says how they are trained.
SHAPE = {"encoder", "dimension", "heads", "hops", "neighbours", "half_life_days", "hash_buckets"}


@dataclass(frozen=True)
class Residual:
    """Fitted towers, and how much their dot product counts: score = channels + scale(stratum of the user) x <user, part>.

    Attributes:
        towers: the fitted weights.
        scales: by stratum; all 0 where the towers have not earned their place.
        settings: of the fit.
    """

    towers: TwoTowers
    scales: Mapping[str, float]
    settings: Settings

    @property
    def counts(self) -> bool:
        """Whether the towers add anything to anybody's score."""
        return any(self.scales.values())

    def scales_of(self, past: Snapshot, users: Ints) -> Floats32:
        """[users] each one's own scale, by what the snapshot knows of them."""
        stratum = strata_positions(past.n_events[users], self.settings.strata.hot_min_events)
        return np.array([self.scales[name] for name in STRATA], dtype=np.float32)[stratum]

    def vectors(self, past: Snapshot, users: Ints) -> tuple[Floats32, Floats32]:
        """[users x dimension] of some users and [products x dimension] of all parts, as of the snapshot."""
        device = device_of(self.settings.towers)
        inputs = tower_inputs(past, users, self.settings).to(device)
        with torch.inference_mode():
            of_users, of_products = self.towers.to(device).eval()(inputs)
        return of_users[inputs.rows_of(users)].cpu().numpy(), of_products.cpu().numpy()

    def added(self, past: Snapshot, users: Ints) -> tuple[Floats32, Floats32] | None:
        """As ``vectors``, whose dot product is what the towers add to a score; ``None`` where they add nothing."""
        if not self.counts:
            return None
        of_users, of_products = self.vectors(past, users)
        return of_users * self.scales_of(past, users)[:, None], of_products


def save(residual: Residual, path: Path) -> None:
    """Write the towers: tensors, numbers and strings only."""
    content = {"towers": residual.towers.state_dict(), "scales": dict(residual.scales), "shape": shape_of(residual.settings)}
    torch.save(content, path)


def load(path: Path, settings: Settings) -> Residual:
    """Read towers that ``save`` wrote.

    Raises:
        ValueError: they were fitted with other settings than ``settings``; the message names them.
    """
    saved = torch.load(path, weights_only=True, map_location="cpu")
    other = differences(saved["shape"], settings)
    if other:
        raise ValueError(f"{path} was fitted with other settings: {'; '.join(other)}. Set them back, or train again.")
    towers = TwoTowers(settings.towers)
    towers.load_state_dict(saved["towers"])
    return Residual(towers, saved["scales"], settings)


def unfit(path: Path, settings: Settings) -> list[str]:
    """The settings in which the towers of a file differ from the ones asked for, in words; ``load`` refuses any."""
    return differences(torch.load(path, weights_only=True, map_location="cpu")["shape"], settings)


def shape_of(settings: Settings) -> dict[str, Any]:
    """The settings that decide what the towers' weights and scales are worth, by key."""
    of_towers = settings.towers.model_dump(include=SHAPE)
    return {f"towers.{name}": value for name, value in of_towers.items()} | {
        "strata.hot_min_events": settings.strata.hot_min_events
    }


def differences(shape: Mapping[str, Any], settings: Settings) -> list[str]:
    """The settings in which towers of this shape differ from the ones asked for, in words."""
    asked = shape_of(settings)
    return [f"{name} was {shape.get(name)} and is {asked[name]}" for name in asked if shape.get(name) != asked[name]]

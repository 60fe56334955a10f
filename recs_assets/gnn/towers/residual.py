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
from recs_assets.settings import Settings

# What the weights mean depends on these; the rest of the section says how they are trained.
SHAPE = {"encoder", "dimension", "heads", "hops", "neighbours", "half_life_days", "hash_buckets"}


@dataclass(frozen=True)
class Residual:
    """Fitted towers, and how much their dot product counts: score = channels + scale x <user, part>."""

    towers: TwoTowers
    scale: float
    settings: Settings

    def vectors(self, past: Snapshot, users: Ints) -> tuple[Floats32, Floats32]:
        """[users x dimension] of some users and [products x dimension] of all parts, as of the snapshot."""
        device = device_of(self.settings.towers)
        inputs = tower_inputs(past, users, self.settings).to(device)
        with torch.inference_mode():
            of_users, of_products = self.towers.to(device).eval()(inputs)
        return of_users[inputs.rows_of(users)].cpu().numpy(), of_products.cpu().numpy()

    def added(self, past: Snapshot, users: Ints) -> tuple[Floats32, Floats32] | None:
        """As ``vectors``, whose dot product is what the towers add to a score; ``None`` where they add nothing."""
        if not self.scale:
            return None
        of_users, of_products = self.vectors(past, users)
        return of_users * np.float32(self.scale), of_products


def save(residual: Residual, path: Path) -> None:
    """Write the towers: tensors, numbers and strings only."""
    content = {"towers": residual.towers.state_dict(), "scale": residual.scale, "shape": shape_of(residual.settings)}
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
    return Residual(towers, saved["scale"], settings)


def unfit(path: Path, settings: Settings) -> list[str]:
    """The settings in which the towers of a file differ from the ones asked for, in words; ``load`` refuses any."""
    return differences(torch.load(path, weights_only=True, map_location="cpu")["shape"], settings)


def shape_of(settings: Settings) -> dict[str, Any]:
    """The settings that decide what the towers' weights are worth."""
    return settings.towers.model_dump(include=SHAPE)


def differences(shape: Mapping[str, Any], settings: Settings) -> list[str]:
    """The settings in which towers of this shape differ from the ones asked for, in words."""
    asked = shape_of(settings)
    return [f"towers.{name} was {shape.get(name)} and is {asked[name]}" for name in asked if shape.get(name) != asked[name]]

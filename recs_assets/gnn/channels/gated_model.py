"""The model: evidence channels added in log space, with weights that a small network reads off the user's state.

    score(u, p) = sum over channels c of (base_c + gate_c(state(u))) * log_evidence_c(u, p)

One of them, EASE, is added as it is.

Of the evidence of the channels of a part alone, its popularity, it is learned how much a part has that nobody touched.

The attention towers add ``s * <tower_user(u), tower_part(p)>`` to this sum, started at zero on top of fitted channels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from recs_assets.gnn.channels import optional
from recs_assets.gnn.channels.evidence import channel_names, feature_names, path_names
from recs_assets.gnn.channels.popularity import FLOOR, POPULARITY
from recs_assets.model_settings import ModelSettings
from recs_assets.ranking.arrays import Floats32, Ints

STATE_SIZE = 3
INPUT_SETTINGS = {
    "popularity_half_lives_days",
    "cosine_half_lives_days",
    "walk_half_life_days",
    "history_half_life_days",
    "cosine_shrinkage",
    "vehicle_shrinkage",
    "owner_types_half_life_days",
    "owner_types_shrinkage",
    "next_types_shrinkage",
    "gate_hidden",
    *optional.SETTINGS.values(),
}

# First weights by kind of channel: the signs and sizes that fits on past weeks of purchase logs agreed on, so that a few
# hundred steps suffice. Fast minus slow popularity is the trend.
FIRST_WEIGHTS = {
    "popularity_fast": 0.7,
    "popularity_middle": 0.6,
    "popularity_slow": -0.5,
    "interest": 0.3,
    "cosine": 0.3,
    "walk": 0.9,
    "walk_undecayed": 0.1,
}
FIRST_WEIGHT_OF_OTHERS = 0.1


class GatedChannels(nn.Module):
    """Channel weights as a function of the user's state.

    Attributes:
        base: [channels] the weights of an average user.
        gate: network from the state [3] to what the user's weights add to ``base``; it starts at zero.
        log_floor: [half-lives] log of the share of the mean popularity that a part has besides its own.
        epsilon: [paths] where log(1 + x / epsilon) turns from linear to logarithmic.
    """

    epsilon: torch.Tensor

    def __init__(self, settings: ModelSettings, epsilon: torch.Tensor) -> None:
        super().__init__()
        self.settings = settings
        names = channel_names(settings)
        self.base = nn.Parameter(torch.tensor([first_weight(name) for name in names]))
        self.log_floor = nn.Parameter(torch.full((len(POPULARITY),), math.log(FLOOR)))
        last = nn.Linear(settings.gate_hidden, len(names))
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.gate = nn.Sequential(nn.Linear(STATE_SIZE, settings.gate_hidden), nn.Tanh(), last)
        self.register_buffer("epsilon", epsilon)

    def weights(self, state: torch.Tensor) -> torch.Tensor:
        """[users x channels] weights from the users' states [users x 3]."""
        weights: torch.Tensor = self.base + self.gate(state)
        return weights

    def dependence(self) -> torch.Tensor:
        """A scalar: how far the weights may depend on the state, the squares of the gate's last layer; zero at the start."""
        *_, last = self.gate
        squares: torch.Tensor = torch.stack([values.square().sum() for values in last.parameters()]).sum()
        return squares

    def forward(self, log_evidence: torch.Tensor, log_shares: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        """[users x candidates] scores.

        Args:
            log_evidence: [users x candidates x channels of a user and a part].
            log_shares: [users x candidates x channels of a part alone].
            state: [users x 3].
        """
        weights = self.weights(state)
        of_parts = torch.einsum("ucf,uf->uc", log_shares, weights[:, : len(POPULARITY)])
        return of_parts + torch.einsum("ucf,uf->uc", log_evidence, weights[:, len(POPULARITY) :])

    def log_shares(self, popularity: torch.Tensor) -> torch.Tensor:
        """[products x channels of a part alone] log of each part's share of all popularity, in the order of ``POPULARITY``.

        With n the decayed count of a part and m the mean, log(n / m + e^floor) less the log of its sum over all parts.

        Args:
            popularity: [products x half-lives] n / m, as ``popularity_inputs`` gives it.
        """
        counted = popularity + self.log_floor.exp()
        return torch.log(counted) - torch.log(counted.sum(dim=0))

    def named_weights(self) -> dict[str, float]:
        """The weights of an average user by channel."""
        return dict(zip(channel_names(self.settings), self.base.detach().tolist(), strict=True))

    def named_floors(self) -> dict[str, float]:
        """The popularity that a part has besides its own, as a share of the mean, by half-life."""
        return {f"floor_of_{name}": floor for name, floor in zip(POPULARITY, self.log_floor.exp().tolist(), strict=True)}

    def of_parts(self, popularity: Floats32) -> Floats32:
        """``log_shares`` of arrays. Asked once and looked up: the last bits of its sums may depend on the thread that asks."""
        with torch.no_grad():
            shares: Floats32 = self.log_shares(torch.from_numpy(popularity)).numpy()
        return shares

    def log_evidence(self, features: Floats32, of_parts: Floats32, product: Ints) -> Floats32:
        """[entries x channels] the logarithms that the weights weigh, in the order of ``channel_names``.

        Args:
            features: [entries x channels of a user and a part].
            of_parts: [products x channels of a part alone] as ``of_parts`` gives it.
            product: [entries] rows of ``of_parts``.
        """
        columns = np.empty((len(features), of_parts.shape[1] + features.shape[1]), dtype=np.float32, order="F")
        for column, shares in zip(columns.T[: of_parts.shape[1]], of_parts.T, strict=True):
            np.take(shares, product, out=column)
        columns[:, of_parts.shape[1] :] = features
        self.bent(columns[:, of_parts.shape[1] :])
        return columns

    def own(self, features: Floats32, channels: Sequence[str]) -> Floats32:
        """The columns of the channels that the model has, of all that ``channels`` names."""
        names = feature_names(self.settings)
        return features if names == tuple(channels) else features[:, [channels.index(name) for name in names]]

    def bent(self, features: Floats32) -> Floats32:
        """The features with their path columns turned from x into log(1 + x / epsilon), in place."""
        paths = features[:, : len(self.epsilon)]
        paths /= self.epsilon.numpy()
        np.log1p(paths, out=paths)
        return features


def first_weight(channel: str) -> float:
    """The weight that a channel starts with."""
    return FIRST_WEIGHTS.get(channel, FIRST_WEIGHTS.get(channel.split("_", maxsplit=1)[0], FIRST_WEIGHT_OF_OTHERS))


@dataclass(frozen=True)
class EpsilonEstimator:
    """Collects path evidence over snapshots and estimates each channel's epsilon: a tenth of its median non-zero value."""

    settings: ModelSettings
    samples: list[Floats32]

    def add(self, features: Floats32) -> None:
        """Take note of one snapshot's features [entries x channels of a user and a part]."""
        paths = features[:, : len(path_names(self.settings))]
        self.samples.append(np.array([_median_of_positive(column) for column in paths.T], dtype=np.float32))

    def epsilon(self) -> torch.Tensor:
        """[paths] a tenth of the median over snapshots, 1 for channels without any evidence."""
        medians = np.array([_median_of_positive(column) for column in np.stack(self.samples).T], dtype=np.float32)
        return torch.from_numpy(np.where(medians > 0, medians / 10, np.float32(1.0)))


def save(model: GatedChannels, path: Path) -> None:
    """Write the weights and what they were fitted on: tensors, numbers and strings only."""
    torch.save({"weights": model.state_dict(), "inputs": _inputs(model.settings)}, path)


def load(path: Path, settings: ModelSettings) -> GatedChannels:
    """Read weights that ``save`` wrote, with the channels that were found to help where ``settings`` leave that open.

    Raises:
        ValueError: the weights were fitted on other channels than ``settings`` asks for; the message names the setting.
    """
    saved = torch.load(path, weights_only=True)
    other = _differences(saved["inputs"], settings)
    if other:
        raise ValueError(f"{path} was fitted with other settings: {'; '.join(other)}. Set them back, or train again.")
    model = GatedChannels(settings.model_copy(update=_selected(saved["inputs"])), saved["weights"]["epsilon"])
    model.load_state_dict(saved["weights"])
    return model


def unfit(path: Path, settings: ModelSettings) -> list[str]:
    """The settings in which the weights of a file differ from the ones asked for, in words; ``load`` refuses any."""
    return _differences(torch.load(path, weights_only=True)["inputs"], settings)


def _differences(fitted: dict[str, Any], settings: ModelSettings) -> list[str]:
    fitted, asked = fitted | _selected(fitted), _inputs(settings)
    # Which optional channels are selected may be left open: any will do.
    names = [name for name in asked if name not in optional.SETTINGS.values() or asked[name] is not None]
    return [f"model.{name} was {fitted.get(name)} and is {asked[name]}" for name in names if fitted.get(name) != asked[name]]


def _selected(fitted: dict[str, Any]) -> dict[str, bool]:
    """By setting, which optional channels weights were fitted on; weights from before there were any on none."""
    return {setting: bool(fitted.get(setting)) for setting in optional.SETTINGS.values()}


def _inputs(settings: ModelSettings) -> dict[str, Any]:
    """The settings that decide what the features mean, and so what the weights are worth."""
    return settings.model_dump(include=INPUT_SETTINGS)


def _median_of_positive(column: Floats32) -> float:
    positive = column[column > 0]
    return float(np.median(positive)) if len(positive) else float("nan")

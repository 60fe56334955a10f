"""The model that was approved in an earlier week, evaluated beside this week's: what its weights would list today."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recs_assets.gnn.channels import gated_model
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.gnn.towers import residual
from recs_assets.gnn.towers.residual import Residual
from recs_assets.settings import Settings


@dataclass(frozen=True)
class KeptModel:
    """What is served from an earlier week.

    Attributes:
        week: whose training it came from; it was chosen by its lists of that week and of weeks before, so only later ones
            count for it.
        channels: its weights.
        towers: ``None`` where it has none.
        alpha: weight of SQL in its blend by stratum.
    """

    week: str
    channels: GatedChannels
    towers: Residual | None
    alpha: Mapping[str, float]

    def is_later(self, week: str) -> bool:
        """Whether a held-out week had no part in choosing it, and so may evaluate it."""
        return week > self.week


def misfit(model_file: Path, towers_file: Path | None, settings: Settings) -> list[str]:
    """The settings in which what was approved differs from the ones asked for, in words: nothing where it still fits."""
    of_towers = residual.unfit(towers_file, settings) if towers_file else []
    return [*gated_model.unfit(model_file, settings.model), *of_towers]


def load_kept(week: str, alpha: Mapping[str, float], model_file: Path, towers_file: Path | None, settings: Settings) -> KeptModel:
    """Read what was approved.

    Raises:
        ValueError: it does not fit the settings; see ``misfit``.
    """
    towers = residual.load(towers_file, settings) if towers_file else None
    return KeptModel(week, gated_model.load(model_file, settings.model), towers, alpha)

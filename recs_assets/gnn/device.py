"""Where the towers compute."""

import torch

from recs_assets.model_settings import TowersSettings


def device_of(settings: TowersSettings) -> str:
    """``cpu`` or ``cuda``: what ``towers.device`` names, for ``auto`` a GPU where there is one."""
    if settings.device != "auto":
        return settings.device
    return "cuda" if torch.cuda.is_available() else "cpu"

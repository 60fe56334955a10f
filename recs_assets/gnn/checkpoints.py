"""The state of a training after each epoch, from which a killed one resumes: the last two files, each named by its hash."""

import hashlib
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from recs_assets.fault_points import reached

N_KEPT = 2
NAME = re.compile(r"epoch_(\d{4})_([0-9a-f]{64})\.pt")

log = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one training.

    Attributes:
        folder: a folder of their own.
        made_from: names the inputs and settings; checkpoints of a training from others are removed.
        keep: called after each save, where the folder is a copy of what lies elsewhere.
    """

    def __init__(self, folder: Path, made_from: str, keep: Callable[[], None] | None = None) -> None:
        self.folder = folder
        self.made_from = made_from
        self.keep = keep

    def save(self, epoch: int, state: dict[str, Any]) -> Path:
        """Keep the state after an epoch; the file appears whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = self.folder / f"partial_{os.getpid()}.pt"
        reached("checkpoint.begun")
        with partial.open("wb") as stream:  # of a path torch makes an error without its number
            torch.save({"made_from": self.made_from, "state": state}, stream)
        digest = _digest(partial)
        reached("checkpoint.written", partial)
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        reached("checkpoint.flushed", partial)
        target = self.folder / f"epoch_{epoch:04d}_{digest}.pt"
        partial.replace(target)
        reached("checkpoint.renamed", target)
        for _, old in self._saved()[:-N_KEPT]:
            old.unlink()
        if self.keep is not None:
            self.keep()
        reached("checkpoint.pruned")
        return target

    def newest(self) -> dict[str, Any] | None:
        """The state of this training's newest undamaged checkpoint; ``None`` where there is none.

        Damaged ones are logged and skipped, those of another training removed.
        """
        for digest, path in reversed(self._saved()):
            actual = _digest(path)
            if actual == digest:
                saved: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
                if saved["made_from"] == self.made_from:
                    state: dict[str, Any] = saved["state"]
                    return state
                # They would be taken for newer than the first ones of this training.
                log.info("the checkpoints in %s are of a training from other inputs or settings: removed", self.folder)
                self.clear()
                return None
            log.warning("checkpoint %s is damaged (SHA-256 %s, expected %s): going on from the one before", path, actual, digest)
        return None

    def clear(self) -> None:
        """Remove all of them: the training has ended."""
        for path in self.folder.glob("*.pt"):
            path.unlink()

    def _saved(self) -> list[tuple[str, Path]]:
        if not self.folder.exists():
            return []
        named = [(match, path) for path in self.folder.iterdir() if (match := NAME.fullmatch(path.name))]
        return [(match[2], path) for match, path in sorted(named, key=lambda pair: pair[1].name)]


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""Channels that help in one shop and harm in another: the validation weeks decide which ones are selected, see ``choice``."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from recs_assets.gnn.channels import ease, undecayed_walk
from recs_assets.gnn.channels.ease import Ease
from recs_assets.gnn.channels.undecayed_walk import UndecayedWalk
from recs_assets.gnn.snapshots import Snapshot
from recs_assets.model_settings import ModelSettings
from recs_assets.ranking.arrays import Floats32, Ints

# By name, in the order of the feature columns, the setting that says whether it is selected.
SETTINGS = {undecayed_walk.NAME: "undecayed_walk", ease.NAME: "ease"}


def selected(settings: ModelSettings) -> tuple[str, ...]:
    """The ones that are selected. Where that is not decided yet they are not."""
    return tuple(name for name, setting in SETTINGS.items() if getattr(settings, setting))


def undecided(settings: ModelSettings) -> list[str]:
    """The ones of which the settings leave it open."""
    return [name for name, setting in SETTINGS.items() if getattr(settings, setting) is None]


def with_selected(settings: ModelSettings, names: Collection[str]) -> ModelSettings:
    """The settings with nothing left open: these are selected, and no others."""
    return settings.model_copy(update={setting: name in names for name, setting in SETTINGS.items()})


def with_history(past: Snapshot, users: Ints, candidates: sparse.csr_array) -> tuple[Ints | slice, Ints, sparse.csr_array]:
    """The users who have a history, with their candidates, and where these stand among all candidates."""
    is_active = past.n_events[users] > 0
    if is_active.all():
        return slice(None), users, candidates
    return np.flatnonzero(np.repeat(is_active, np.diff(candidates.indptr))), users[is_active], candidates[is_active]


@dataclass(frozen=True)
class OptionalChannels:
    """What they say of any users of a snapshot.

    Attributes:
        past: the snapshot.
        n_asked: how many users with a history they will be asked about, in all.
    """

    past: Snapshot
    n_asked: int

    def of(self, name: str, users: Ints, candidates: sparse.csr_array, threads: int = 1) -> Floats32:
        """One of them, of users who have a history: of others they say nothing, which is 0.

        Args:
            name: of the channel.
            users: [n] rows of the graph's users, all with a history: see ``with_history``.
            candidates: [n x products] one entry per candidate, indices sorted.
            threads: that it may use.

        Returns:
            [entries of ``candidates``].
        """
        if name == undecayed_walk.NAME:
            return self.undecayed_walk.lift(users, candidates, threads)
        return self.ease.scores(users, candidates, threads)

    @cached_property
    def undecayed_walk(self) -> UndecayedWalk:
        """The walk that begins at everything a user has ever touched."""
        return UndecayedWalk(self.past, self.n_asked)

    @cached_property
    def ease(self) -> Ease:
        """EASE over the same."""
        return Ease(self.past)

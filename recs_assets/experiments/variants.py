"""The rows of the ablation: each changes one thing, of the settings or of what the model is shown."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from recs_assets.gnn.channels.evidence import channel_names, feature_names
from recs_assets.gnn.channels.examples import Example
from recs_assets.gnn.channels.optional import SETTINGS, undecided
from recs_assets.gnn.channels.popularity import POPULARITY
from recs_assets.settings import Settings

NEVER_DECAYS = 1e9
CHANGED_EXAMPLE = Callable[[Example], Example]


@dataclass(frozen=True)
class Variant:
    """One change: of settings, or of what the model is shown."""

    name: str
    changes: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    shown: CHANGED_EXAMPLE = lambda example: example
    has_towers: bool = False

    def settings(self, base: Settings, seed: int) -> Settings:
        """The settings with this change and another seed."""
        values = base.model_dump()
        if not self.has_towers:
            values["towers"]["encoder"] = "none"
        # What is left open is selected in the row that says so, not where the validation weeks of another row would have it.
        values["model"] |= {SETTINGS[name]: False for name in undecided(base.model)}
        for section, keys in (*self.changes.items(), ("model", {"seed": seed})):
            values[section] |= keys
        return Settings.model_validate(values)


def variants(settings: Settings) -> Iterator[Variant]:
    """Every row of the table, in its order."""
    yield Variant("channels")
    for name in channel_names(settings.model):
        yield Variant(f"without {name}", shown=_without(name, settings))
    yield Variant("gate constant", shown=lambda example: dataclasses.replace(example, state=np.zeros_like(example.state)))
    for name in undecided(settings.model):
        yield Variant(f"with {name}", {"model": {SETTINGS[name]: True}})
    for name, factor in (("off", None), ("short (a quarter)", 0.25), ("long (four times)", 4.0)):
        yield Variant(f"decay of the paths {name}", {"model": _half_lives(settings, factor)})
    for encoder in ("gat", "mean"):
        yield Variant(f"towers: {encoder}", {"towers": {"encoder": encoder}}, has_towers=True)
    yield Variant("towers: gat, 2 hops", {"towers": {"encoder": "gat", "hops": 2}}, has_towers=True)
    for loss in ("bce", "bpr"):
        yield Variant(f"towers: loss {loss}", {"towers": {"loss": loss}}, has_towers=True)
    for kind in ("in_batch", "random", "fitment_hard"):
        shares = {"per_user": 200, "in_batch": 0, "random": 0, "fitment_hard": 0} | {kind: 1.0}
        yield Variant(f"towers: 200 negatives {kind}", {"towers": {"negatives": shares}}, has_towers=True)
    mixed = {"per_user": 200, "in_batch": 0.4, "random": 0.3, "fitment_hard": 0.3}
    yield Variant("towers: 200 negatives mixed", {"towers": {"negatives": mixed}}, has_towers=True)
    for name, days in (("off", None), ("short (14 days)", 14.0), ("long (365 days)", 365.0)):
        yield Variant(f"towers: decay {name}", {"towers": {"half_life_days": days}}, has_towers=True)
    for share in (0.0, 1.0):
        yield Variant(f"towers: id dropout {share:g}", {"towers": {"id_dropout": share}}, has_towers=True)


def _without(name: str, settings: Settings) -> CHANGED_EXAMPLE:
    """What a channel says is the same of all candidates."""

    def shown(example: Example) -> Example:
        if name in feature_names(settings.model):
            features = example.features.copy()
            features[:, feature_names(settings.model).index(name)] = 0.0
            return dataclasses.replace(example, features=features)
        popularity = example.popularity.copy()
        popularity[:, POPULARITY.index(name)] = 0.0
        return dataclasses.replace(example, popularity=popularity)

    return shown


def _half_lives(settings: Settings, factor: float | None) -> dict[str, Any]:
    def changed(days: float) -> float:
        return days * factor if factor else NEVER_DECAYS

    model = settings.model
    return {
        "cosine_half_lives_days": tuple(changed(days) for days in model.cosine_half_lives_days),
        "walk_half_life_days": changed(model.walk_half_life_days),
        "history_half_life_days": changed(model.history_half_life_days),
    }

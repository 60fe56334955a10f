"""What one would buy: popularity that drifts, tastes of models, projects; and drawing parts from it, week by week."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recs_assets.demo.catalogue import HOLLEY, MSD, Fitment, Parts
from recs_assets.demo.presets import Preset
from recs_assets.demo.timeline import stream
from recs_assets.demo.vehicles import Vehicles

TREND_SPREAD = 1.4
TREND_WEEKS = 3.0
"""Standard deviation of a part's log trend, and of the Gaussian kernel that makes it rise and fall over weeks."""

NEW_PART_SHARE = 0.12
LAUNCH_BOOST, LAUNCH_WEEKS = 1.0, 6.0
"""Share of parts that appear while the world runs; log boost at launch and the weeks over which it fades."""

COMPANION_BOOST = 0.8
"""Log boost of the first part of a companion pair: rare parts leave no evidence of what is bought with them."""

TASTE_SPREAD = 0.6
"""Standard deviation of the log taste of a model's owners for a part."""

PREFERENCE_CONCENTRATION = 0.3
"""Dirichlet concentration of a model's projects; small: owners of one model have few projects in mind."""

HITS, HIT_WEIGHT = 30, 25.0
"""Without signal: so many universal parts are so much more popular than the others. Within the hits and within the
others all are equal: any count of orders tells the two apart, and nothing is left to learn."""


@dataclass(frozen=True)
class Demand:
    """Shelves of parts to draw from. Entries are sorted by shelf, then project.

    Shelf ``v`` holds what fits vehicle v; shelf ``n_vehicles + m`` the universal parts as owners of model m like them;
    the last one those for users without a vehicle.

    Attributes:
        part: part of each entry.
        taste: factor on its popularity, same length.
        starts: first entry of each (shelf, project), shape (n_shelves * n_projects + 1,).
        n_projects: projects per shelf.
        popularity: of each part in each week, shape (n_weeks, n_parts); 0 before its launch.
        launch: week of each part's launch, -1 before the world begins, shape (n_parts,).
        preferences: chance of each project by model, shape (n_models + 1, n_projects).
    """

    part: NDArray[np.int64]
    taste: NDArray[np.float64]
    starts: NDArray[np.int64]
    n_projects: int
    popularity: NDArray[np.float64]
    launch: NDArray[np.int64]
    preferences: NDArray[np.float64]

    def cumulative(self, week: int) -> NDArray[np.float64]:
        """Running sum of all entries' weights in ``week``, starting at 0; shape (n_entries + 1,)."""
        weights = self.popularity[week, self.part] * self.taste
        return np.concatenate([[0.0], np.cumsum(weights)])

    def universal_share(
        self, cumulative: NDArray[np.float64], vehicle: NDArray[np.int64], universal: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Share of the weight that two shelves hold together which is on the second one."""
        held = np.diff(cumulative[self.starts[:: self.n_projects]])
        share: NDArray[np.float64] = held[universal] / (held[vehicle] + held[universal])
        return share

    def draw(
        self,
        cumulative: NDArray[np.float64],
        shelf: NDArray[np.int64],
        project: NDArray[np.int64],
        uniform: NDArray[np.float64],
    ) -> NDArray[np.int64]:
        """One part for each row: from its shelf, within its project (-1: any), in proportion to the week's weights.

        Where the shelf has nothing for the project, the whole shelf is sampled from; -1 where that is empty too.
        """
        whole = project < 0
        low = self.starts[shelf * self.n_projects + np.where(whole, 0, project)]
        high = self.starts[np.where(whole, (shelf + 1) * self.n_projects, shelf * self.n_projects + project + 1)]
        nothing = cumulative[low] >= cumulative[high]
        low = np.where(nothing, self.starts[shelf * self.n_projects], low)
        high = np.where(nothing, self.starts[(shelf + 1) * self.n_projects], high)
        below, above = cumulative[low], cumulative[high]
        entry = np.searchsorted(cumulative, below + uniform * (above - below), side="right") - 1
        entry = np.clip(entry, low, np.maximum(high - 1, low))
        return np.where(above > below, self.part[np.minimum(entry, self.part.size - 1)], -1)


def build_demand(preset: Preset, parts: Parts, fitment: Fitment, vehicles: Vehicles, *, seed: int, no_signal: bool) -> Demand:
    """The demand of one world. Without signal: one fixed popularity, and neither trends nor tastes nor projects."""
    rng = stream(seed, "demand")
    n_models, n_vehicles = vehicles.n_models, len(vehicles.ids)
    universal = np.flatnonzero(parts.universal)
    part = np.concatenate([fitment.part, np.tile(universal, n_models + 1)])
    shelf = np.concatenate([fitment.vehicle, np.repeat(n_vehicles + np.arange(n_models + 1), universal.size)])
    model = np.concatenate([vehicles.model[fitment.vehicle], np.repeat(np.arange(n_models + 1), universal.size)])
    key = shelf * preset.projects + parts.project[part]
    order = np.argsort(key, kind="stable")
    part, model = part[order], model[order]
    starts = np.searchsorted(key[order], np.arange((n_vehicles + n_models + 1) * preset.projects + 1))
    n_parts = parts.price.size
    tastes = rng.normal(0, TASTE_SPREAD, (n_models + 1, n_parts)).astype(np.float32)
    launch, popularity = _popularity(preset, parts, rng)
    if no_signal:
        launch, popularity = _flat_popularity(preset, parts, rng)
    return Demand(
        part=part,
        taste=np.ones(part.size) if no_signal else np.exp(tastes[model, part], dtype=np.float64),
        starts=starts,
        n_projects=preset.projects,
        popularity=popularity,
        launch=launch,
        preferences=rng.dirichlet(np.full(preset.projects, PREFERENCE_CONCENTRATION), n_models + 1),
    )


def _popularity(preset: Preset, parts: Parts, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Launch week of each part, and its popularity in each week."""
    n_parts, n_weeks = parts.price.size, preset.weeks + 1
    base = rng.normal(0, preset.popularity_spread, n_parts)
    base[parts.companions[:, 0]] += COMPANION_BOOST
    launch = np.where(rng.random(n_parts) < NEW_PART_SHARE, rng.integers(1, n_weeks, n_parts), -1)
    launch[parts.companions] = -1
    age = np.arange(n_weeks)[:, None] - launch
    boost = np.where(launch >= 0, LAUNCH_BOOST * np.exp(-np.maximum(age, 0) / LAUNCH_WEEKS), 0.0)
    popularity = np.exp(base + boost + _trends(n_weeks, n_parts, rng)) * (age >= 0)
    popularity[:, [HOLLEY, MSD]] = 0.0  # planted by count
    return launch, popularity


def _trends(n_weeks: int, n_parts: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Smooth random log trends of unit variance times ``TREND_SPREAD``, shape (n_weeks, n_parts)."""
    distance = np.arange(n_weeks)[:, None] - np.arange(-3 * TREND_WEEKS, n_weeks + 3 * TREND_WEEKS)
    kernel = np.exp(-0.5 * (distance / TREND_WEEKS) ** 2)
    kernel /= np.sqrt((kernel**2).sum(axis=1, keepdims=True))
    smooth: NDArray[np.float64] = TREND_SPREAD * kernel @ rng.normal(size=(kernel.shape[1], n_parts))
    return smooth


def _flat_popularity(preset: Preset, parts: Parts, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """One popularity for all weeks: that of a hit or that of any other part."""
    popularity = np.ones(parts.price.size)
    popularity[rng.permutation(np.flatnonzero(parts.universal & parts.eligible))[:HITS]] = HIT_WEIGHT
    return np.full(popularity.size, -1), np.tile(popularity, (preset.weeks + 1, 1))

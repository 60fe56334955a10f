"""The parts of the planted world: designs, their variants, what they fit, and which pairs are bought together."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recs_assets.demo.part_types import BRANDS, COMMODITY_TYPES, PROJECTS, SERVICE_TYPES
from recs_assets.demo.presets import Preset
from recs_assets.demo.timeline import stream
from recs_assets.demo.vehicle_models import MODELS
from recs_assets.demo.vehicles import Vehicles

HOLLEY, MSD = 0, 1
"""Rows of the carburetor that Sarah bought and of its planted companion."""

SARAH_MAKES = ("Ford", "Mercury", "Lincoln")
SARAH_YEARS = range(1960, 1981)
"""What Sarah's two parts fit: the engines of one maker's two decades, so that enough people can buy both."""

VARIANT_SIZES, VARIANT_SHARES = (1, 2, 3, 4), (0.85, 0.09, 0.04, 0.02)
"""SKUs per design."""

CHEAP_SHARE = 0.2
REFURBISHED_SHARE = 0.06
NO_IMAGE_SHARE = 0.04
HTTP_IMAGE_SHARE = 0.03
"""Shares of ordinary parts below the price rule, refurbished, without an image, and with an image that is not HTTPS."""

COMMODITY_SHARE, SERVICE_SHARE = 0.14, 0.02
"""Shares of the universal SKUs."""

MIN_PRICE = 50.0
"""US dollars; cheaper parts are not recommended (``rules.min_price`` of the settings)."""

MAKE_WIDE_SHARE = 0.2
"""Share of fitting designs made for a make's years across its platforms; the others stay within a platform."""


@dataclass(frozen=True)
class Parts:
    """Parts in columns, all of length ``n_parts`` unless said otherwise.

    Attributes:
        design: index of the design; the SKUs of one design are variants of each other.
        project: index of the build project that mostly buys it.
        part_type: name of the part type.
        brand: index into ``BRANDS``.
        price: US dollars.
        universal: needs no fitment.
        consumable: commodity or service; bought repeatedly and never recommended.
        refurbished: sold as refurbished.
        image: 0 none, 1 http, 2 https.
        companions: rows (part, companion part), shape (n_pairs, 2); Sarah's pair comes first.
    """

    design: NDArray[np.int64]
    project: NDArray[np.int64]
    part_type: NDArray[np.object_]
    brand: NDArray[np.int64]
    price: NDArray[np.float64]
    universal: NDArray[np.bool_]
    consumable: NDArray[np.bool_]
    refurbished: NDArray[np.bool_]
    image: NDArray[np.int64]
    companions: NDArray[np.int64]

    @property
    def eligible(self) -> NDArray[np.bool_]:
        """Which parts may be recommended at all, whoever the user is."""
        plain = ~self.consumable & ~self.refurbished & (self.image == 2)
        eligible: NDArray[np.bool_] = plain & (self.price >= MIN_PRICE)
        return eligible


@dataclass(frozen=True)
class Fitment:
    """Pairs of a part and a vehicle it fits, both of length ``n_rows``, by part."""

    part: NDArray[np.int64]
    vehicle: NDArray[np.int64]


def build_parts(preset: Preset, seed: int) -> Parts:
    """The SKUs, universal ones scattered among the fitting ones; rows ``HOLLEY`` and ``MSD`` are Sarah's."""
    rng = stream(seed, "parts")
    sizes = rng.choice(VARIANT_SIZES, p=VARIANT_SHARES, size=preset.parts)
    sizes[[HOLLEY, MSD]] = 1
    design = np.repeat(np.arange(preset.parts), sizes)[: preset.parts]
    n_designs = int(design[-1]) + 1
    universal = rng.permutation(n_designs) < round(n_designs * preset.universal_parts / preset.parts)
    lottery = rng.random(n_designs)
    service = universal & (lottery < SERVICE_SHARE)
    commodity = universal & ~service & (lottery < SERVICE_SHARE + COMMODITY_SHARE)
    project = rng.integers(preset.projects, size=n_designs)
    cheap = commodity | (rng.random(n_designs) < CHEAP_SHARE)
    price = np.where(cheap, rng.uniform(4, 49, n_designs), MIN_PRICE + rng.lognormal(4.3, 0.9, n_designs))
    brand = _brands(project, rng)
    part_type = _part_types(project, commodity, service, rng)
    for row, name in ((HOLLEY, "Carburetors"), (MSD, "Distributors")):
        universal[row], service[row], commodity[row], project[row], brand[row] = False, False, False, 0, row
        part_type[row], price[row] = name, (429.95, 389.95)[row]
    refurbished = rng.random(preset.parts) < REFURBISHED_SHARE
    image = rng.choice(3, p=(NO_IMAGE_SHARE, HTTP_IMAGE_SHARE, 1 - NO_IMAGE_SHARE - HTTP_IMAGE_SHARE), size=preset.parts)
    refurbished[[HOLLEY, MSD]], image[[HOLLEY, MSD]] = False, 2
    parts = Parts(
        design=design,
        project=project[design],
        part_type=part_type[design],
        brand=brand[design],
        price=price.round(2).astype(np.float64)[design],
        universal=universal[design],
        consumable=(commodity | service)[design],
        refurbished=refurbished,
        image=image,
        companions=np.empty((0, 2), dtype=np.int64),
    )
    return replace(parts, companions=_companions(parts, preset.companion_pairs, rng))


def _brands(project: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A brand per design: mostly one of the four that specialise in the project."""
    special = rng.integers(len(BRANDS), size=(project.max() + 1, 4))[project, rng.integers(4, size=project.size)]
    anyone = rng.integers(len(BRANDS), size=project.size)
    chosen: NDArray[np.int64] = np.where(rng.random(project.size) < 0.6, special, anyone)
    return chosen


def _part_types(
    project: NDArray[np.int64], commodity: NDArray[np.bool_], service: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.object_]:
    """A part type per design: one of its project's, or of the consumables."""
    by_project = np.array([types for _, types in PROJECTS], dtype=object)
    names: NDArray[np.object_] = by_project[project, rng.integers(by_project.shape[1], size=project.size)]
    names[commodity] = rng.choice(np.array(COMMODITY_TYPES, dtype=object), size=int(commodity.sum()))
    names[service] = rng.choice(np.array(SERVICE_TYPES, dtype=object), size=int(service.sum()))
    return names


def _companions(parts: Parts, n_pairs: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Pairs of eligible parts of different designs, every part in one pair at most.

    Half are universal, unless that would take more than half of the universal parts; the others fit vehicles.
    """
    single = np.flatnonzero(parts.eligible & (np.bincount(parts.design)[parts.design] == 1))
    single = single[single > MSD]
    universal, fitting = single[parts.universal[single]], single[~parts.universal[single]]
    n_universal = min(n_pairs // 2, universal.size // 4)
    chosen = [rng.permutation(universal)[: 2 * n_universal], rng.permutation(fitting)[: 2 * (n_pairs - n_universal)]]
    return np.concatenate([[HOLLEY, MSD], *chosen]).reshape(-1, 2)


def build_fitment(preset: Preset, parts: Parts, vehicles: Vehicles, seed: int) -> Fitment:
    """Which part fits which vehicle: a run of years of a platform or make, the same for all variants of a design.

    A companion fits what its part fits: who buys the one can use the other.
    """
    rng = stream(seed, "fitment")
    n_designs = int(parts.design[-1]) + 1
    wide = rng.random(n_designs) < MAKE_WIDE_SHARE
    runs = np.zeros((n_designs, 2), dtype=np.int64)
    orders = []
    for scope, group in ((~wide, [line.platform for line in MODELS]), (wide, [line.make for line in MODELS])):
        code = np.unique(group, return_inverse=True)[1][vehicles.model]
        order = np.lexsort((vehicles.model, vehicles.year, code))
        runs[scope] = _runs(code[order], int(scope.sum()), preset.vehicles_per_part, rng)
        orders.append(order)
    first_sku = np.unique(parts.design, return_index=True)[1]
    source = np.arange(n_designs)
    source[parts.design[parts.companions[:, 1]]] = parts.design[parts.companions[:, 0]]
    runs, wide = runs[source], wide[source]
    runs[parts.universal[first_sku]] = 0
    part, position = _expand(runs[parts.design])
    vehicle = np.where(wide[parts.design[part]], orders[1][position], orders[0][position])
    return _with_sarahs_parts(part, vehicle, vehicles)


def _runs(group: NDArray[np.int64], count: int, length: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """``count`` runs [start, stop) of about ``length`` rows within one group of the sorted ``group``.

    Anchors are sampled in inverse proportion to the rows that they reach, so every vehicle gets about as many parts.
    """
    first, last = np.searchsorted(group, group), np.searchsorted(group, group, side="right")
    here = np.arange(group.size)
    half = length / 2
    reach = np.minimum(here + half, last) - np.maximum(here - half, first)
    anchor = rng.choice(group.size, size=count, p=(1 / reach) / (1 / reach).sum())
    halves = rng.uniform(0.5, 1.5, (count, 2)) * half
    start = np.maximum(anchor - halves[:, 0].round().astype(np.int64), first[anchor])
    stop = np.minimum(anchor + halves[:, 1].round().astype(np.int64) + 1, last[anchor])
    return np.column_stack([start, stop])


def _expand(runs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row number and position of every element of the runs [start, stop)."""
    lengths = runs[:, 1] - runs[:, 0]
    row = np.repeat(np.arange(len(runs)), lengths)
    offset = np.arange(row.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return row, runs[row, 0] + offset


def _with_sarahs_parts(part: NDArray[np.int64], vehicle: NDArray[np.int64], vehicles: Vehicles) -> Fitment:
    """The same rows, with Sarah's two parts on their own vehicles instead."""
    makes = np.array([MODELS[m].make in SARAH_MAKES for m in vehicles.model])
    theirs = np.flatnonzero(makes & np.isin(vehicles.year, SARAH_YEARS))
    others = (part != HOLLEY) & (part != MSD)
    return Fitment(
        part=np.concatenate([np.repeat([HOLLEY, MSD], theirs.size), part[others]]),
        vehicle=np.concatenate([np.tile(theirs, 2), vehicle[others]]),
    )

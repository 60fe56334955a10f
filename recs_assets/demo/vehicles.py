"""The vehicles of the planted world: years of real models, popular as a Zipf law has it."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recs_assets.demo.presets import Preset
from recs_assets.demo.timeline import stream
from recs_assets.demo.vehicle_models import MODELS

SARAH_VEHICLE = "1967-FORD-MUSTANG"
"""The only vehicle in Sarah's garage."""

YEAR_SKEW = 0.8
"""Zipf exponent of the years within a model: a few model years hold most of the survivors."""

ENGINES = ("V8 289", "V8 302", "V8 327", "V8 350", "V8 383", "V8 396", "V8 440", "V8 454", "L6 250", "L6 200", "V6 231")


@dataclass(frozen=True)
class Vehicles:
    """Vehicle rows in columns, all of length ``n_vehicles``.

    Attributes:
        ids: vehicle_id.
        model: index into ``vehicle_models.MODELS``.
        year: model year.
        engine: engine description.
        weight: share of all garages' vehicles; sums to 1.
    """

    ids: list[str]
    model: NDArray[np.int64]
    year: NDArray[np.int64]
    engine: list[str]
    weight: NDArray[np.float64]

    @property
    def sarah(self) -> int:
        """Row of Sarah's vehicle."""
        return self.ids.index(SARAH_VEHICLE)

    @property
    def n_models(self) -> int:
        """Models in this world; ``model`` is below it."""
        return int(self.model.max()) + 1


def build_vehicles(preset: Preset, seed: int) -> Vehicles:
    """The first ``preset.vehicles`` years of the most popular models."""
    rng = stream(seed, "vehicles")
    rows = [(index, year) for index, line in enumerate(MODELS) for year in range(line.first_year, line.last_year + 1)]
    if len(rows) < preset.vehicles:
        raise ValueError(f"preset {preset.name} wants {preset.vehicles} vehicles; the models have {len(rows)} years")
    model, year = np.array(rows[: preset.vehicles], dtype=np.int64).T
    ids = [vehicle_id(m, y) for m, y in zip(model.tolist(), year.tolist(), strict=True)]
    weight = (1.0 + model) ** -preset.model_skew * _year_weight(model, ids.index(SARAH_VEHICLE), rng)
    engine = [ENGINES[i] for i in rng.integers(len(ENGINES), size=len(ids))]
    return Vehicles(ids=ids, model=model, year=year, engine=engine, weight=weight / weight.sum())


def vehicle_id(model: int, year: int) -> str:
    """Readable key, such as ``1967-FORD-MUSTANG``."""
    line = MODELS[model]
    return f"{year}-{line.make}-{line.name}".upper().replace(" ", "-").replace("/", "")


def _year_weight(model: NDArray[np.int64], iconic: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Share of each model's owners that drive each year; sums to 1 within a model. Row ``iconic`` leads its model."""
    lottery = rng.random(model.size)
    lottery[iconic] = 0.0
    order = np.lexsort((lottery, model))
    first = np.searchsorted(model[order], model[order])
    rank = np.empty(model.size, dtype=np.int64)
    rank[order] = np.arange(model.size) - first
    weight = (1.0 + rank) ** -YEAR_SKEW
    shares: NDArray[np.float64] = weight / np.bincount(model, weights=weight)[model]
    return shares


def vehicles_table(vehicles: Vehicles) -> pa.Table:
    """The source table ``vehicles``."""
    return pa.table(
        {
            "vehicle_id": pa.array(vehicles.ids, pa.string()),
            "year": pa.array(vehicles.year, pa.int64()),
            "make": pa.array([MODELS[m].make for m in vehicles.model], pa.string()),
            "model": pa.array([MODELS[m].name for m in vehicles.model], pa.string()),
            "engine": pa.array(vehicles.engine, pa.string()),
        }
    )

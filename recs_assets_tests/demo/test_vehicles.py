"""Vehicles and who owns them."""

import re

import pytest

from recs_assets.demo.presets import PRESETS, Preset
from recs_assets.demo.vehicle_models import MODELS
from recs_assets_tests.demo.reading import Source


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_there_are_model_years_enough_for_every_preset(preset: Preset) -> None:
    assert sum(line.last_year - line.first_year + 1 for line in MODELS) >= preset.vehicles


def test_models_are_named_once_and_sold_over_some_years() -> None:
    assert len({(line.make, line.name) for line in MODELS}) == len(MODELS)
    assert all(1900 < line.first_year < line.last_year < 2027 for line in MODELS)


def test_a_vehicle_id_is_year_make_model(small: Source) -> None:
    assert len(small.vehicles) == 300
    assert small.vehicles.vehicle_id.map(lambda text: re.fullmatch(r"\d{4}(-[A-Z0-9]+){2,}", text) is not None).all()
    assert "1967-FORD-MUSTANG" in set(small.vehicles.vehicle_id)


def test_a_few_vehicles_are_in_most_garages(small: Source) -> None:
    owners = small.ownership.vehicle_id.value_counts(normalize=True)
    assert 0.3 < owners.head(30).sum() < 0.7

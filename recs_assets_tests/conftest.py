"""The planted world, run once for all tests; whoever changes anything takes a copy."""

from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import write_world
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place


@dataclass(frozen=True)
class Run:
    """A finished run and the place it left behind."""

    place: Place
    result: dg.ExecuteInProcessResult


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source folder of the tiny world."""
    folder = tmp_path_factory.mktemp("tiny_world")
    write_world(folder, PRESETS["tiny"], seed=1)
    return folder


@pytest.fixture(scope="session")
def first_run(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every asset of the last whole week, from nothing to the served table."""
    place = Place(tiny_world, tmp_path_factory.mktemp("first_run"))
    return Run(place, place.launch("everything", WEEK))


@pytest.fixture(scope="session")
def night(first_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The first night of the week after it."""
    place = first_run.place.copy(tmp_path_factory.mktemp("night"))
    return Run(place, place.launch("nightly", NEXT_WEEK))

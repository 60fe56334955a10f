"""One world of each kind for all tests of this folder and all their processes; nothing changes them."""

from pathlib import Path

import pytest

from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import write_world
from recs_assets_tests.conftest import shared
from recs_assets_tests.demo.reading import Source, read


def _small(factory: pytest.TempPathFactory, *, no_signal: bool) -> Source:
    def write(folder: Path) -> Path:
        write_world(folder, PRESETS["small"], seed=1, no_signal=no_signal)
        return folder

    return read(shared(factory, "flat_world" if no_signal else "small_world", write))


@pytest.fixture(scope="session")
def tiny(tiny_world: Path) -> Source:
    return read(tiny_world)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return _small(tmp_path_factory, no_signal=False)


@pytest.fixture(scope="session")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return _small(tmp_path_factory, no_signal=True)

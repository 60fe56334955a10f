"""One world of each kind for all tests of this folder; nothing changes them."""

import pytest

from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import write_world
from recs_assets_tests.demo.reading import Source, read


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("tiny")
    write_world(folder, PRESETS["tiny"], seed=1)
    return read(folder)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("small")
    write_world(folder, PRESETS["small"], seed=1)
    return read(folder)


@pytest.fixture(scope="session")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("flat")
    write_world(folder, PRESETS["small"], seed=1, no_signal=True)
    return read(folder)

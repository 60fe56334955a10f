"""Each test of a store runs over a folder and over a bucket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from recs_assets.resources.store import readers
from recs_assets.resources.store.store import Store
from recs_assets_tests.resources.store import places
from recs_assets_tests.resources.store.places import Place


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "folder":
        yield places.folder(tmp_path)
        readers.read_no_more()
    else:
        yield places.bucket(tmp_path, request.getfixturevalue("storage_server"))


@pytest.fixture
def store(place: Place) -> Store:
    return place.store

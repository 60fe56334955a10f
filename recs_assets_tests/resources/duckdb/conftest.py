"""What the tests of this folder share."""

from pathlib import Path

import pytest

from recs_assets import settings_file
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets_tests.resources.versions import write_users


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    write_users(tmp_path, {"u1": True, "u2": True, "u3": True})
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb", tmp_path, settings_file.load().compute)

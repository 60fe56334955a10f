"""What the tests of this folder share."""

from pathlib import Path

import pytest

from recs_assets import settings_file
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb", tmp_path, settings_file.load().compute)

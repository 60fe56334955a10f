"""What the tests of this folder share: datasets of their own in the stand-in, with three people who may be mailed."""

from collections.abc import Mapping
from typing import Any

import pytest

from recs_assets import settings_file
from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.bigquery.warehouse import BigQueryWarehouse
from recs_assets_tests.sql import shop
from recs_assets_tests.stand_ins.places import fill_source, new_places
from recs_assets_tests.stand_ins.servers import BigQuery

SETTINGS = settings_file.load()


def warehouse_at(places: Places, **limits: Any) -> BigQueryWarehouse:
    """A warehouse in some places, by other limits than the packaged ones."""
    limited = SETTINGS.bigquery.model_copy(update={"retry_seconds": 5.0, "job_seconds": 30.0, **limits})
    return BigQueryWarehouse(places, limited, blank_texts=SETTINGS.source.blank_texts, lookback_days=365)


def write_users(places: Places, consents: Mapping[str, bool | None]) -> None:
    """The store's users as they are now: whether each of them may be mailed."""
    rows = [(user, f"{user}@example.com", None, consent) for user, consent in consents.items()]
    fill_source(places, {"users": shop.source("users", rows)})


@pytest.fixture
def places(bigquery_server: BigQuery) -> Places:
    places = new_places(bigquery_server)
    write_users(places, {"u1": True, "u2": True, "u3": True})
    return places


@pytest.fixture
def warehouse(places: Places) -> BigQueryWarehouse:
    return warehouse_at(places)

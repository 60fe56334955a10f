"""SQL v5.17 in a held-out week of the tiny world."""

import datetime as dt

import pandas as pd
import pytest

from recs_assets.asset_files import EXPORT_NAMES, GRAPH
from recs_assets.gnn import graph
from recs_assets.resources.store.lineage import parquet_of
from recs_assets.steps import sql_baseline
from recs_assets.steps.cohort import cohort
from recs_assets.steps.sql_baseline import v5_17_lists
from recs_assets_tests.conftest import Run

START = dt.datetime(2026, 9, 21, tzinfo=dt.UTC)


def test_where_everybody_may_be_shown_everything_lists_are_asked_of_some_people_at_a_time(
    first_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = first_run.place
    candidates = place.settings.candidates.model_copy(update={"require_fitment": False})
    settings = place.settings.model_copy(update={"candidates": candidates})
    people = cohort(graph.load(place.artifact("hetero_graph").path(GRAPH)), START, settings, ("order",))
    exports = parquet_of({name: place.artifact(name) for name in EXPORT_NAMES})
    at_once = v5_17_lists(people, place.warehouse, exports)
    assert set(at_once["profile"]) == set(range(len(people.users)))
    monkeypatch.setattr(sql_baseline, "PAIRS_AT_ONCE", 6 * people.past.n_products)
    assert len(people.users) > 3 * 6
    pd.testing.assert_frame_equal(v5_17_lists(people, place.warehouse, exports), at_once)

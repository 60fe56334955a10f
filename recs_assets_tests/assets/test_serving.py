"""Serving takes the best source that has its evidence, and nothing but an approved model."""

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recs_assets.approved_models import newest_approved
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.store import Store
from recs_assets_tests.conftest import Run
from recs_assets_tests.test_definitions import AUDIT_CHECKS
from recs_assets_tests.worlds import NEXT_WEEK, Place, checks, messages, settings_with

FROM_SCORES = ["user_scores", "recommendations", "published_recommendations"]


def record(store: Store, week: str, **facts: Any) -> None:
    with store.draft("approved_model", week, Provenance(dt.datetime.now(dt.UTC), {}, "settings", "1", "run")) as new:
        new.facts |= {"week": week, "reason": "the gate said so"} | facts


def test_the_newest_record_up_to_the_week_counts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for week in ("2026-09-14", "2026-09-28", "2026-10-12"):
        record(store, week, source=week)
    assert newest_approved(store, NEXT_WEEK).facts["source"] == "2026-09-28"
    assert newest_approved(store, "2026-09-21").facts["source"] == "2026-09-14"


def test_without_any_record_the_message_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no approved_model up to week 2026-10-05\. Run the weekly job first"):
        newest_approved(Store(tmp_path), NEXT_WEEK)


def test_a_trained_model_that_was_not_approved_is_not_served(night: Run, tmp_path: Path) -> None:
    place = night.place.copy(tmp_path)
    shutil.rmtree(place.home / "store" / "approved_model")
    assert place.artifact("trained_model") is not None
    told = messages(place.materialize(FROM_SCORES, NEXT_WEEK))
    assert told["user_scores"].startswith("no approved_model up to week 2026-10-05.")
    assert place.served() == night.place.served()


def on_fallback(night: Run, folder: Path, source: str) -> Place:
    """The night once more, with nothing approved but a fallback."""
    place = night.place.copy(folder)
    record(place.store, NEXT_WEEK, source=source, model_week=None, alpha=None)
    result = place.materialize(FROM_SCORES, NEXT_WEEK)
    assert messages(result) == {}
    passed = checks(result)
    assert {name for name, is_good in passed.items() if is_good} >= AUDIT_CHECKS, "a fallback obeys the same rules"
    assert not passed["recommendations", "source"], "it warns, and never blocks"
    return place


@pytest.fixture(scope="module")
def fallbacks(night: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Place]:
    """The night on each of the two fallbacks."""
    return {source: on_fallback(night, tmp_path_factory.mktemp(source), source) for source in ("similarity", "sql")}


@pytest.mark.parametrize("source", ["similarity", "sql"])
def test_without_an_approved_model_a_fallback_is_published(fallbacks: dict[str, Place], source: str) -> None:
    place = fallbacks[source]
    assert place.table("user_scores", NEXT_WEEK).num_rows == 0
    rows = place.query(f"SELECT DISTINCT source, model_week, gnn_score FROM recommendations WHERE week = '{NEXT_WEEK}'")
    assert rows == [(source, None, 0.0)]
    ((told, why),) = place.query(
        "SELECT figures_json, reason FROM verdicts "
        f"WHERE gate = 'source' AND week = '{NEXT_WEEK}' ORDER BY judged_at DESC LIMIT 1"
    )
    assert f'"source": "{source}"' in told
    assert why == (f"week 2026-10-05 is served from {source} with no model, decided with week 2026-10-05: the gate said so")


def test_a_night_of_other_settings_steps_down_and_one_of_the_old_ones_serves_the_model_again(night: Run, tmp_path: Path) -> None:
    changed = settings_with(tmp_path, {"model": {"walk_half_life_days": 30.0}})
    place = night.place.copy(tmp_path, settings=changed)
    assert messages(place.materialize(FROM_SCORES, NEXT_WEEK)) == {}
    rows = place.query(f"SELECT DISTINCT source, model_week, gnn_score FROM recommendations WHERE week = '{NEXT_WEEK}'")
    assert rows == [(place.artifact("approved_model").facts["fallback"], None, 0.0)]
    ((decision, reason),) = place.query(
        "SELECT decision, reason FROM verdicts WHERE gate = 'source' ORDER BY judged_at DESC LIMIT 1"
    )
    assert decision == "WARN"
    assert "was fitted with other settings: model.walk_half_life_days was 90.0 and is 30.0." in reason
    back = replace(place, settings=night.place.settings)
    assert messages(back.materialize(FROM_SCORES, NEXT_WEEK)) == {}
    assert back.query(f"SELECT DISTINCT source FROM recommendations WHERE week = '{NEXT_WEEK}'") == [("blend",)]


def test_sql_as_the_source_serves_todays_query_and_nothing_else(fallbacks: dict[str, Place]) -> None:
    place = fallbacks["sql"]
    scores = place.table("sql_scores", NEXT_WEEK)
    listed = set(zip(scores["profile_id"].to_pylist(), scores["product_id"].to_pylist(), strict=True))
    lists = place.artifact("recommendations", NEXT_WEEK).table("profile_recommendations.parquet")
    served = set(zip(lists["profile_id"].to_pylist(), lists["product_id"].to_pylist(), strict=True))
    assert served
    assert served <= listed


def test_scores_are_kept_once_a_profile_and_no_more_than_asked_for(night: Run) -> None:
    profiles = set(night.place.artifact("hetero_graph", NEXT_WEEK).table("profiles.parquet")["profile_id"].to_pylist())
    for name in ("sql_scores", "user_scores"):
        scores = night.place.table(name, NEXT_WEEK).to_pandas()
        assert set(scores["profile_id"]) == profiles, name
        assert not scores.duplicated(["profile_id", "product_id"]).any(), name
        assert scores.groupby("profile_id", observed=True).size().max() <= 100, name


def test_no_score_is_given_to_a_part_that_a_rule_keeps_out(night: Run) -> None:
    products = night.place.table("product_nodes", NEXT_WEEK).to_pandas()
    refused = set(products[products["ineligible_reason"].notna()]["product_id"])
    assert refused
    for name in ("sql_scores", "user_scores"):
        assert not refused & set(night.place.table(name, NEXT_WEEK)["product_id"].to_pylist()), name

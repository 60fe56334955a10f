"""What may be served: the ladder from this week's model down to SQL, on small artifacts."""

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from recs_assets.assets.evaluation import headline, newest_standing, population_shares
from recs_assets.assets.serving import newest_approved
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.store import Store
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, messages, metadata, settings_with

ALPHA, OLD_ALPHA = {"cold": 0.1, "warm": 0.2, "hot": 0.3}, {"cold": 0.7, "warm": 0.8, "hot": 0.9}
AS_OF = dt.datetime(2026, 10, 5, tzinfo=dt.UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def artifact(store: Store, asset: str, week: str, **facts: Any) -> Artifact:
    with store.draft(asset, week, Provenance(AS_OF, {}, "settings", "1", "run")) as new:
        new.path("model.pt").write_text(f"weights of {week}")
        new.facts |= {"week": week, **facts}
    return new.written


def test_a_gate_that_fails_in_a_real_run_keeps_the_model_of_the_week_before(first_run: Run, tmp_path: Path) -> None:
    strict = settings_with(tmp_path, {"gates": {"min_recall_lift": 0.99}})
    place = first_run.place.copy(tmp_path, settings=strict)
    artifact(place.store, "approved_model", "2026-09-21", source="blend", model_week="2026-09-14", alpha=OLD_ALPHA)
    result = place.materialize(["approved_model"], WEEK)
    assert messages(result) == {}
    shown = metadata(result, "approved_model")
    assert (shown["decision"], shown["source"], shown["model_week"]) == ("FAIL", "blend", "2026-09-14")
    assert shown["reason"].endswith("even the upper end is below the +99.0% asked for.")
    assert place.artifact("approved_model").path("model.pt").read_text() == "weights of 2026-09-21"


def test_what_passed_is_a_copy_of_the_trained_weights(first_run: Run) -> None:
    record = first_run.place.artifact("approved_model")
    trained = first_run.place.artifact("trained_model").manifest.files["model.pt"]
    assert record.manifest.files["model.pt"].sha256 == trained.sha256
    assert record.document("record.json")["model_week"] == WEEK


def test_an_override_serves_its_week_and_the_nights_after_it_and_then_expires(store: Store) -> None:
    artifact(store, "approved_model", "2026-09-14", source="blend", model_week="2026-09-14", alpha=OLD_ALPHA)
    artifact(store, "approved_model", "2026-09-21", source="blend", override_reason="once")
    artifact(store, "approved_model", "2026-09-28", source="blend", override_reason="once more")

    def standing(up_to: str, since: str) -> str:
        record = newest_standing(store, up_to, overridden_since=since)
        return record.manifest.week if record else "none"

    assert newest_approved(store, "2026-09-28").manifest.week == "2026-09-28"
    assert newest_approved(store, "2026-10-05").manifest.week == "2026-09-28"
    assert newest_approved(store, "2026-10-12").manifest.week == "2026-09-14"
    assert standing("2026-09-28", since="2026-10-05") == "2026-09-14", "what the next week keeps is no override"
    assert standing("2026-09-07", since="2026-09-14") == "none"


def test_a_launch_with_a_reason_approves_and_keeps_the_reason(first_run: Run, tmp_path: Path) -> None:
    strict = settings_with(tmp_path, {"gates": {"min_recall_lift": 1.0}})
    place = first_run.place.copy(tmp_path, settings=strict)
    asset, reason = dg.AssetKey("approved_model"), "the shop's anniversary"
    job = place.definitions().resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        partition_key=WEEK,
        instance=place.instance,
        asset_selection=[asset],
        run_config={"ops": {"approved_model": {"config": {"override_reason": reason}}}},
    )
    assert messages(result) == {}
    assert place.artifact("approved_model").document("record.json")["override_reason"] == reason
    reasons = place.query(f"SELECT reason FROM verdicts WHERE gate = 'approval' AND run_id = '{result.run_id}'")
    assert reasons == [(reason,)]


def test_population_shares_count_all_users() -> None:
    profiles = pa.table({"stratum": ["cold", "cold", "hot", "cold"]})
    assert population_shares(profiles) == {"cold": 0.75, "hot": 0.25}


def test_the_headline_is_recall_at_ten_of_all_users_best_first() -> None:
    rows = [
        ("sql", "all", 10, "recall", 0.1, 50),
        ("blend", "all", 10, "recall", 0.2, 50),
        ("blend", "all", 4, "recall", 0.9, 50),
        ("blend", "all", 10, "ndcg", 0.8, 50),
        ("sql", "hot", 10, "recall", 0.7, 9),
    ]
    names = ["system", "stratum", "k", "metric", "value", "users"]
    best = headline(pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows]))
    assert best.to_pylist() == [
        {"system": "blend", "value": 0.2, "users": 50},
        {"system": "sql", "value": 0.1, "users": 50},
    ]


def test_similar_parts_are_known_parts_and_never_the_part_itself(night: Run) -> None:
    similarities = night.place.table("product_similarities", NEXT_WEEK).to_pandas()
    known = set(night.place.table("product_nodes", NEXT_WEEK)["product_id"].to_pylist())
    assert set(similarities["product_id"]) | set(similarities["similar_product_id"]) <= known
    assert (similarities["product_id"] != similarities["similar_product_id"]).all()
    assert similarities["similarity"].between(0, 1, inclusive="right").all()
    assert (similarities["n_users"] >= 2).all()
    assert len(similarities) > 0

"""What may be served: the ladder from this week's model down to SQL, on small artifacts."""

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest
import torch

from recs_assets.approved_models import newest_approved, newest_standing
from recs_assets.assets.evaluation import headline
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.store import Store
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place, messages, metadata, settings_with

ALPHA, OLD_ALPHA = {"cold": 0.1, "warm": 0.2, "hot": 0.3}, {"cold": 0.7, "warm": 0.8, "hot": 0.9}
WEEK_BEFORE = "2026-09-21"
EVALUATION_WEEKS = ["2026-09-07", "2026-09-14", WEEK_BEFORE, WEEK]
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


def plant_an_earlier_week(place: Place, **inputs: Any) -> None:
    """A week before in which nothing was found, and what it approved: the weights of ``WEEK``, as if of two weeks earlier.

    Args:
        place: where ``WEEK`` has been run.
        inputs: settings that these weights are to have been fitted with instead.
    """
    measured, trained = place.artifact("offline_metrics"), place.artifact("trained_model")
    evidence = measured.table("evidence.parquet").to_pandas().query(f"week <= '{WEEK_BEFORE}'")
    with place.store.draft("offline_metrics", WEEK_BEFORE, Provenance(AS_OF, {}, "settings", "1", "run")) as new:
        earlier = evidence.assign(recall=0.0, model_week=WEEK_BEFORE)
        new.write_table("evidence.parquet", pa.Table.from_pandas(earlier, preserve_index=False))
        new.facts |= {"relevance": "order"}
    with place.store.draft("approved_model", WEEK_BEFORE, Provenance(AS_OF, {}, "settings", "1", "run")) as new:
        weights = torch.load(trained.path("model.pt"), weights_only=True)
        torch.save(weights | {"inputs": weights["inputs"] | inputs}, new.path("model.pt"))
        new.facts |= {"week": WEEK_BEFORE, "source": "blend", "model_week": "2026-09-14", "alpha": measured.facts["alpha"]}


@pytest.fixture(scope="module")
def second_monday(first_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = first_run.place.copy(tmp_path_factory.mktemp("second_monday"))
    plant_an_earlier_week(place)
    assert messages(place.materialize(["offline_metrics", "approved_model"], WEEK)) == {}
    return place


def test_each_held_out_week_is_evidence_once_by_the_model_that_came_first(first_run: Run, second_monday: Place) -> None:
    first, second = (
        place.artifact("offline_metrics").table("evidence.parquet").to_pandas().query("system == 'blend'")
        for place in (first_run.place, second_monday)
    )
    assert first.groupby("week")["model_week"].first().to_dict() == dict.fromkeys(EVALUATION_WEEKS, WEEK)
    assert second.groupby("week")["model_week"].first().to_dict() == dict.fromkeys(EVALUATION_WEEKS[:3], WEEK_BEFORE) | {
        WEEK: WEEK
    }
    assert second.groupby("week")["recall"].max().gt(0).to_dict() == dict.fromkeys(EVALUATION_WEEKS[:3], False) | {WEEK: True}
    verdicts = [place.artifact("offline_metrics").document("verdict.json") for place in (first_run.place, second_monday)]
    assert verdicts[0]["lift"] == verdicts[1]["lift"], "of this week's model on all four weeks"
    assert verdicts[0]["decision"] == "PASS"
    assert (verdicts[1]["decision"], verdicts[1]["evidence"]["weeks"]) == ("INSUFFICIENT EVIDENCE", 4)


def test_a_week_evaluated_again_spends_nothing(second_monday: Place, tmp_path: Path) -> None:
    again = second_monday.copy(tmp_path)
    before = again.artifact("offline_metrics").version
    assert messages(again.materialize(["offline_metrics"], WEEK)) == {}
    assert again.artifact("offline_metrics").version == before


def test_a_kept_model_is_evaluated_beside_the_new_one_on_the_weeks_since(second_monday: Place) -> None:
    measured = second_monday.artifact("offline_metrics")
    per_user, metrics = (measured.table(f"{name}.parquet").to_pandas() for name in ("per_user", "metrics"))
    recall = per_user.set_index(["system", "week", "user_id"])["recall_at_10"].sort_index()
    kept, blend = recall["kept"], recall["blend"][WEEK_BEFORE:]
    assert len(kept) > 10
    # The same weights and the same alpha as this week's.
    pd.testing.assert_series_equal(kept, blend)
    (row,) = metrics.query("system == 'kept' and stratum == 'all' and k == 10 and metric == 'recall'").to_dict("records")
    assert (row["value"], row["weeks"]) == (pytest.approx(kept.mean()), 2)
    evidence = measured.table("evidence.parquet").to_pandas().query("system == 'kept'")
    assert set(zip(evidence["model_week"], evidence["week"], strict=True)) == {("2026-09-14", WEEK_BEFORE), ("2026-09-14", WEEK)}
    record = second_monday.artifact("approved_model").document("record.json")
    assert (record["source"], record["model_week"], "stepped_down" in record) == ("blend", "2026-09-14", False)
    ((decision, reason),) = second_monday.query("SELECT decision, reason FROM verdicts WHERE gate = 'kept_model'")
    assert decision == "PASS"
    assert reason.startswith("in 2 weeks since, the model of week 2026-09-14 served ")


def test_a_kept_model_of_other_settings_steps_down(first_run: Run, tmp_path: Path) -> None:
    place = first_run.place.copy(tmp_path)
    plant_an_earlier_week(place, walk_half_life_days=30.0)
    assert messages(place.materialize(["offline_metrics", "approved_model"], WEEK)) == {}
    record = place.artifact("approved_model").document("record.json")
    assert record["source"] in {"similarity", "sql"}
    assert record["stepped_down"] == (
        "the model of week 2026-09-14 was fitted with other settings: model.walk_half_life_days was 30.0 and is 90.0."
    )
    ((reason,),) = place.query("SELECT reason FROM verdicts WHERE gate = 'kept_model'")
    assert reason == record["stepped_down"]


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

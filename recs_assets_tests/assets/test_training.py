"""What the model learns from ends where the weeks that evaluate it begin."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from recs_assets import settings_file
from recs_assets.asset_files import MODEL, TOWERS
from recs_assets.assets.training import warm_start
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.store import Store
from recs_assets.week_split import split_weeks
from recs_assets.weeks import week_of
from recs_assets_tests.conftest import Run
from recs_assets_tests.test_definitions import EXPORTS
from recs_assets_tests.worlds import WEEK, messages, metadata, settings_with

FIRST_EVALUATED = dt.datetime(2026, 9, 7, tzinfo=dt.UTC)


def approved(folder: Path, files: Sequence[str], **facts: Any) -> Artifact:
    with Store(folder).draft("approved_model", "2026-09-21", Provenance(FIRST_EVALUATED, {}, "settings", "1", "run")) as new:
        for name in files:
            new.path(name).write_text("weights")
        new.facts |= facts
    return new.written


@pytest.mark.parametrize(
    ("last_validation_week", "is_warm"),
    [("2026-08-24", False), ("2026-08-10", False), ("2026-08-03", True), ("2026-07-06", True)],
)
def test_towers_start_from_weights_that_stopped_before_the_weeks_that_validate_now(
    tmp_path: Path, last_validation_week: str, is_warm: bool
) -> None:
    split = split_weeks(week_of(WEEK, dt.datetime(2026, 11, 1, tzinfo=dt.UTC)), settings_file.load())
    assert split.validation[0] == dt.datetime(2026, 8, 10, tzinfo=dt.UTC)
    old = approved(tmp_path, [TOWERS], towers_validated_on=["2026-06-29", last_validation_week])
    assert warm_start(old, split) == (old if is_warm else None)


def test_towers_start_from_nothing_where_there_are_none_or_nobody_knows_when_they_stopped(tmp_path: Path) -> None:
    split = split_weeks(week_of(WEEK, dt.datetime(2026, 11, 1, tzinfo=dt.UTC)), settings_file.load())
    assert warm_start(None, split) is None
    assert warm_start(approved(tmp_path / "channels alone", [MODEL]), split) is None
    assert warm_start(approved(tmp_path / "unknown", [TOWERS]), split) is None


def test_the_towers_weeks_of_validation_are_kept_with_them_and_with_what_is_approved(first_run: Run) -> None:
    weeks = ["2026-08-10", "2026-08-17", "2026-08-24", "2026-08-31"]
    for asset in ("trained_model", "approved_model"):
        assert first_run.place.artifact(asset).facts["towers_validated_on"] == weeks


def test_what_people_do_in_the_evaluation_weeks_does_not_change_the_model(first_run: Run, tmp_path: Path) -> None:
    small = settings_with(tmp_path, {"model": {"steps": 20}})
    then, now = (first_run.place.copy(tmp_path / name, settings=small) for name in ("then", "now"))
    events = now.read_source("events")
    later = pc.greater_equal(events["event_ts"], pa.scalar(FIRST_EVALUATED, events["event_ts"].type))
    index = events.schema.get_field_index("product_id")
    known = now.table("product_nodes")["product_id"][0]
    assert pc.sum(later).as_py() > 1_000
    now.rewrite("events", events.set_column(index, "product_id", pc.if_else(later, known, events["product_id"])))
    needed = sorted(EXPORTS - {"user_nodes", "vehicle_nodes", "product_nodes", "fits_edges", "owns_edges"})
    assert messages(now.materialize(["raw_events", *needed, "hetero_graph", "trained_model"], WEEK)) == {}
    assert messages(then.materialize(["trained_model"], WEEK)) == {}
    graphs, models = (
        [place.artifact(asset).manifest.files for place in (then, now)] for asset in ("hetero_graph", "trained_model")
    )
    assert graphs[0]["graph.pt"] != graphs[1]["graph.pt"]
    for name in ("model.pt", "validation_model.pt", "towers.pt"):
        assert models[0][name].sha256 == models[1][name].sha256


def test_the_fit_leaves_its_curve_and_the_weights_by_name(first_run: Run) -> None:
    trained = first_run.place.artifact("trained_model")
    losses = trained.table("curve.parquet")["loss"].to_pylist()
    assert len(losses) == 300
    # A step sees one of sixteen snapshots: only the mean over all of them can be compared.
    assert sum(losses[-48:]) < 0.99 * sum(losses[:48])
    assert {"popularity_fast", "popularity_middle", "popularity_slow"} <= set(trained.document("weights.json"))


def test_the_towers_leave_a_record_a_curve_and_a_vector_for_everybody_and_every_part(first_run: Run) -> None:
    place = first_run.place
    trained = place.artifact("trained_model")
    record = trained.document("residual.json")
    assert record["scale"] == trained.facts["towers_scale"]
    shows_that_it_helps = record["validation"]["nll"]["high"] < 0
    assert shows_that_it_helps or not any(record["scale"].values())
    curve = trained.table("towers_curve.parquet")
    assert curve.column_names == ["epoch", "loss", "gain", "scale_cold", "scale_warm", "scale_hot"]
    for kind in ("user", "product"):
        vectors = trained.table(f"{kind}_vectors.parquet")
        assert vectors[f"{kind}_id"].to_pylist() == place.table(f"{kind}_nodes")[f"{kind}_id"].to_pylist()
        assert vectors["vector"].type == pa.list_(pa.float32(), place.settings.towers.dimension)
    strata = place.artifact("hetero_graph").table("user_profiles.parquet")["stratum"].to_pylist()
    assert trained.table("user_vectors.parquet")["scale"].to_pylist() == [record["scale"][stratum] for stratum in strata]
    assert not (place.home / "store" / ".work" / f"trained_model-{WEEK}").exists()


def test_people_who_share_a_profile_share_a_vector_and_the_dot_product_is_that_of_the_model(first_run: Run) -> None:
    place = first_run.place
    profiles = place.artifact("hetero_graph").table("user_profiles.parquet").to_pandas()
    shared = profiles[profiles["profile_id"] == profiles[profiles["stratum"] == "cold"]["profile_id"].mode()[0]]["user_id"]
    vectors = place.artifact("trained_model").table("user_vectors.parquet").to_pandas().set_index("user_id")["vector"]
    assert len(shared) > 1
    assert {vector.tobytes() for vector in vectors[shared]} == {vectors[shared.iloc[0]].tobytes()}
    assert len({vector.tobytes() for vector in vectors}) > 100


REUSING = ["trained_model", "offline_metrics", "product_similarities"]


def test_what_the_same_inputs_made_is_not_made_again(first_run: Run, tmp_path: Path) -> None:
    place = first_run.place.copy(tmp_path)
    before = {asset: place.artifact(asset) for asset in REUSING}
    exports = sorted(EXPORTS | {f"raw_{table}" for table in ("users", "vehicles", "ownership", "products", "fitment", "events")})
    started = dt.datetime.now().timestamp()
    result = place.materialize([*exports, "hetero_graph", *REUSING, "approved_model"], WEEK)
    assert messages(result) == {}
    assert {asset: place.artifact(asset) for asset in REUSING} == before
    model = before["trained_model"].path(MODEL)
    assert model.stat().st_mtime < started
    assert metadata(result, "trained_model")["reused"] == before["trained_model"].version
    assert metadata(result, "offline_metrics")["decision"] == before["offline_metrics"].facts["decision"]
    recorded = f"SELECT count(*) FROM verdicts WHERE gate = 'gate_1' AND run_id = '{result.run_id}'"
    assert place.query(recorded) == [(1,)]


@pytest.mark.parametrize("change", ["settings", "code", "inputs", "damage", "force", "nothing"])
def test_another_input_or_setting_or_code_or_damage_makes_it_again(
    first_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], change: str
) -> None:
    place = first_run.place.copy(tmp_path)
    run_config: dict[str, Any] = {}
    if change == "settings":
        place = replace(place, settings=settings_with(tmp_path / "own", {"similarity": {"neighbours": 7}}))
    elif change == "code":
        monkeypatch.setattr("recs_assets.targets.code_version", lambda: "another")
    elif change == "inputs":
        place.rewrite("users", place.read_source("users").slice(1))
        exports = sorted(EXPORTS - {"vehicle_nodes", "product_nodes", "fits_edges"})
        assert messages(place.materialize(["raw_users", *exports, "hetero_graph"], WEEK)) == {}
    elif change == "damage":
        path = place.artifact("product_similarities").path("product_similarities.parquet")
        path.write_bytes(path.read_bytes()[:-1])
    elif change == "force":
        run_config = {"ops": {"product_similarities": {"config": {"force": True}}}}
    job = place.definitions().resolve_implicit_global_asset_job_def()
    capfd.readouterr()
    result = job.execute_in_process(
        partition_key=WEEK,
        instance=place.instance,
        asset_selection=[dg.AssetKey("product_similarities")],
        run_config=run_config,
    )
    assert result.success
    assert ("unchanged since run" in capfd.readouterr().err) == (change == "nothing")
    assert place.artifact("product_similarities").table("product_similarities.parquet").num_rows > 0

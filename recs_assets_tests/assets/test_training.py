"""What the model learns from ends where the weeks that judge it begin."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from recs_assets import settings_file
from recs_assets.assets.training import training_moments
from recs_assets.weeks import week_of
from recs_assets_tests.conftest import Run
from recs_assets_tests.test_definitions import EXPORTS
from recs_assets_tests.worlds import WEEK, messages, settings_with

LATER = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
FIRST_JUDGED = dt.datetime(2026, 9, 7, tzinfo=dt.UTC)


def days(moments: list[dt.datetime]) -> list[str]:
    return [moment.date().isoformat() for moment in moments]


def test_the_last_targets_end_where_the_evaluation_weeks_begin(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, {"model": {"training_weeks": 3}})
    assert days(training_moments(week_of(WEEK, LATER), settings)) == ["2026-08-17", "2026-08-24", "2026-08-31"]


def test_a_longer_horizon_moves_all_snapshots_back(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, {"model": {"training_weeks": 2, "horizon_days": 28}})
    assert days(training_moments(week_of(WEEK, LATER), settings)) == ["2026-08-03", "2026-08-10"]


def test_a_week_in_progress_is_not_judged_and_so_not_kept_apart(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, {"model": {"training_weeks": 1}})
    thursday = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
    assert days(training_moments(week_of(WEEK, thursday), settings)) == ["2026-08-24"]


def test_sixteen_snapshots_are_learned_from() -> None:
    moments = training_moments(week_of(WEEK, LATER), settings_file.load())
    assert (len(moments), days(moments[:1])) == (16, ["2026-05-18"])


def test_what_people_do_in_the_judged_weeks_does_not_change_the_model(first_run: Run, tmp_path: Path) -> None:
    place = first_run.place.copy(tmp_path)
    events = place.read_source("events")
    judged = pc.greater_equal(events["event_ts"], pa.scalar(FIRST_JUDGED, events["event_ts"].type))
    index = events.schema.get_field_index("product_id")
    known = place.table("product_nodes")["product_id"][0]
    assert pc.sum(judged).as_py() > 1_000
    place.rewrite("events", events.set_column(index, "product_id", pc.if_else(judged, known, events["product_id"])))
    needed = sorted(EXPORTS - {"user_nodes", "vehicle_nodes", "product_nodes", "fits_edges", "owns_edges"})
    result = place.materialize(["raw_events", *needed, "hetero_graph", "trained_model"], WEEK)
    assert messages(result) == {}
    files = {name: run.artifact("trained_model").manifest.files for name, run in (("now", place), ("then", first_run.place))}
    assert (
        place.artifact("hetero_graph").manifest.files["graph.pt"]
        != first_run.place.artifact("hetero_graph").manifest.files["graph.pt"]
    )
    for name in ("model.pt", "validation_model.pt", "towers.pt"):
        assert files["now"][name].sha256 == files["then"][name].sha256


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
    assert record["scale"] > 0 or record["validation"]["low"] <= 0  # kept only if it shows that it helps
    assert trained.table("towers_curve.parquet").column_names == ["epoch", "loss", "recall", "scale"]
    for kind in ("user", "product"):
        vectors = trained.table(f"{kind}_vectors.parquet")
        assert vectors[f"{kind}_id"].to_pylist() == place.table(f"{kind}_nodes")[f"{kind}_id"].to_pylist()
        assert vectors["vector"].type == pa.list_(pa.float32(), 128)
    assert not (place.home / "store" / ".work" / f"trained_model-{WEEK}").exists()


def test_people_who_share_a_profile_share_a_vector_and_the_dot_product_is_that_of_the_model(first_run: Run) -> None:
    place = first_run.place
    profiles = place.artifact("hetero_graph").table("user_profiles.parquet").to_pandas()
    shared = profiles[profiles["profile_id"] == profiles[profiles["stratum"] == "cold"]["profile_id"].mode()[0]]["user_id"]
    vectors = place.artifact("trained_model").table("user_vectors.parquet").to_pandas().set_index("user_id")["vector"]
    assert len(shared) > 1
    assert {vector.tobytes() for vector in vectors[shared]} == {vectors[shared.iloc[0]].tobytes()}
    assert len({vector.tobytes() for vector in vectors}) > 100

"""What a launch may ask for, and a source that has nothing new."""

import datetime as dt
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import recs_assets
from recs_assets import run_origin, settings_file
from recs_assets.launch import Wishes, launch, refuse_old_source
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import WEEK, Place, settings_with

ROOT = Path(recs_assets.__file__).parents[1]
# The name of the code location, by the file that says it to one of Dagster's programs.
ROOT_NAMES = {
    "workspace.yaml": yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]["location_name"],
    "pyproject.toml": tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]["code_location_name"],
    "run_origin.py": run_origin.LOCATION,
}
NOW = dt.datetime(2026, 11, 29, 7, 15, tzinfo=dt.UTC)


def launched(place: Place, name: str, **wishes: Any) -> bool:
    project = cast(Any, SimpleNamespace(defs=place.definitions()))
    return launch(project, name, WEEK, Wishes(**wishes), place.instance)


def source_with(folder: Path, *newest: dt.datetime) -> DuckDBWarehouse:
    """A source of events at these moments and nothing else that counts."""
    columns = {name: pa.array([str(number) for number in range(len(newest))]) for name in ("event_id", "user_id", "product_id")}
    moments = pa.array(newest, pa.timestamp("us", tz="UTC"))
    events = pa.table(columns | {"event_type": pa.array(["view"] * len(newest)), "event_ts": moments})
    pq.write_table(events, folder / "events.parquet")
    return DuckDBWarehouse(folder / "warehouse.duckdb", folder, settings_file.load().compute)


def test_a_source_whose_events_are_weeks_old_names_the_newest_and_its_week(tmp_path: Path) -> None:
    warehouse = source_with(tmp_path, dt.datetime(2026, 10, 8, 21, 30, tzinfo=dt.UTC), dt.datetime(2031, 1, 1, tzinfo=dt.UTC))
    with pytest.raises(ValueError, match="week") as raised:
        refuse_old_source(warehouse, NOW)
    assert str(raised.value) == (
        "the newest event of the source is of 2026-10-08 21:30 UTC, 51 days ago: there is nothing new to serve in week "
        "2026-11-23. For the week of that event: make nightly WEEK=2026-10-05. If events should have come since, look at "
        "their load."
    )


def test_a_source_with_events_of_the_last_seven_days_or_none_at_all_is_left_to_the_run(tmp_path: Path) -> None:
    warehouse = source_with(tmp_path, NOW - dt.timedelta(days=6, hours=23))
    refuse_old_source(warehouse, NOW)
    (tmp_path / "events.parquet").unlink()
    refuse_old_source(warehouse, NOW)


@pytest.mark.parametrize(
    ("name", "wishes"),
    [
        ("approve", {}),
        ("publish", {"reason": " "}),
        ("weekly", {"lost_columns": ["users"]}),
        ("nightly", {"replace_older_week": True}),
    ],
)
def test_what_stays_in_the_ledger_needs_a_reason(tmp_path: Path, name: str, wishes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"this needs a reason; it stays in the ledger\. Say it with REASON="):
        launched(Place(tmp_path, tmp_path), name, **wishes)


def test_a_week_before_the_first_one_of_the_settings_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path, settings_with(tmp_path / "own", {"schedules": {"first_week": "2026-10-05"}}))
    with pytest.raises(ValueError, match=r"week 2026-09-28 is before schedules\.first_week, 2026-10-05\. Name a later week"):
        launched(place, "weekly")


def test_a_week_after_the_last_one_of_the_settings_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path, settings_with(tmp_path / "own", {"schedules": {"last_week": "2026-09-21"}}))
    with pytest.raises(ValueError, match=r"week 2026-09-28 is after schedules\.last_week, 2026-09-21\. Name an earlier week"):
        launched(place, "weekly")


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where a weekly run was refused, as there is no source."""
    folder = tmp_path_factory.mktemp("refused")
    place = Place(folder / "nowhere", folder / "home")
    create = place.instance.create_run_for_job
    assert not launched(place, "weekly")
    assert place.instance.create_run_for_job == create, "other runs are made as ever"
    return place


def test_a_run_of_a_command_is_shown_under_its_job_and_in_the_timeline(refused: Place) -> None:
    place = refused
    page = {".dagster/repository": "__repository__@recs_assets"}
    (run,) = place.instance.get_runs(dg.RunsFilter(job_name="weekly", tags=page | run_origin.OF_COMMAND))
    assert (run.tags["dagster/partition"], run.job_name) == (WEEK, "weekly")
    assert run.remote_job_origin is not None
    assert run.remote_job_origin.repository_origin.get_label() == page[".dagster/repository"]
    assert set(ROOT_NAMES.values()) == {"recs_assets"}


def test_checks_that_a_refused_run_has_not_come_to_are_no_failures(refused: Place) -> None:
    place = refused
    assert not launched(place, "weekly")
    keys = [
        dg.AssetCheckKey(dg.AssetKey(asset), name) for asset, name in (("raw_users", "row_count"), ("offline_metrics", "gate_1"))
    ]
    records = place.instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    shown = [record.evaluation for record in records.values() if record.evaluation]
    assert [evaluation.severity for evaluation in shown] == [dg.AssetCheckSeverity.WARN] * 2
    assert all(str(evaluation.description).startswith("Not evaluated: run ") for evaluation in shown)


def test_an_older_week_is_rewritten_where_that_is_asked_for_and_the_mail_stays(night: Run, tmp_path: Path) -> None:
    place = night.place.copy(tmp_path, settings=settings_with(tmp_path / "own", {"rules": {"list_length": 10}}))
    mailed = place.served()[1]
    assert launched(place, "publish", reason="ten will do")
    assert place.query(f"SELECT max(rank) FROM recommendations WHERE week = '{WEEK}'") == [(20,)]
    assert launched(place, "publish", reason="ten will do", replace_older_week=True)
    assert place.query(f"SELECT max(rank) FROM recommendations WHERE week = '{WEEK}'") == [(10,)]
    assert place.query("SELECT reason FROM publications ORDER BY sequence DESC LIMIT 1") == [("ten will do",)]
    assert place.served()[1] == mailed


def test_a_model_is_promoted_in_spite_of_its_gate_with_the_reason(first_run: Run, tmp_path: Path) -> None:
    # A gate that asks for more evidence than these people can give.
    place = first_run.place.copy(tmp_path, settings=settings_with(tmp_path / "own", {"gates": {"max_false_promotions": 1e-9}}))
    assert launched(place, "approve", reason="we mean it")
    record = place.artifact("approved_model").facts
    assert (record["source"], record["override_reason"]) == ("blend", "we mean it")

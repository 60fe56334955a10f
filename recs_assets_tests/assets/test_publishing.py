"""Nothing unaudited is published, and yesterday's table stays."""

import datetime as dt
import re
import shutil
import uuid
from dataclasses import replace
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from recs_assets.own_tables import wide_columns
from recs_assets_tests.conftest import Run
from recs_assets_tests.test_definitions import AUDIT_CHECKS
from recs_assets_tests.worlds import NEXT_WEEK, Place, checks, materialized, messages, metadata, settings_with

LAST_STEPS = ["recommendations", "published_recommendations"]


def unpublished(night: Run, folder: Path, keys: dict[str, dict[str, object]]) -> Place:
    """The night's place with other settings, about to be audited again."""
    return night.place.copy(folder, settings=settings_with(folder, keys))


@pytest.mark.parametrize(
    ("keys", "check", "count", "sentence"),
    [
        ({"rules": {"min_price": 200.0}}, "price", "price_too_low", ".+"),
        ({"rules": {"excluded_part_types": ["Carburetors", "Wheels", "Shocks"]}}, "rules", "excluded_part_type", ".+"),
        ({"gates": {"min_users": 501}}, "users", "required", "500 people are served where 501 are required."),
    ],
)
def test_a_failed_audit_is_told_in_a_sentence_and_blocks_publishing(
    night: Run, tmp_path: Path, keys: dict[str, dict[str, object]], check: str, count: str, sentence: str
) -> None:
    place = unpublished(night, tmp_path, keys)
    before, published = place.served(), place.query("FROM publications")
    result = place.materialize(LAST_STEPS, NEXT_WEEK)
    assert materialized(result) == {"recommendations"}
    assert "published_recommendations" not in messages(result), "it ran, and only the warehouse refused it"
    assert {name for name, passed in checks(result).items() if not passed} == {("recommendations", check)}
    (failed,) = (check_result for check_result in result.get_asset_check_evaluations() if not check_result.passed)
    assert count in failed.metadata
    told = metadata(result, "recommendations")["reason"]
    assert re.fullmatch(rf"{sentence} The served table stays as it was\.", told), told
    assert place.served() == before
    assert place.query("FROM publications") == published
    assert place.query("SELECT decision FROM audits ORDER BY audited_at DESC LIMIT 1") == [("FAIL",)]


def test_a_reason_whose_edge_is_not_in_the_weeks_tables_blocks_publishing(night: Run, tmp_path: Path) -> None:
    place = night.place.copy(tmp_path)
    before = place.served()
    events = place.read_source("events")
    place.rewrite("events", events.take([row for row in range(events.num_rows) if row % 5]))
    # The events are exported anew, and a graph of the old ones says that it was made from them.
    assert place.materialize(["raw_events", "interaction_edges", "co_purchase_edges"], NEXT_WEEK).success
    old = place.artifact("hetero_graph", NEXT_WEEK)
    origin = old.manifest.provenance
    exports = {name: place.artifact(name, NEXT_WEEK).reference for name in origin.inputs}
    with place.store.draft("hetero_graph", NEXT_WEEK, replace(origin, inputs=exports)) as forged:
        for name in old.manifest.files:
            shutil.copyfile(old.path(name), forged.path(name))
    result = place.materialize(["sql_scores", "user_scores", "product_similarities", *LAST_STEPS], NEXT_WEEK)
    assert {name for name, passed in checks(result).items() if not passed} == {("recommendations", "reasons")}
    (failed,) = (check_result for check_result in result.get_asset_check_evaluations() if not check_result.passed)
    assert {"reason_history_not_there", "reason_count_wrong"} <= set(failed.metadata)
    assert "published_recommendations" not in materialized(result)
    assert place.served() == before


@pytest.fixture
def no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that fails is not run again: the waits between its tries would be half a minute."""
    once = dg.in_process_executor.configured({"retries": {"disabled": {}}})
    monkeypatch.setattr("dagster._core.definitions.executor_definition.execute_in_process_executor", once)


@pytest.mark.parametrize(
    ("audit", "reason"),
    [
        (
            "failed",
            r"audit audit_20261005_\w+ says FAIL for 10000 rows of 500 users: 500 people are served where 501 are required",
        ),
        ("warned", r"audit audit_20261005_\w+ says WARN for 5000 rows of 500 users: "),
        ("not run", r"there is no audit audit_20261005_\w+\. Audit the table, then publish\."),
        ("raised", r"there is no audit audit_20261005_\w+\. Audit the table, then publish\."),
        ("stale", r"'staged_recommendations_\w+' holds 5000 rows of 500 users with content \S+, 5000 rows .* were audited"),
    ],
)
@pytest.mark.usefixtures("no_retries")
def test_launching_only_the_last_step_without_a_passed_audit_is_refused(
    night: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, audit: str, reason: str
) -> None:
    place = unpublished(night, tmp_path, {"gates": {"min_users": 501}} if audit == "failed" else {"rules": {"list_length": 10}})
    if audit == "raised":
        monkeypatch.setenv("RECS_FAULT", "append.inserted:raise")
    staged = place.materialize(["recommendations"], NEXT_WEEK)
    monkeypatch.delenv("RECS_FAULT", raising=False)
    assert staged.success == (audit in {"warned", "not run", "stale"})
    tables = place.artifact("recommendations", NEXT_WEEK).document("staged.json")
    changes = {
        "warned": f"UPDATE audits SET decision = 'WARN' WHERE audit_id = '{tables['audit_id']}'",
        "not run": f"DELETE FROM audits WHERE audit_id = '{tables['audit_id']}'",
        "stale": f"UPDATE {tables['long_table']} SET final_score = 0.5 WHERE rank = 1",
    }
    if audit in changes:
        with duckdb.connect(str(place.warehouse.file)) as connection:
            connection.execute(changes[audit])
    before, published = place.served(), place.query("FROM publications")
    told = messages(place.materialize(["published_recommendations"], NEXT_WEEK))["published_recommendations"]
    assert re.search(reason, told), told
    assert "week 2026-10-05" in told
    assert place.served() == before
    assert place.query("FROM publications") == published


def test_a_run_that_was_overtaken_while_it_worked_is_refused(night: Run, tmp_path: Path) -> None:
    slow = unpublished(night, tmp_path, {"rules": {"list_length": 10}})
    fast = Place(slow.source, slow.home, settings_with(tmp_path / "fast", {"rules": {"list_length": 12}}))
    slow.materialize(["recommendations"], NEXT_WEEK)
    overtaken = Path(slow.artifact("recommendations", NEXT_WEEK).address)
    assert fast.materialize(LAST_STEPS, NEXT_WEEK).success
    (overtaken.parent / "current").write_text(overtaken.name)
    told = messages(slow.materialize(["published_recommendations"], NEXT_WEEK))["published_recommendations"]
    assert "Nothing was written; run again to publish on top of it." in told
    assert slow.query(f"SELECT max(rank) FROM recommendations WHERE week = '{NEXT_WEEK}'") == [(12,)]


def test_a_list_of_other_exports_or_settings_than_the_present_ones_is_stale(night: Run, tmp_path: Path) -> None:
    place = unpublished(night, tmp_path, {"rules": {"list_length": 10}})
    assert place.materialize(["recommendations"], NEXT_WEEK).success
    before = place.served()
    other = Place(place.source, place.home, settings_with(tmp_path / "other", {"rules": {"list_length": 12}}))
    told = messages(other.materialize(["published_recommendations"], NEXT_WEEK))["published_recommendations"]
    assert re.search(r"the list was made with settings \w+, and they are \w+ now\. Materialize recommendations", told), told
    users = place.read_source("users")
    place.rewrite("users", users.slice(0, users.num_rows - 1))
    assert place.materialize(["raw_users", "user_nodes"], NEXT_WEEK).success
    told = messages(place.materialize(["published_recommendations"], NEXT_WEEK))["published_recommendations"]
    assert "user_nodes alone was made again" in told, told
    assert place.served() == before


@pytest.mark.parametrize("audited", [True, False])
def test_a_run_publishes_what_it_staged_itself_while_another_stages(night: Run, tmp_path: Path, audited: bool) -> None:
    place = unpublished(night, tmp_path, {"rules": {"list_length": 10}})
    other = Place(place.source, place.home, settings_with(tmp_path / "other", {"rules": {"list_length": 12}}))
    run_id = str(uuid.uuid4())
    assert step_of(place, run_id, "recommendations").success
    assert other.materialize(["recommendations"], NEXT_WEEK).success
    if not audited:
        with place.warehouse._ledger() as ledger:
            audit_id = place.artifact("recommendations", NEXT_WEEK).document("staged.json")["audit_id"]
            ledger.run("delete_audits", audit_id=audit_id)
    result = step_of(place, run_id, "published_recommendations")
    assert result.success, messages(result)
    run_ids = f"SELECT DISTINCT run_id FROM recommendations WHERE week = '{NEXT_WEEK}'"
    assert place.query(run_ids) == place.query("SELECT run_id FROM publications ORDER BY sequence DESC LIMIT 1") == [(run_id,)]
    assert place.query(f"SELECT max(rank) FROM recommendations WHERE week = '{NEXT_WEEK}'") == [(10,)]


def step_of(place: Place, run_id: str, asset: str) -> dg.ExecuteInProcessResult:
    """One step of a run, in the way of a run whose steps another run comes between."""
    job = place.definitions().resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        partition_key=NEXT_WEEK,
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
        asset_selection=[dg.AssetKey(asset)],
        run_id=run_id,
    )


def test_publishing_before_anything_is_staged_says_what_to_run(night: Run, tmp_path: Path) -> None:
    told = messages(night.place.copy(tmp_path).materialize(["published_recommendations"], "2026-10-12"))
    assert told["published_recommendations"].startswith("there is no recommendations for week 2026-10-12 in ")
    assert told["published_recommendations"].endswith("Materialize recommendations for that week first.")


def test_a_new_publication_replaces_both_tables_and_says_why(night: Run, tmp_path: Path) -> None:
    mail = {"columns": ["link", "reason", "user_id"], "link": "https://shop.example/parts/{product_id}"}
    place = unpublished(night, tmp_path, {"rules": {"list_length": 10, "slots": 3}, "mail": mail})
    with duckdb.connect(str(place.home / "warehouse.duckdb")) as owner:
        owner.execute("DROP TABLE final_vehicle_recommendations")
    result = place.materialize(LAST_STEPS, NEXT_WEEK, reason="three slots")
    assert metadata(result, "published_recommendations")["outcome"] == "published"
    assert {name for name, passed in checks(result).items() if passed} >= AUDIT_CHECKS
    week = dt.date.fromisoformat(NEXT_WEEK)
    assert place.query(f"SELECT week, max(rank) FROM recommendations WHERE week = '{NEXT_WEEK}' GROUP BY 1") == [(week, 10)]
    names = [name for name, *_ in place.query("DESCRIBE final_vehicle_recommendations")]
    assert names == list(wide_columns(3, ["reason", "link", "user_id"]))
    shown = place.query(
        """
        SELECT count(*), count(rec3_link), count(*) FILTER (rec3_link = concat('https://shop.example/parts/', product_id))
        FROM final_vehicle_recommendations AS mail
        JOIN recommendations AS listed ON listed.user_id = mail.user_id AND week = (SELECT max(week) FROM recommendations)
        WHERE rank = 3 AND reason_text = rec3_reason AND product_id = rec_part_3
        """
    )
    n_mails = place.query("SELECT count(*) FROM final_vehicle_recommendations")
    assert shown == [n_mails[0] * 3]
    assert place.query("SELECT reason FROM publications ORDER BY sequence DESC LIMIT 1") == [("three slots",)]


def test_a_run_that_changes_nothing_says_since_when_it_is_served(
    night: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    place = night.place.copy(tmp_path)
    ((version, since),) = place.query(f"SELECT publication_id, published_at FROM publications WHERE week = '{NEXT_WEEK}'")
    assert place.materialize(LAST_STEPS, NEXT_WEEK).success
    told = f"week {NEXT_WEEK} is unchanged: version {version} is served since {since:%Y-%m-%d %H:%M} UTC"
    assert told in capfd.readouterr().err


def test_a_tampered_artifact_stops_the_run_before_it_is_used(night: Run, tmp_path: Path) -> None:
    place = night.place.copy(tmp_path)
    path = place.artifact("sql_scores", NEXT_WEEK).path("sql_scores.parquet")
    scores = pq.read_table(path)
    pq.write_table(scores.filter(pc.greater(scores["sql_score"], 1.0)), path)
    told = messages(place.materialize(LAST_STEPS, NEXT_WEEK))
    assert "sql_scores.parquet is damaged" in told["recommendations"]
    assert f"materialize sql_scores for week {NEXT_WEEK} again" in told["recommendations"]
    assert place.served() == night.place.served()


def test_a_held_night_succeeds_warns_and_changes_no_byte(night: Run, tmp_path: Path) -> None:
    place = unpublished(night, tmp_path, {"rules": {"list_length": 10}})
    place.warehouse.hold(held_by="ann", reason="wrong prices", now=dt.datetime.now(dt.UTC))
    tables = ("recommendations", "final_vehicle_recommendations", "publications")
    before = [place.query(f"FROM {table} ORDER BY ALL") for table in tables]
    result = place.materialize(LAST_STEPS, NEXT_WEEK)
    assert result.success
    assert metadata(result, "published_recommendations") == {"outcome": "held"}
    (warned,) = (one for one in result.get_asset_check_evaluations() if one.check_name == "hold")
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert re.search(r"held since .* UTC by ann, because: wrong prices\. Nothing is", str(warned.metadata["reason"].value))
    assert place.query("SELECT decision FROM verdicts WHERE gate = 'hold' ORDER BY judged_at DESC LIMIT 1") == [("WARN",)]
    assert [place.query(f"FROM {table} ORDER BY ALL") for table in tables] == before
    assert place.query("SELECT decision FROM audits ORDER BY audited_at DESC LIMIT 1") == [("PASS",)]

"""After the first run: the same week again, the night after, an older week, and a run that is killed."""

import datetime as dt
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recs_assets_tests.busy_shop import busy_shop
from recs_assets_tests.conftest import Run
from recs_assets_tests.test_definitions import AUDIT_CHECKS, EDGES, LEARNED
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place, checks, materialized, messages, metadata, settings_with

# A staged list is named after its run, a report says how long its run took, and two leave no files.
NO_FILES = {"recommendations", "published_recommendations", "retained_versions", "release_report"}
CHILD = """
import os
from pathlib import Path
from recs_assets_tests.worlds import NEXT_WEEK, Place
place = Place(Path(os.environ["SOURCE"]), Path(os.environ["HOME_OF_TEST"]))
place.materialize(["recommendations", "published_recommendations"], NEXT_WEEK)
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every asset of the busy shop's last whole week, from nothing."""
    place = busy_shop(tmp_path_factory.mktemp("first"))
    return Run(place, place.launch("everything", WEEK))


@pytest.fixture(scope="module")
def second(first: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same week once more, on top of the first run."""
    place = first.place.copy(tmp_path_factory.mktemp("second"))
    return Run(place, place.launch("everything", WEEK))


def versions(place: Place, week: str = WEEK) -> dict[str, str]:
    return {asset: place.artifact(asset, week).version for asset in set(EDGES) - NO_FILES}


def test_a_second_run_gives_the_same_bytes_everywhere(first: Run, second: Run) -> None:
    assert messages(second.result) == {}
    assert versions(second.place) == versions(first.place)
    for name in ("model.pt", "towers.pt"):
        models = [run.place.artifact("trained_model").manifest.files[name].sha256 for run in (first, second)]
        assert models[0] == models[1]
    folder = second.place.home / "store" / "trained_model" / WEEK
    assert sorted(path.name for path in folder.iterdir()) == sorted(["current", versions(first.place)["trained_model"]])


def test_a_second_run_publishes_nothing(first: Run, second: Run) -> None:
    assert metadata(second.result, "published_recommendations")["outcome"] == "unchanged"
    ledger = "SELECT publication_id, content_hash, run_id FROM publications"
    assert second.place.query(ledger) == first.place.query(ledger)
    assert len(second.place.query(ledger)) == 1
    assert second.place.query("FROM recommendations ORDER BY ALL") == first.place.query("FROM recommendations ORDER BY ALL")
    assert second.place.served() == first.place.served()


def test_a_night_serves_the_week_in_progress_with_the_approved_model_of_the_week_before(first_run: Run, night: Run) -> None:
    assert messages(night.result) == {}
    assert materialized(night.result) == set(EDGES) - LEARNED
    assert {name for name, passed in checks(night.result).items() if passed} >= AUDIT_CHECKS
    served = night.place.query(
        "SELECT week, model_week, source, count(DISTINCT user_id) FROM recommendations GROUP BY ALL ORDER BY 1"
    )
    assert served == [
        (dt.date(2026, 9, 28), dt.date(2026, 9, 28), "blend", 500),
        (dt.date(2026, 10, 5), dt.date(2026, 9, 28), "blend", 500),
    ]
    assert night.place.artifact("user_scores", NEXT_WEEK).manifest.provenance.inputs["approved_model"] == (
        f"{WEEK}/{first_run.place.artifact('approved_model').version}"
    )


def test_a_night_knows_the_events_since_the_model_was_fitted(first_run: Run, night: Run) -> None:
    newest = max(night.place.table("interaction_edges", NEXT_WEEK)["event_ts"].to_pylist())
    assert newest > dt.datetime(2026, 10, 7, tzinfo=dt.UTC)
    assert max(first_run.place.table("interaction_edges")["event_ts"].to_pylist()) < dt.datetime(2026, 10, 5, tzinfo=dt.UTC)
    assert night.place.served()[1] != first_run.place.served()[1]


def test_an_older_week_leaves_what_is_served_alone(night: Run, tmp_path: Path) -> None:
    place = night.place.copy(tmp_path)
    before = place.served()
    result = place.materialize(["published_recommendations"], WEEK)
    assert metadata(result, "published_recommendations") == {
        "published": False,
        "reason": "week 2026-10-05 is served; to rewrite week 2026-09-28 all the same: "
        "make publish WEEK=2026-09-28 REPLACE=1 REASON=... (replace_older_week in a launch)",
    }
    assert place.served() == before


def test_an_older_week_is_rewritten_when_asked_and_the_mail_stays(night: Run, tmp_path: Path) -> None:
    shorter = settings_with(tmp_path, {"rules": {"list_length": 10}})
    place = night.place.copy(tmp_path, settings=shorter)
    _, mail = place.served()
    result = place.materialize(
        ["recommendations", "published_recommendations"], WEEK, replace_older_week=True, reason="ten will do"
    )
    assert metadata(result, "published_recommendations")["outcome"] == "published"
    assert place.served()[1] == mail
    lengths = place.query("SELECT week, max(rank) FROM recommendations GROUP BY 1 ORDER BY 1")
    assert lengths == [(dt.date(2026, 9, 28), 10), (dt.date(2026, 10, 5), 20)]
    assert place.query("SELECT reason FROM publications ORDER BY sequence DESC LIMIT 1") == [("ten will do",)]


def test_a_run_killed_while_publishing_leaves_the_last_table_and_the_next_run_finishes(
    first_run: Run, night: Run, tmp_path: Path
) -> None:
    # A night whose scores are made, and whose list is not.
    place = night.place.copy(tmp_path)
    shutil.copyfile(first_run.place.warehouse.file, place.warehouse.file)
    shutil.rmtree(place.home / "store" / "recommendations" / NEXT_WEEK)
    before = place.served()
    environment = os.environ | {
        "SOURCE": str(place.source),
        "HOME_OF_TEST": str(place.home),
        "RECS_FAULT": "publish.inserted:kill",
    }
    done = subprocess.run([sys.executable, "-c", CHILD], env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert place.store.find("recommendations", NEXT_WEEK) is not None
    assert place.served() == before
    assert messages(place.launch("nightly", NEXT_WEEK)) == {}
    assert place.query("SELECT week FROM publications ORDER BY sequence") == [(dt.date(2026, 9, 28),), (dt.date(2026, 10, 5),)]
    assert place.served()[1] != before[1]


def test_a_list_is_not_made_from_exports_of_two_moments(night: Run, tmp_path: Path) -> None:
    place = night.place.copy(tmp_path)
    before = place.served()
    place.rewrite("users", place.read_source("users").slice(1))
    assert messages(place.materialize(["raw_users", "user_nodes"], NEXT_WEEK)) == {}
    told = messages(place.materialize(["recommendations"], NEXT_WEEK))["recommendations"]
    assert re.search(
        rf"of week {NEXT_WEEK} was made from user_nodes {NEXT_WEEK}/\w+, and user_nodes is {NEXT_WEEK}/\w+ now", told
    )
    assert place.served() == before
    assert messages(place.launch("nightly", NEXT_WEEK)) == {}

"""Going back: the version before, byte for byte, with the reason in the ledger; from the command line and as a job."""

import datetime as dt
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from recs_assets.rollback import listed, restore, told
from recs_assets_tests.conftest import Run
from recs_assets_tests.test_definitions import definitions
from recs_assets_tests.worlds import NEXT_WEEK, Place, messages, settings_with

LAST_STEPS = ["recommendations", "published_recommendations"]


@pytest.fixture(scope="module")
def twice(night: Run, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A week published with twenty parts a list, then with ten."""
    folder = tmp_path_factory.mktemp("twice")
    place = night.place.copy(folder, settings=settings_with(folder, {"rules": {"list_length": 10}}))
    assert place.materialize(LAST_STEPS, NEXT_WEEK, reason="ten will do").success
    return place


def every_byte(place: Place) -> list[object]:
    tables = ("recommendations", "final_vehicle_recommendations")
    return [place.query(f"FROM {table} ORDER BY ALL") for table in tables]


def test_the_version_before_is_served_again_byte_for_byte_and_the_ledger_says_why(
    night: Run, twice: Place, tmp_path: Path
) -> None:
    place = twice.copy(tmp_path)
    restored = restore(place.warehouse, NEXT_WEEK, version=None, reason="too short", run_id="me", settings=place.settings)
    assert restored.outcome == "restored"
    assert every_byte(place) == every_byte(night.place) != every_byte(twice)
    last = "SELECT action, reason, run_id, version_after FROM publications ORDER BY sequence DESC LIMIT 1"
    (first,) = night.place.query(f"SELECT publication_id FROM publications WHERE week = '{NEXT_WEEK}'")[0]
    assert place.query(last) == [("restore", "too short", "me", first)]


def test_a_rollback_mails_nobody_who_has_opted_out_or_left_since(night: Run, twice: Place, tmp_path: Path) -> None:
    place = twice.copy(tmp_path)
    users = place.read_source("users").to_pandas()
    (opted_out,), (left,) = place.query("SELECT email_lower FROM final_vehicle_recommendations ORDER BY 1 LIMIT 2")
    users.loc[users.email.str.lower() == opted_out, "email_consent"] = False
    place.rewrite("users", pa.Table.from_pandas(users[users.email.str.lower() != left], preserve_index=False))
    restored = restore(place.warehouse, NEXT_WEEK, version=None, reason="too short", run_id="me", settings=place.settings)
    assert restored.n_withheld == 2
    every, lists = "FROM final_vehicle_recommendations ORDER BY ALL", "FROM recommendations ORDER BY ALL"
    assert place.query(every) == [row for row in night.place.query(every) if row[0] not in {opted_out, left}]
    assert place.query(lists) == night.place.query(lists)
    last = "SELECT action, n_mailed, n_withheld FROM publications ORDER BY sequence DESC LIMIT 1"
    assert place.query(last) == [("restore", restored.n_mailed, 2)]
    said = told(NEXT_WEEK, restored, held=False)
    assert "10,000 rows; 481 mails, without 2 whose address may not be mailed today. The next night publishes its own" in said


def test_the_job_restores_a_named_version(night: Run, twice: Place, tmp_path: Path) -> None:
    place = twice.copy(tmp_path)
    (version,) = night.place.query(f"SELECT publication_id FROM publications WHERE week = '{NEXT_WEEK}'")[0]
    config = {"week": NEXT_WEEK, "version": version, "reason": "by hand", "hold": False}
    job = definitions.defs.resolve_job_def("rollback")
    done = job.execute_in_process(
        run_config={"ops": {"serve_earlier_version": {"config": config}}},
        resources={"warehouse": place.warehouse, "settings": place.settings},
        instance=place.instance,
        raise_on_error=False,
    )
    assert done.success
    assert every_byte(place) == every_byte(night.place)
    again = job.execute_in_process(
        run_config={"ops": {"serve_earlier_version": {"config": config | {"version": "publication_of_nobody"}}}},
        resources={"warehouse": place.warehouse, "settings": place.settings},
        instance=place.instance,
        raise_on_error=False,
    )
    assert "version publication_of_nobody is not kept; versions that can be restored" in messages(again)["serve_earlier_version"]
    assert every_byte(place) == every_byte(night.place)


@pytest.mark.parametrize(
    ("fault", "exit_code", "said"),
    [
        ("restore.recorded:raise", 1, "[Errno 5] the disk failed at restore.recorded"),
        (
            "restore.recorded:disk-full",
            1,
            "A version is served whole or not at all; make room on the disk or in memory, then run again.",
        ),
        ("restore.recorded:kill", -signal.SIGKILL, ""),
        (None, 0, ""),
    ],
)
def test_the_command_line_says_what_happened_in_a_line(
    night: Run, twice: Place, tmp_path: Path, fault: str | None, exit_code: int, said: str
) -> None:
    place = twice.copy(tmp_path)
    environment = os.environ | {"RECS_HOME": str(place.home), "RECS_SOURCE": str(place.source)}
    if fault:
        environment["RECS_FAULT"] = fault
    command = [sys.executable, "-m", "recs_assets", "rollback", "--week", NEXT_WEEK, "--reason", "too short"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stderr
    told = [line for line in done.stderr.splitlines() if not line.startswith("fault ")]
    assert len(told) <= 1, done.stderr
    assert "".join(told).endswith(said)
    assert every_byte(place) == every_byte(twice if fault else night.place)
    # Whoever goes back stops the nights after too, in the same transaction, unless told otherwise.
    held = place.query("SELECT action, reason FROM holds")
    assert held == ([] if fault else [("set", f"rollback of week {NEXT_WEEK}: too short")])


def test_a_rollback_without_a_reason_or_a_monday_is_refused(twice: Place) -> None:
    with pytest.raises(ValueError, match="needs a reason; it stays in the ledger"):
        restore(twice.warehouse, NEXT_WEEK, version=None, reason=" ", run_id="me", settings=twice.settings)
    with pytest.raises(ValueError, match="2026-10-06"):
        restore(twice.warehouse, "2026-10-06", version=None, reason="bad", run_id="me", settings=twice.settings)


def test_versions_are_listed_as_a_table(twice: Place) -> None:
    lines = listed(twice.warehouse, NEXT_WEEK).splitlines()
    ledger = f"SELECT publication_id FROM publications WHERE week = '{NEXT_WEEK}' ORDER BY sequence"
    first, second = (version for (version,) in twice.query(ledger))
    today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    assert [re.split(r"  +", line.strip()) for line in lines[:1]] == [
        ["version", "action", "at (UTC)", "rows", "users", "model of week", "run", "reason"]
    ]
    assert lines[1].split()[:3] == [first, "publish", today]
    assert lines[1].split()[4:7] == ["10,000", "500", "2026-09-28"]
    assert lines[2].split()[:3] == [">", second, "publish"]
    assert lines[2].endswith("ten will do")
    assert len({line.index("publish") for line in lines[1:]} | {lines[0].index("action")}) == 1

"""One signal ends a process within seconds in a line, whatever it is doing, from real processes told at a known moment."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recs_assets.resources.store.location import WORK
from recs_assets_tests.conftest import Run
from recs_assets_tests.faults.homes import Home
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, settings_with

pytestmark = pytest.mark.long

SECONDS = 10.0
NAMES = {signal.SIGINT: "Ctrl-C (SIGINT)", signal.SIGTERM: "SIGTERM"}
# A step between another that is finished and one that must never begin.
JOB = """
import os, sys, time
from recs_assets import interrupts
if %r:
    interrupts.obey()
import dagster as dg
from recs_assets.assets.weekly_asset import guarded

def ready():
    print("ready", flush=True)

@dg.op
@guarded
def first(context):
    pass

@dg.op(ins={"after": dg.In(dg.Nothing)})
@guarded
def second(context):
    try:
        %s
    finally:
        print("cleaned", flush=True)

@dg.op(ins={"after": dg.In(dg.Nothing)})
@guarded
def third(context):
    print("begun", flush=True)

@dg.job
def told():
    third(second(first()))

told.execute_in_process(raise_on_error=False, run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}})
if %r:
    interrupts.leave(0)
"""
SLEEPING = "ready(); time.sleep(600)"
# C code that makes another error of a signal, or comes back late; it has begun when it is told.
QUERY = """
        import duckdb, threading
        threading.Timer(1.0, ready).start()
        connection = duckdb.connect()
        connection.{}("FROM range(100000) a, range(100000) b SELECT sum(a.range * b.range)").{}()
"""
STREAMED = QUERY.format("sql", "to_arrow_table")
HEARING = QUERY.format("execute", "fetchall")
SWALLOWED = """
        is_told = False
        while True:
            try:
                if not is_told:
                    is_told = True
                    ready()
                time.sleep(600)
            except BaseException:
                pass
"""
RETRIED = "raise ConnectionError('cut off')"


@pytest.mark.parametrize(
    ("work", "is_command", "number", "is_cleaned"),
    [
        (SLEEPING, True, signal.SIGINT, True),
        (SLEEPING, False, signal.SIGTERM, True),
        (HEARING, True, signal.SIGINT, None),
        (STREAMED, True, signal.SIGTERM, None),
        (SWALLOWED, False, signal.SIGINT, False),
        (RETRIED, True, signal.SIGINT, False),
    ],
    ids=["sleeping", "launched by dg", "query", "streamed query", "swallowed", "waiting for a retry"],
)
def test_a_step_ends_in_a_line(work: str, is_command: bool, number: signal.Signals, is_cleaned: bool | None) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", JOB % (is_command, work.strip(), is_command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == ("cleaned\n" if work == RETRIED else "ready\n")
    process.send_signal(number)
    told, line = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + number
    assert "begun" not in told
    if is_cleaned is not None:  # how long C code goes on is not ours
        assert ("cleaned" in told) == is_cleaned
    # A step that waits to be tried again may be leaving, or have left.
    last = line.splitlines()[-1].replace(" in second;", ";")
    assert last == (
        f"Stopped by {NAMES[number]}; finished before: first. Nothing was published: what was served stays. "
        "Run the same command again to go on; a training goes on from its last epoch."
    )
    assert "Traceback" not in line


def test_a_step_ends_though_nobody_reads_what_it_says() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", JOB % (True, SLEEPING, True)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        process.stderr.close()
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(SECONDS) == 128 + signal.SIGTERM
        finally:
            process.kill()


def test_in_the_middle_of_publishing_nothing_is_published(first_run: Run, tmp_path: Path) -> None:
    place = first_run.place
    home = Home(tmp_path / "home", place.source)
    shutil.copytree(place.home, home.folder)
    before = home.served()
    log = tmp_path / "log.txt"
    with log.open("wb") as stream:
        process = home.start("run", "nightly", "--week", NEXT_WEEK, log=stream, RECS_FAULT="publish.inserted:hang")
        while "fault publish.inserted:hang" not in _captured(home) and process.poll() is None:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 130, log.read_text()
    said = log.read_text()
    assert "Traceback" not in said
    last = said.splitlines()[-1]
    assert last.startswith("Stopped by Ctrl-C (SIGINT) in published_recommendations; finished before: raw_email_events, ")
    assert "recommendations. A list is published whole or not at all: make versions says which one is served." in last
    assert home.served() == before
    assert (home.violations(), home.orphans()) == ([], [])


def _captured(home: Home) -> str:
    """What steps have printed: Dagster sends it to files of its own."""
    return "".join(path.read_text(errors="replace") for path in (home.folder / "dagster").rglob("*.err"))


TRAINING = """
import sys
from pathlib import Path
from recs_assets import interrupts
interrupts.obey()
from recs_assets_tests.worlds import Place, WEEK, settings_file
source, home, settings = map(Path, sys.argv[1:])
Place(source, home, settings_file.load(settings)).materialize(["trained_model"], WEEK)
interrupts.leave(0)
"""


def test_a_training_goes_on_from_the_epoch_before_a_signal(first_run: Run, tmp_path: Path) -> None:
    few = settings_with(tmp_path, {"model": {"steps": 20}, "compute": {"threads": 1}})
    place = first_run.place.copy(tmp_path / "place", settings=few)
    command = [sys.executable, "-c", TRAINING, place.source, place.home, tmp_path / "settings.yaml"]
    environment = os.environ | {"RECS_FAULT": "checkpoint.pruned:hang"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    working = place.store.location.local / WORK / f"trained_model-{WEEK}"
    while not list(working.glob("epoch_0001_*.pt")) and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + signal.SIGTERM, said
    assert said.splitlines()[-1].startswith("Stopped by SIGTERM in trained_model; no step was finished. Nothing was published")
    result = place.materialize(["trained_model"], WEEK)
    assert result.success
    told = [record.user_message for record in place.instance.all_logs(result.run_id)]
    assert [line for line in told if "towers goes on after epoch" in line] == ["training of the towers goes on after epoch 1"]
    assert not working.exists(), "what the training needed goes with it"

"""What a person reads in the terminal while a run works, from real processes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from recs_assets_tests.dagster_home import dagster_home

pytestmark = pytest.mark.long

JOB = """
import dagster as dg
from recs_assets.console import console

@dg.op
def first():
    pass

@dg.op(ins={"after": dg.In(dg.Nothing)})
def second(context):
    context.log.info("half of it")
    context.log.debug("a detail")
    if %r:
        raise ValueError("the cause\\nof it") from KeyError("what lies below")

@dg.op(ins={"after": dg.In(dg.Nothing)})
def refused():
    if %r:
        raise dg.Failure("a {refusal}", allow_retries=False)

@dg.op(ins={"after": dg.In(dg.Nothing)})
def third():
    pass

@dg.job(logger_defs={"console": console}, config={"loggers": {"console": {}}})
def shown():
    begun = first()
    third(second(begun))
    refused.alias("again")(begun)
    refused(begun)

with dg.DagsterInstance.get() as instance:
    shown.execute_in_process(instance=instance, raise_on_error=False)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Dagster's own copying of what steps print is idle: on a busy machine it is cut off before the last lines."""
    idle = tmp_path / "bin" / "tail"
    idle.parent.mkdir()
    idle.write_text("#!/bin/sh\nexec sleep 600\n")
    idle.chmod(0o755)
    home = str(dagster_home(tmp_path / "dagster"))
    return os.environ | {"DAGSTER_HOME": home, "PATH": f"{idle.parent}:{os.environ['PATH']}"}


def lines_of(environment: dict[str, str], *, failing: bool) -> list[str]:
    """Standard error of a run of two steps, without the time of day and the seconds."""
    done = subprocess.run(
        [sys.executable, "-c", JOB % (failing, failing)], env=environment, capture_output=True, text=True, check=True
    )
    return [re.sub(r"^\d\d:\d\d:\d\d |\d+\.\d+ s$|run \S+$", "", line) for line in done.stderr.splitlines()]


def test_every_line_of_a_run_is_shown_once(environment: dict[str, str]) -> None:
    assert sorted(lines_of(environment, failing=False)) == [
        '                           Finished execution of run for "shown".',
        "again                      done in ",
        "first                      done in ",
        "refused                    done in ",
        "second                     done in ",
        "second                     half of it",
        "third                      done in ",
    ]


def test_a_failed_run_ends_in_its_causes_each_once(environment: dict[str, str]) -> None:
    lines = lines_of(environment, failing=True)
    assert sorted(line for line in lines if line.endswith("FAILED")) == [
        "                           shown FAILED",
        "again                      FAILED",
        "refused                    FAILED",
        "second                     FAILED",
    ]
    assert lines[-4] == "                           shown FAILED"
    assert sorted(lines[-3:]) == [
        "         Not run: third.",
        "         again, refused: a {refusal}",
        "         second: ValueError: the cause of it This is a bug: the whole traceback is in Dagster's event log, ",
    ]
    assert sum("refusal" in line for line in lines) == 1
    assert not any("Not executing" in line for line in lines)

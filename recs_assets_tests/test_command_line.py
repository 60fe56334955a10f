"""What a person gets who asks for something that cannot be done: one line that says what and how, never a traceback."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from recs_assets.__main__ import main

pytestmark = pytest.mark.long


def said(tmp_path: Path, *arguments: str, settings: str | None = None, **environment: str) -> str:
    """What a command that is refused prints."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RECS_", "DAGSTER_"))}
    if settings is not None:
        (tmp_path / "mine.yaml").write_text(settings)
        environment |= {"RECS_SETTINGS": str(tmp_path / "mine.yaml")}
    places = {"RECS_HOME": str(tmp_path / "home"), "RECS_SOURCE": str(tmp_path / "source")}
    command = [sys.executable, "-m", "recs_assets", *arguments]
    done = subprocess.run(command, env=inherited | places | environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("rulez: {}\n", "mine.yaml: unknown key 'rulez'. The nearest one is 'rules'."),
        ("schedules: {weekly: '; DROP TABLE users'}\n", "schedules.weekly: '; DROP TABLE users' is no cron expression"),
        ("rules: \0\n", "mine.yaml is not YAML: unacceptable character #x0000: special characters are not allowed."),
        ("rules: [\npassword: hunter2\n", "mine.yaml is not YAML: expected ',' or ']', but got '<stream end>' in line 3."),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, settings: str, message: str) -> None:
    told = said(tmp_path, "report", "--week", "2026-09-28", settings=settings)
    assert message in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("report", "--week", "2026-09-29"), "week 2026-09-29 is not a Monday; the week it lies in is 2026-09-28."),
        (("latest", "offline_metrics", "--week", "2026-09-29"), "week 2026-09-29 is not a Monday"),
        (("run", "weekly", "--week", "2026-09-28", "--to", "2026-09-21"), "--to 2026-09-21 lies before --week 2026-09-28"),
        (("run", "weekly", "--week", "2026-09-28"), "DAGSTER_HOME is not set"),
        (("latest", "offline_metrcs"), "there is no asset 'offline_metrcs'; the nearest one is 'offline_metrics'."),
    ],
)
@pytest.mark.usefixtures("umask")
def test_what_makes_no_sense(
    arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert (told.out, len(told.err.splitlines())) == ("", 1)
    assert message in told.err


def test_a_target_names_all_that_the_environment_lacks(tmp_path: Path) -> None:
    told = said(tmp_path, "versions", RECS_TARGET="gcp", RECS_BQ_LOCATION="EU")
    assert "RECS_TARGET=gcp needs variables of the environment that are not set: RECS_GCP_PROJECT (the project" in told
    missing = {"RECS_GCP_PROJECT", "RECS_BQ_SOURCE", "RECS_BQ_TABLES", "RECS_BQ_SCRATCH", "RECS_BUCKET"}
    assert set(re.findall(r"RECS_[A-Z_]+(?= \()", told)) == missing


def test_a_target_that_there_is_not(tmp_path: Path) -> None:
    assert "RECS_TARGET=moon: there is no such target" in said(tmp_path, "report", "--week", "2026-09-28", RECS_TARGET="moon")


@pytest.mark.usefixtures("umask")
def test_a_hold_is_set_seen_and_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECS_HOME", str(tmp_path))
    assert main(("release", "--reason", "why not")) == 1
    assert main(("hold", "--reason", "wrong prices", "--until", "2020-01-01")) == 1
    told = capsys.readouterr().err
    assert "there is nothing to release" in told
    assert "UNTIL 2020-01-01 00:00 UTC is over already" in told
    assert main(("hold", "--reason", "wrong prices", "--by", "ann", "--until", "2999-12-01T09:00+02:00")) == 0
    assert "by ann, until 2999-12-01 07:00 UTC, because: wrong prices. Nothing is published" in capsys.readouterr().out
    assert main(("release", "--reason", "prices are right")) == 0
    assert "is not on hold any more" in capsys.readouterr().out

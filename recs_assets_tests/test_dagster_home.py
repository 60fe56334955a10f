"""Dagster's home is made once, whoever begins first; one that two have broken is recognised."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from recs_assets.dagster_home import HomeError, opened
from recs_assets_tests.faults.homes import Home
from recs_assets_tests.faults.pairs import broken_databases

pytestmark = pytest.mark.long


def test_two_that_begin_at_once_make_one_home(tmp_path: Path) -> None:
    for number in range(2):
        home = Home(tmp_path / str(number), tmp_path / "nowhere")
        environment = {"DAGSTER_HOME": str(home.folder / "dagster")}
        command = [sys.executable, "-m", "recs_assets.dagster_home"]
        pair = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(2)]
        assert [(process.communicate()[1], process.returncode) for process in pair] == [(b"", 0)] * 2
        assert broken_databases(home) == []
        assert len(list(home.folder.rglob("*.db"))) == 3


@pytest.mark.parametrize("name", ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"])
def test_a_home_that_two_have_broken_says_how_to_fix_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder = tmp_path / "dagster"
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    with opened():
        pass
    with sqlite3.connect(folder / name) as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('9fe9e746268c')")
    with pytest.raises(HomeError, match=r"two programs made it at the same time .* more than one head") as raised, opened():
        pass
    assert str(raised.value).endswith(f"Move it away and run again: mv {folder} {folder}.broken")
    folder.rename(tmp_path / "dagster.broken")
    with opened() as instance:
        assert instance.get_runs_count() == 0


def test_without_a_home_there_is_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with pytest.raises(HomeError, match="DAGSTER_HOME is not set: run this by make"), opened():
        pass

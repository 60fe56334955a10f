"""Who is who stays in the tables: nothing of it in logs or artifacts, no secret anywhere, and files for the user alone."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

from recs_assets.contract import SOURCE_TABLES
from recs_assets_tests.busy_shop import LIMITS, busy_rows, busy_shop
from recs_assets_tests.dagster_home import dagster_home
from recs_assets_tests.small_shop import Row
from recs_assets_tests.warehouse_reader import reading
from recs_assets_tests.worlds import WEEK

CANARY, SETTING = "canary-3f9a61", "canary-part'; DROP TABLE recommendations; --"
PERSON = "somebody-7b2e"


def personal(table: str, rows: list[Row]) -> list[Row]:
    """The rows with ids of people that occur nowhere else by chance."""
    columns = [column.name for column in SOURCE_TABLES[table].columns]
    return [
        tuple(f"{PERSON}-{value}" if name == "user_id" else value for name, value in zip(columns, row, strict=False))
        for row in rows
    ]


@dataclass(frozen=True)
class Finished:
    """A run as a person starts it, and what it left."""

    home: Path
    output: str

    @property
    def event_log(self) -> bytes:
        """Everything that Dagster keeps: the database of events, and what steps printed."""
        return b"".join(path.read_bytes() for path in (self.home / "dagster").rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Every asset of the busy shop in a process of its own, with an open umask, a secret in the environment and the settings."""
    folder = tmp_path_factory.mktemp("private")
    place = busy_shop(folder, {table: personal(table, rows) for table, rows in busy_rows().items()})
    settings = folder / "own_settings.yaml"
    settings.write_text(yaml.safe_dump(LIMITS | {"rules": {"excluded_part_types": [SETTING]}}))
    environment = os.environ | {
        "RECS_SOURCE": str(place.source),
        "RECS_HOME": str(place.home),
        "RECS_SETTINGS": str(settings),
        "DAGSTER_HOME": str(dagster_home(place.home / "dagster")),
        "RECS_TOKEN": CANARY,
    }
    command = [sys.executable, "-m", "recs_assets", "run", "everything", "--week", WEEK]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, umask=0)
    assert done.returncode == 0, done.stderr
    return Finished(place.home, done.stdout + done.stderr)


def test_no_log_and_no_metadata_names_a_person(finished: Finished) -> None:
    assert "published_recommendations" in finished.output
    assert b"published_recommendations" in finished.event_log
    for secret in (PERSON, "@example.com"):
        assert secret not in finished.output
        assert secret.encode() not in finished.event_log


def test_no_secret_and_no_setting_is_logged(finished: Finished) -> None:
    for secret in (CANARY, SETTING, SETTING.split("'", maxsplit=1)[0]):
        assert secret not in finished.output
        assert secret.encode() not in finished.event_log
        assert [path for path in finished.home.rglob("*.json") if secret in path.read_text()] == []


def test_sql_in_a_setting_is_a_value(finished: Finished) -> None:
    with reading(finished.home / "warehouse.duckdb") as connection:
        assert connection.execute("SELECT count(DISTINCT user_id) FROM recommendations").fetchall() == [(60,)]


def test_addresses_are_in_the_mail_and_nowhere_else(finished: Finished) -> None:
    with reading(finished.home / "warehouse.duckdb") as connection:
        texts = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE data_type = 'VARCHAR' AND NOT internal"
        ).fetchall()
        holding = {
            table
            for table, column in texts
            if connection.execute(f'SELECT count(*) FROM "{table}" WHERE "{column}" LIKE \'%@example.com%\'').fetchall() != [(0,)]
        }
    assert "final_vehicle_recommendations" in holding
    assert all(table == "final_vehicle_recommendations" or table.startswith("staged_wide_") for table in holding)
    files = list((finished.home / "store").rglob("*.parquet"))
    assert len(files) > 10
    for path in files:
        table = pq.read_table(path)
        for name, column in zip(table.column_names, table.columns, strict=True):
            if str(column.type) in ("string", "large_string"):
                assert not pc.any(pc.match_substring(column, "@")).as_py(), (path, name)


def test_what_a_run_makes_is_the_users_alone(finished: Finished) -> None:
    given = {finished.home / "dagster", finished.home / "dagster" / "dagster.yaml"}
    made = [path for path in finished.home.rglob("*") if path not in given]
    assert {path.name for path in made} >= {"warehouse.duckdb", "store", "manifest.json", "model.pt"}
    assert any("dagster" in path.parts and path.suffix == ".db" for path in made)
    assert {str(path): oct(path.stat().st_mode) for path in made if path.stat().st_mode & 0o077} == {}

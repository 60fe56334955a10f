import os
from pathlib import Path

import duckdb
import pytest

from recs_assets.resources.duckdb.instances import Config, database_in_memory

# Of no other test: what is idle from elsewhere is not taken.
CONFIG: Config = {"threads": 1, "memory_limit": "61MB"}
OTHER = CONFIG | {"memory_limit": "62MB"}
MANY = "CREATE TABLE many AS SELECT range AS n, range::VARCHAR || repeat('x', 60) AS text, random() AS r FROM range(1000000)"


def marks(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """What ``mark`` has left in the instance's own database, which lasts as long as the instance."""
    connection.execute("CREATE TABLE IF NOT EXISTS memory.main.marks (mark INTEGER)")
    return [number for (number,) in connection.execute("SELECT mark FROM memory.main.marks").fetchall()]


def mark(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    connection.execute("CREATE OR REPLACE TABLE memory.main.marks AS SELECT $number AS mark", {"number": number})


def test_an_instance_serves_the_next_block_with_nothing_of_the_last(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "retailer.duckdb")) as retailer:
        retailer.execute("CREATE TABLE users AS SELECT 1 AS user_id")
    with database_in_memory(CONFIG, tmp_path) as connection:
        mark(connection, 7)
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        connection.execute("CREATE VIEW seen AS SELECT * FROM kept")
        connection.execute("CREATE TEMP TABLE fleeting AS SELECT 1 AS n")
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        connection.execute(f"ATTACH '{tmp_path / 'retailer.duckdb'}' AS retailer (READ_ONLY)")
    with duckdb.connect(str(tmp_path / "retailer.duckdb")) as retailer:  # refused while it is attached by other rights
        retailer.execute("INSERT INTO users VALUES (2)")
    with database_in_memory(CONFIG, tmp_path) as connection:
        assert marks(connection) == [7]
        names = "SELECT table_name FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal"
        assert connection.execute(names).fetchall() == [("marks",)]
        assert connection.execute("SELECT current_setting('TimeZone'), normalize('e\u0301')").fetchall() == [("UTC", "\u00e9")]


def test_blocks_within_blocks_have_databases_of_their_own(tmp_path: Path) -> None:
    with database_in_memory(CONFIG, tmp_path) as outer:
        outer.execute("CREATE TABLE kept AS SELECT 1 AS n")
        with database_in_memory(CONFIG, tmp_path) as inner:
            inner.execute("CREATE TABLE kept AS SELECT 2 AS n")
            assert inner.execute("FROM kept").fetchall() == [(2,)]
        assert outer.execute("FROM kept").fetchall() == [(1,)]


def test_an_instance_is_not_used_again_after_an_error_or_under_other_limits(tmp_path: Path) -> None:
    with database_in_memory(OTHER, tmp_path) as connection:
        mark(connection, 8)
    with pytest.raises(duckdb.CatalogException), database_in_memory(OTHER, tmp_path) as connection:
        connection.execute("FROM nothing")
    with database_in_memory(OTHER, tmp_path) as connection:
        assert marks(connection) == []
        mark(connection, 9)
    with database_in_memory(OTHER | {"threads": 2}, tmp_path) as connection:
        assert marks(connection) == []
        assert connection.execute("SELECT current_setting('threads')").fetchall() == [(2,)]


@pytest.mark.long
def test_each_block_spills_into_its_own_folder_and_leaves_nothing_there(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        with database_in_memory(CONFIG, folder) as connection:
            connection.execute(MANY)
            connection.execute("CREATE TABLE sorted AS SELECT * FROM many ORDER BY r")
            spilled = connection.execute("SELECT DISTINCT parse_dirpath(path) FROM duckdb_temporary_files()").fetchall()
            assert spilled == [(str(folder),)]
        assert not list(folder.iterdir())


def test_a_fork_starts_an_instance_of_its_own(tmp_path: Path) -> None:
    with database_in_memory(CONFIG, tmp_path) as connection:
        mark(connection, 10)
    child = os.fork()
    if not child:
        with database_in_memory(CONFIG, tmp_path) as connection:
            os._exit(len(marks(connection)))
    assert os.waitpid(child, 0)[1] == 0
    with database_in_memory(CONFIG, tmp_path) as connection:
        assert marks(connection) == [10]

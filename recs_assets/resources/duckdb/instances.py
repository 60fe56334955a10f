"""Databases in memory, each for one use, on instances of DuckDB that serve the next: to start one takes 25 ms of a core."""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import duckdb

from recs_assets.resources.duckdb.source import quoted

Config = dict[str, str | bool | int | float | list[str]]

# The database in memory; the instance's own stays empty, as it cannot be detached.
SESSION = "session"
# A session and, while it is open, the ledger: more instances are seldom at work at once.
MAX_IDLE = 2

_turn = Lock()
_idle: list[tuple[Config, duckdb.DuckDBPyConnection]] = []
_of_the_parent: list[tuple[Config, duckdb.DuckDBPyConnection]] = []


@contextmanager
def database_in_memory(config: Config, spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory for the block, on an instance that nobody else uses meanwhile.

    The instance is kept for the next block unless this one raised or spilled.

    Args:
        config: of the instance: memory, threads.
        spill: the folder for what memory does not hold, this block's own.
    """
    instance = _taken(config)
    is_clean = False
    try:
        with instance.cursor() as connection:
            connection.execute(f"SET GLOBAL temp_directory = {quoted(spill)}")
            connection.execute(f"ATTACH ':memory:' AS {SESSION}")
            begun(connection)
            connection.execute("CREATE MACRO normalize(text) AS nfc_normalize(text)")  # BigQuery's name of it
            yield connection
            is_clean = _is_cleared(connection)
    finally:
        if is_clean:
            _keep(config, instance)
        else:
            instance.close()


def begun(cursor: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A new cursor, in the session's database and in UTC."""
    cursor.execute("SET TimeZone = 'UTC'")
    cursor.execute(f"USE {SESSION}")
    return cursor


def _taken(config: Config) -> duckdb.DuckDBPyConnection:
    with _turn:
        for number in reversed(range(len(_idle))):
            if _idle[number][0] == config:
                return _idle.pop(number)[1]
    return duckdb.connect(config=config)


def _keep(config: Config, instance: duckdb.DuckDBPyConnection) -> None:
    with _turn:
        _idle.append((config, instance))
        surplus = _idle[:-MAX_IDLE]
        del _idle[:-MAX_IDLE]
    for _, unused in surplus:
        unused.close()


def _is_cleared(connection: duckdb.DuckDBPyConnection) -> bool:
    """Detach everything; whether the instance is as it was when it started."""
    connection.execute("USE memory")
    attached = "SELECT database_name FROM duckdb_databases() WHERE NOT internal AND database_name <> 'memory'"
    for (name,) in connection.execute(attached).fetchall():
        connection.execute(f"DETACH {name}")
    try:
        connection.execute("RESET GLOBAL temp_directory")
    except duckdb.NotImplementedException:  # the folder has been used, and it will be gone
        return False
    return True


@atexit.register
def _close_idle() -> None:
    for _, instance in _idle:
        instance.close()


def _forget_idle() -> None:
    # Their threads are the parent's: in this process nobody may use them, nor wait for them to end.
    global _idle, _turn
    _of_the_parent.extend(_idle)
    _idle, _turn = [], Lock()


os.register_at_fork(after_in_child=_forget_idle)

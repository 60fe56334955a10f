"""The warehouse file as any other program finds it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from recs_assets.resources.duckdb.instances import database_in_memory
from recs_assets.resources.duckdb.source import quoted


@contextmanager
def reading(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables of the file, by their bare names and for reading alone."""
    with database_in_memory({"threads": 1}, file.parent) as connection:
        connection.execute(f"ATTACH {quoted(file)} AS kept (READ_ONLY)")
        connection.execute("USE kept")
        yield connection

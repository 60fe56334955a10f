"""A DuckDB database as the source: tables or views of the contract's names, never written to."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.errors import SourceError, WarehouseError
from recs_assets_tests.resources.duckdb.source_rows import problems, rows_of, stored_in, write
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import COMPUTE


def database(folder: Path, *statements: str) -> Path:
    """A database with the shop's users and events as incoming tables, and what the statements make of them."""
    path = folder / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA crm")
        for name in ("users", "events"):
            connection.register("incoming", shop.TABLES[name])
            connection.execute(f"CREATE TABLE crm.{name} AS SELECT * FROM incoming")
            connection.unregister("incoming")
        for statement in statements:
            connection.execute(statement)
    return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    """The same tables read from Parquet."""
    folder = tmp_path_factory.mktemp("parquet")
    for name in ("users", "events"):
        write(folder / f"{name}.parquet", shop.TABLES[name])
    return {name: rows_of(folder, name) for name in ("users", "events")}


@pytest.mark.parametrize("table", ["users", "events"])
def test_tables_and_views_are_read_like_files_whatever_the_case_of_their_names(
    table: str, tmp_path: Path, expected: dict[str, pa.Table]
) -> None:
    source = database(
        tmp_path,
        "CREATE TABLE Users AS SELECT USER_ID: user_id, email, created_at: created_at::TIMESTAMP, Email_Consent: email_consent "
        "FROM crm.users",
        "CREATE TYPE kind AS ENUM (SELECT DISTINCT event_type FROM crm.events WHERE event_type IS NOT NULL)",
        "ALTER TABLE crm.events ALTER event_type TYPE kind",
        "CREATE VIEW \"EVENTS\" AS SELECT *, {'event_id': 1} AS items FROM crm.events",
    )
    before = source.read_bytes()
    assert problems(source, table) == []
    assert rows_of(source, table).equals(expected[table])
    assert source.read_bytes() == before
    stored = stored_in(source, "events")
    assert stored is not None
    assert stored.extra == ("items",)
    assert stored_in(source, "vehicles") is None


def test_a_table_under_another_name_is_named(tmp_path: Path) -> None:
    source = database(tmp_path, "CREATE TABLE fitment_2026 (product_id VARCHAR)", "CREATE VIEW users AS FROM crm.users")
    assert problems(source, "fitment") == ["it is absent, and 'fitment_2026' looks like it and is not read"]


def test_a_view_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    source = database(
        tmp_path, "CREATE VIEW users AS FROM crm.users", "CREATE VIEW events AS FROM crm.events", "DROP TABLE crm.events"
    )
    (problem,) = problems(source, "events")
    assert problem.startswith("events cannot be read (")
    assert problems(source, "users") == []


def test_what_is_no_source_is_named(tmp_path: Path) -> None:
    file = tmp_path / "home" / "warehouse.duckdb"

    def refusal(source: Path) -> str:
        with pytest.raises(SourceError) as raised:
            DuckDBWarehouse(file, source, COMPUTE).source_tables()
        return str(raised.value)

    (tmp_path / "users.csv").write_text("user_id\n" * 9)
    assert "users.csv is not a DuckDB database that can be read: " in refusal(tmp_path / "users.csv")
    write(tmp_path / "users.parquet", shop.TABLES["users"])
    assert "Set RECS_SOURCE to a folder of Parquet tables, or to a DuckDB database." in refusal(tmp_path / "users.parquet")
    assert "has none of the tables users, vehicles, " in refusal(database(tmp_path))
    DuckDBWarehouse(file, tmp_path, COMPUTE).served_version(shop.WEEK_START.date())
    assert "is this project's own warehouse. Set RECS_SOURCE" in refusal(file)


def test_a_database_that_is_written_to_is_named(tmp_path: Path) -> None:
    source = database(tmp_path, "CREATE VIEW users AS FROM crm.users")
    code = f"import duckdb, sys\nc = duckdb.connect({str(source)!r})\nprint('open', flush=True)\nsys.stdin.readline()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(WarehouseError, match=r"the source .*shop.duckdb is locked: .* Close the program that writes to it"):
            stored_in(source, "users")
        holder.kill()

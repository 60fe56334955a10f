"""The warehouse on a real file and real Parquet."""

import datetime as dt
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recs_assets.breaches import ContractError
from recs_assets.own_tables import QUARANTINE
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.errors import WarehouseError
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import COMPUTE, parameters_of, tables_for

WEEK = dt.date(2026, 2, 23)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "it's a source"
    folder.mkdir()
    for name in ("users", "products", "events"):
        pq.write_table(shop.TABLES[name], folder / f"{name}.parquet")
    return folder


@pytest.fixture
def warehouse(tmp_path: Path, source: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "home" / "warehouse.duckdb", source, COMPUTE)


def test_a_stored_table_says_what_its_columns_hold(warehouse: DuckDBWarehouse) -> None:
    users = warehouse.source_table("users")
    assert users is not None
    assert {name: column.held_as for name, column in users.columns.items()} == {
        "user_id": "text",
        "email": "text",
        "created_at": "timestamp",
        "email_consent": "boolean",
    }
    assert users.columns["user_id"].n_trimmed == 1
    assert warehouse.source_table("vehicles") is None
    assert warehouse.source_tables() == {"users", "products", "events"}


def test_columns_come_in_the_contracts_types(warehouse: DuckDBWarehouse, source: Path) -> None:
    table = pa.table(
        {
            "extra": [1, 2],
            "user_id": pa.array(["u1", None]).dictionary_encode(),
            "created_at": pa.array([0, None], pa.timestamp("ns")),
        }
    )
    pq.write_table(table, source / "users.parquet")
    vehicles = {"vehicle_id": ["v1", "v2"], "year": [1969.0, float("nan")]}
    pq.write_table(pa.table(vehicles), source / "vehicles.parquet")
    with warehouse.session() as session:
        users = session.read("clean_users", **parameters_of("clean_users"))
        assert users.schema.field("created_at").type == pa.timestamp("us", "UTC")
        assert users.schema.field("email_consent").type == pa.bool_()
        by_id = {row["user_id"]: row for row in users.to_pylist()}
        assert by_id["u1"]["created_at"] == dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        assert by_id[None]["fault"] == "empty user_id"
        assert [row["year"] for row in session.read("clean_vehicles").sort_by("vehicle_id").to_pylist()] == [1969, None]
        assert session.audit("source_profile_email_events", **parameters_of("source_profile_email_events"))["n_rows"] == 0


@pytest.mark.parametrize(
    ("text", "is_blank"),
    [
        *((text, True) for text in ("", " ", "\t\r\n", "\u00a0", "\u200b\ufeff", "NULL", " null ", "NaN", "nan\n", "n.a")),
        *((text, False) for text in ("None", "n/a", "nxa", "null and void", "0", "é", "'", "\0u")),
        (None, True),
    ],
)
def test_blank_text_is_no_value(warehouse: DuckDBWarehouse, text: str | None, is_blank: bool) -> None:
    rows = [(text, "Carburetors", 75.0, text, text, text, text, None, None, None)]
    pq.write_table(shop.source("products", rows), warehouse.source / "products.parquet")
    reading = DuckDBWarehouse(warehouse.file, warehouse.source, COMPUTE, ["", "NULL", "nan", "n.a"])
    with reading.session() as session:
        (row,) = session.read("clean_products", **parameters_of("clean_products")).to_pylist()
        profile = session.audit("source_profile_products")
    names = ("product_id", "brand", "title", "image_url", "variant_group")
    assert [row[name] for name in names] == [None if is_blank else text] * 5
    assert [profile[f"n_null_{name}"] for name in names] == [int(is_blank)] * 5
    assert row["part_type"] == "Carburetors"


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    with pytest.raises(WarehouseError, match=r"there is no source .*nowhere. Set RECS_SOURCE to a folder of Parquet tables"):
        DuckDBWarehouse(file, tmp_path / "nowhere", COMPUTE).source_tables()
    with pytest.raises(WarehouseError, match=r"holds none of the tables users, .* Set RECS_SOURCE to a folder that does"):
        DuckDBWarehouse(file, tmp_path, COMPUTE).source_tables()


def test_a_file_that_is_not_parquet_is_named(warehouse: DuckDBWarehouse, source: Path) -> None:
    (source / "products.parquet").write_text("product_id,price\np1,5\n")
    products = warehouse.source_table("products")
    assert products is not None
    (breach,) = products.breaches
    assert "products.parquet is not a Parquet file (Invalid Input Error: " in str(breach)
    assert warehouse.source_table("users") is not None
    with (
        pytest.raises(ContractError, match=r"'products'.*not a Parquet file.*Write the table as Parquet again"),
        warehouse.session() as of,
    ):
        of.read("products_rows")


def test_values_are_bound_never_pasted(warehouse: DuckDBWarehouse) -> None:
    nasty = "x'; DROP TABLE classified; --"
    with warehouse.session() as session:
        session.materialize("classified", "clean_users", **parameters_of("clean_users"))
        assert (
            session.read("mail_addresses", now=shop.NOW, without_consent_flag=nasty, placeholders=re.escape(nasty)).num_rows == 5
        )
        assert session.read("fault_counts_users").num_rows == 6
        with pytest.raises(ValueError, match="is not a table or query name"):
            session.materialize("x; DROP TABLE users", "clean_users", **parameters_of("clean_users"))


def test_parameters_must_match(warehouse: DuckDBWarehouse) -> None:
    with warehouse.session() as session:
        with pytest.raises(
            ValueError,
            match=r"takes the parameters \['as_of', 'now', 'start'\]; missing: \['now', 'start'\], unknown: \['when'\]",
        ):
            session.read("clean_users", as_of=shop.AS_OF, when=shop.NOW)
        with pytest.raises(ValueError, match="there is no query 'clean_houses'"):
            session.read("clean_houses")


@pytest.mark.long
def test_exports_are_the_same_bytes(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    n_rows = 300_000
    events = [(f"e{n}", f"u{n % 7}", "p1", "view", shop.days_ago(n % 50), None, n) for n in range(n_rows)]
    classified = shop.edges(events).append_column("fault", pa.nulls(n_rows, pa.string()))
    paths = [tmp_path / "first.parquet", tmp_path / "second.parquet"]
    for path, threads, rows in zip(paths, (1, 2), (classified, classified.sort_by("quantity")), strict=True):
        compute = COMPUTE.model_copy(update={"memory_limit": "500MB", "threads": threads})
        limited = DuckDBWarehouse(warehouse.file, warehouse.source, compute)
        with limited.session({"classified": rows}) as session:
            assert session.export("interaction_edges", path) == n_rows
    assert paths[0].read_bytes() == paths[1].read_bytes()
    file = pq.ParquetFile(paths[0], page_checksum_verification=True)
    assert [file.metadata.row_group(n).num_rows for n in range(3)] == [131_072, 131_072, 37_856]
    assert file.read()["quantity"].to_pylist()[:2] == [100049, 100099]  # ids sort as text


def test_an_empty_export_has_its_columns(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    with warehouse.session() as session:
        session.materialize("classified", "clean_vehicles")
        assert session.export("vehicle_nodes", tmp_path / "empty.parquet") == 0
    assert pq.read_table(tmp_path / "empty.parquet").column_names == ["vehicle_id", "year", "make", "model", "engine"]


def test_a_stream_survives_other_queries(warehouse: DuckDBWarehouse) -> None:
    with warehouse.session() as session:
        session.materialize("classified", "clean_users", **parameters_of("clean_users"))
        stream = session.batches("user_nodes")
        session.read("fault_counts_users")
        assert stream.read_all()["user_id"].to_pylist() == ["u1", "u2", "u3", "u4", "u5", "u6", 'ü"8\\']


@pytest.mark.long
def test_what_takes_more_memory_than_allowed_is_written_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / "home" / "warehouse.duckdb"
    small = DuckDBWarehouse(file, tmp_path, COMPUTE.model_copy(update={"memory_limit": "60MiB", "threads": 1}))
    ids = np.random.default_rng(1).permutation(3_000_000).astype(str)
    people = pa.table({"user_id": ids, "profile_id": ids[::-1], "stratum": np.full(len(ids), "cold")})
    with small.session() as session:
        session.mount("user_profiles", people)
        spilled = sum(path.stat().st_size for path in file.with_suffix(".spill").rglob("*") if path.is_file())
        assert spilled > 10 * 2**20
        assert sum(batch.num_rows for batch in session.batches("profiles")) == len(ids)
    assert list(file.with_suffix(".spill").iterdir()) == []


@pytest.mark.long
def test_a_query_that_memory_cannot_hold_says_which_setting_bounds_it(tmp_path: Path) -> None:
    small = DuckDBWarehouse(tmp_path / "w.duckdb", tmp_path, COMPUTE.model_copy(update={"memory_limit": "20MiB", "threads": 1}))

    def ask_for_too_much() -> None:
        with small.session() as session:
            # One list of many numbers is one value, of which nothing can be spilled.
            session.view("user_profiles", "SELECT 'u1' AS user_id, RANGE(10_000_000)::VARCHAR AS profile_id, 'cold' AS stratum")
            session.materialize("kept", "profiles")

    with pytest.raises(WarehouseError, match=r"(?i)out of memory.*20MiB of memory \(compute\.memory_limit\).*then run again"):
        ask_for_too_much()


def test_append_replaces_what_it_is_told_to(warehouse: DuckDBWarehouse) -> None:
    def row(week: dt.date, table: str, key: str) -> pa.Table:
        return shop.table(QUARANTINE, [(week, table, "reason", "quarantined", key, "{}")])

    for replaced in (row(WEEK, "users", "old"), row(WEEK, "events", "other"), row(WEEK - dt.timedelta(7), "users", "before")):
        warehouse.append("quarantine", replaced)
    warehouse.append("quarantine", row(WEEK, "users", "new"), replace={"week": WEEK, "source_table": "users"})
    with duckdb.connect(str(warehouse.file)) as connection:
        keys = connection.execute("SELECT row_key FROM quarantine ORDER BY row_key").fetchall()
    assert keys == [("before",), ("new",), ("other",)]
    with pytest.raises(ValueError, match="not a ledger"):
        warehouse.append("publications", row(WEEK, "users", "new"))
    with pytest.raises(ValueError, match="has the columns"):
        warehouse.append("quarantine", pa.table({"week": [WEEK]}))


@pytest.fixture
def holder(warehouse: DuckDBWarehouse) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the file open."""
    warehouse.file.parent.mkdir(parents=True, exist_ok=True)
    code = f"import duckdb, sys\nc = duckdb.connect({str(warehouse.file)!r})\nprint('open', flush=True)\nsys.stdin.readline()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    yield process
    process.kill()
    process.wait()


def test_a_locked_file_is_waited_for_then_named(
    warehouse: DuckDBWarehouse,
    holder: subprocess.Popen[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    warehouse.lock_wait_seconds = 0.5
    with pytest.raises(WarehouseError, match=r"has been locked for 0\.5 seconds: .* Close the program that holds it"):
        warehouse.served_version(WEEK)
    assert "waiting for" in caplog.text
    warehouse.lock_wait_seconds = 30.0
    assert holder.stdin is not None
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert warehouse.served_version(WEEK) is None


def test_what_is_older_than_the_window_is_not_read(tmp_path: Path) -> None:
    # Sixteen years of events in row groups of a year each: the first ones cannot even be read.
    moments = [shop.AS_OF - dt.timedelta(days=365 * years + 9) for years in range(15, -1, -1)]
    rows = [(f"e{n}", "u1", "p1", "view", moment, None, None) for n, moment in enumerate(moments)]
    path = tmp_path / "events.parquet"
    pq.write_table(shop.source("events", rows), path, row_group_size=1, compression="none", use_dictionary=False)
    group = pq.read_metadata(path).row_group(0).column(0)
    damaged = bytearray(path.read_bytes())
    start = group.data_page_offset
    damaged[start : start + group.total_compressed_size] = b"\xff" * group.total_compressed_size
    path.write_bytes(damaged)
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb", tmp_path, COMPUTE)
    names = tables_for("clean_events").keys() - {"events"}
    with warehouse.session({name: table for name, table in tables_for("clean_events").items() if name in names}) as session:
        events = session.read("clean_events", **parameters_of("clean_events"))
        assert sorted(events["event_id"].to_pylist()) == ["e14", "e15"]
        assert session.audit("rows_read_events", orders_start=shop.days_ago(730)) == {"n_rows": 2}
        profile = session.audit("source_profile_events", **parameters_of("source_profile_events"))
        assert (profile["n_rows"], profile["n_read"]) == (16, 1)

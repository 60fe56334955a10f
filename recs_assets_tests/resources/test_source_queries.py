"""What follows from a source table's declaration, and that one line is all a new column takes."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recs_assets.contract import SOURCE_TABLES, Column
from recs_assets.resources import source_queries
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.queries import query_text
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import COMPUTE, on_duckdb, parameters_of


@pytest.fixture
def heavier_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Products with one more optional column, `weight`, declared by one line."""
    products = SOURCE_TABLES["products"]
    wider = dataclasses.replace(products, columns=(*products.columns, Column("weight", "number")))
    monkeypatch.setitem(SOURCE_TABLES, "products", wider)
    for name, text in source_queries.queries({"products": wider}).items():
        monkeypatch.setitem(source_queries.QUERIES, name, text)
    query_text.cache_clear()
    yield
    query_text.cache_clear()


@pytest.mark.usefixtures("heavier_parts")
def test_a_column_that_is_declared_is_profiled_cleaned_and_kept_and_goes_no_further(tmp_path: Path) -> None:
    rows = [("p1", "Tools", 75.0), ("p1", "Tools", 75.0), ("p1", "Tools", 75.0), ("p2", "Tools", -1.0)]
    weights = pa.array([2.5, 2.5, 3.0, None], pa.float64())
    products = shop.source("products", rows).drop_columns(["weight"])
    pq.write_table(products.append_column("weight", weights), tmp_path / "products.parquet")
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb", tmp_path, COMPUTE).session() as session:
        assert session.audit("source_profile_products")["n_null_weight"] == 1
        session.materialize("classified", "clean_products", **parameters_of("clean_products"))
        assert session.read("fault_counts_products").to_pydict()["n_rows"] == [1, 1, 1]
        kept = session.read("quarantined_rows_products", week=shop.WEEK_START.date()).to_pylist()
        assert [row["row_json"].split('"weight":')[1] for row in kept] == ["null}", '"2.5"}']
        assert "weight" not in session.read("product_nodes").column_names


def test_rows_come_with_their_form_fault_and_their_rank_by_content() -> None:
    owned = [
        ("u1", "v1", 1),
        ("u1", "v1", 1),
        ("u1", "v1", 2),
        ("u1", "v2", 1),
        (" ", "v1", 1),
        ("u1", None, 1),
        ("u\0", "v1", 1),
    ]
    read_rows = on_duckdb("ownership_rows", {"ownership": shop.source("ownership", owned)}, {})
    told = sorted(
        (str(row["user_id"]), str(row["vehicle_id"]), row["slot"], row["content_rank"], row["form_fault"] or "")
        for row in read_rows
    )
    assert told == [
        (" ", "v1", 1, 1, "empty user_id"),
        ("u\0", "v1", 1, 1, "NUL character in user_id"),
        ("u1", "None", 1, 1, "empty vehicle_id"),
        ("u1", "v1", 1, 2, ""),
        ("u1", "v1", 1, 2, "exact duplicate"),
        ("u1", "v1", 2, 1, ""),
        ("u1", "v2", 1, 1, ""),
    ]


def test_numbers_are_compared_as_text_for_nan_is_no_number() -> None:
    prices = [float("nan"), float("nan"), 1.0, 1.5]
    rows = shop.source("products", [("p1", "Tools", price) for price in prices])
    read_rows = on_duckdb("products_rows", {"products": rows}, {})
    assert sorted((row["price_text"], row["form_fault"] or "") for row in read_rows) == [
        ("1", ""),
        ("1.5", ""),
        ("nan", ""),
        ("nan", "exact duplicate"),
    ]


def test_only_what_may_be_seen_in_tables_is_kept_of_a_row() -> None:
    assert "email" not in query_text("quarantined_rows_users").replace("email_consent", "")

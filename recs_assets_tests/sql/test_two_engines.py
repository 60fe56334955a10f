"""Every query means the same on DuckDB as on Google's reference implementation of BigQuery's SQL."""

import datetime as dt
import math
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
import sqlglot

from recs_assets.resources.queries import change_names, change_text, names, plain_rows, query_text
from recs_assets_tests.conftest import Run
from recs_assets_tests.sql.edge_rows import LAST_MOMENT, US
from recs_assets_tests.sql.engines import (
    EDGES,
    EMPTY,
    World,
    change_tables,
    changed_on_duckdb,
    changed_on_reference,
    on_duckdb,
    on_reference,
    parameters_of,
    tables_for,
)
from recs_assets_tests.sql.tiny import tiny_world

pytestmark = pytest.mark.long

VARIANTS: dict[str, list[dict[str, Any]]] = {
    "v5_17": [
        {"require_fitment": False},
        {"has_fitment": False, "kept": 100},
        {"exclude_bought_days": None, "exclude_bought_variants": None},
        {"model_min_orders": 1, "make_min_orders": 1, "exclude_bought_days": 2, "kept": 1},
    ],
    "audit": [
        dict.fromkeys(("min_price", "available_only", "exclude_refurbished", "https_image", "one_per_variant_group"))
        | dict.fromkeys(("max_per_part_type", "max_universal", "exclude_bought_days", "exclude_bought_variants"))
        | {"excluded_part_types": []},
        {"slots": 1, "list_length": 1, "max_universal": 0, "require_fitment": False},
    ],
    "hold": [{"now": LAST_MOMENT - US}],
    "reasons": [{"popular_people": 3, "recent_days": 9, "trend": 0.5}],
    "final_vehicle_recommendations": [{"slots": 1}, {"slots": 3, "columns": []}],
    "mail_addresses": [{"without_consent_flag": "send"}],
    "mail_audit": [{"without_consent_flag": "send"}],
    "mail_hash": [{"slots": 1}, {"slots": 3, "columns": []}],
    "co_purchase_edges": [{"min_users": 1, "window_days": 1}, {"max_parts_per_user": 3, "min_users": 1}],
}


# Tables whose columns are keys and counts.
NEVER_NULL = {"vehicle_ids", "fits_edges", "shared_accounts", "profile_vehicles", "user_profiles", "strata", "mail_addresses"}
NEVER_NULL |= {"asked", "people", "addressees", "sql_lists", "companions", "staged_tables"}


def cases() -> list[tuple[str, dict[str, Any]]]:
    return [(query, changed) for query in names() for changed in ({}, *VARIANTS.get(query, []))]


def ordered(query: str) -> bool:
    return "order" in sqlglot.parse_one(query_text(query, 1), read="bigquery").args


def compare(query: str, world: World, changed: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The rows of a query, which are the same on both engines; in the same order, where the query gives one."""
    tables, parameters = tables_for(query, world), parameters_of(query, world=world) | (changed or {})
    rows, expected = on_duckdb(query, tables, parameters), on_reference(query, tables, parameters)
    arranged = list if ordered(query) else sorted
    assert arranged(normal(rows)) == arranged(normal(expected))
    return rows


def compare_change(change: str, world: World) -> bool:
    """Whether a statement changes its table, whose rows are the same on both engines then."""
    (changed, tables), parameters = change_tables(change, world), parameters_of(change, change_text, world)
    rows = changed_on_duckdb(change, changed, tables, parameters)
    assert sorted(normal(rows)) == sorted(normal(changed_on_reference(change, changed, tables, parameters)))
    return sorted(normal(rows)) != sorted(normal(plain_rows(tables[changed])))


@pytest.mark.parametrize(("query", "changed"), cases(), ids=[f"{query}-{len(changed)}" for query, changed in cases()])
def test_same_rows(query: str, changed: Mapping[str, Any]) -> None:
    assert compare(query, EDGES, changed), "a query that gives no rows compares nothing"


@pytest.mark.parametrize("query", [query for query in names() if ordered(query)])
def test_an_order_leaves_nothing_to_the_engine(query: str) -> None:
    tables, parameters = tables_for(query, EDGES), parameters_of(query, world=EDGES)
    rows = normal(on_duckdb(query, tables, parameters))
    for seed in range(4):
        shuffled = {name: table.take(Random(seed).sample(range(len(table)), len(table))) for name, table in tables.items()}
        assert normal(on_duckdb(query, shuffled, parameters)) == rows


@pytest.mark.parametrize("query", names())
def test_same_rows_of_empty_tables(query: str) -> None:
    compare(query, EMPTY)


@pytest.mark.parametrize("change", change_names())
def test_same_changes(change: str) -> None:
    assert compare_change(change, EDGES), "a statement that changes nothing compares nothing"
    compare_change(change, EMPTY)


@pytest.fixture(scope="module")
def tiny(first_run: Run) -> World:
    return tiny_world(first_run.place)


def test_same_rows_in_the_tiny_world(tiny: World) -> None:
    with_rows = [query for query in names() if compare(query, tiny)]
    changing = [change for change in change_names() if compare_change(change, tiny)]
    assert len(with_rows) > 0.8 * len(names())
    assert len(changing) > 0.6 * len(change_names())


def test_every_table_has_rows_at_the_edges() -> None:
    for name, table in EDGES.tables.items():
        values = {value for column in table.columns for value in column.to_pylist()}
        assert table.num_rows >= 3, name
        assert None in values or name in NEVER_NULL, name
        assert any(not value.isascii() for value in values if isinstance(value, str)), name
        moments = {value for value in values if isinstance(value, dt.date)}
        assert not moments or any(moment.weekday() == 0 for moment in moments), name


def normal(rows: list[dict[str, Any]]) -> list[tuple[tuple[str, str], ...]]:
    """Rows with floats to twelve digits (the last ones are the machine's), names beside values."""
    return [tuple((name, text(value)) for name, value in row.items()) for row in rows]


def text(value: Any) -> str:
    if isinstance(value, float):
        return "nan" if math.isnan(value) else f"{value:.12g}"
    return f"{type(value).__name__} {value}"

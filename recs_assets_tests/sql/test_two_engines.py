"""Every query means the same on DuckDB as on Google's reference implementation of BigQuery's SQL."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import pytest

from recs_assets.resources.queries import names
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb, on_reference, parameters_of, tables_for
from recs_assets_tests.sql.parameters import PARAMETERS

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
    "hold": [{"now": shop.NOW + dt.timedelta(hours=23)}],
    "reasons": [{"popular_people": 3, "recent_days": 9, "trend": 0.5}],
    "final_vehicle_recommendations": [{"slots": 1}, {"slots": 3}],
    "mail_addresses": [{"without_consent_flag": "send"}],
    "mail_audit": [{"without_consent_flag": "send"}],
    "mail_hash": [{"slots": 1}, {"slots": 3}],
    "co_purchase_edges": [{"min_users": 1, "window_days": 1}, {"max_parts_per_user": 3, "min_users": 1}],
}


def cases() -> list[tuple[str, dict[str, Any]]]:
    return [(query, changed) for query in names() for changed in ({}, *VARIANTS.get(query, []))]


@pytest.mark.parametrize(("query", "changed"), cases(), ids=[f"{query}-{len(changed)}" for query, changed in cases()])
def test_same_rows(query: str, changed: Mapping[str, Any]) -> None:
    tables, parameters = tables_for(query), parameters_of(query) | changed
    rows, expected = on_duckdb(query, tables, parameters), on_reference(query, tables, parameters)
    assert normal(rows) == normal(expected)
    assert rows, "a query that gives no rows compares nothing"


def test_every_query_has_rows_to_run_on() -> None:
    for query in names():
        assert set(tables_for(query)), query
        assert all(table.num_rows >= 3 for table in tables_for(query).values()), query
        assert set(parameters_of(query)) <= set(PARAMETERS), query


def normal(rows: list[dict[str, Any]]) -> list[tuple[tuple[str, str], ...]]:
    """Rows in an order of their own, floats to twelve digits (the last ones are the machine's), names beside values."""
    return sorted(tuple((name, text(value)) for name, value in row.items()) for row in rows)


def text(value: Any) -> str:
    if isinstance(value, float):
        return "nan" if math.isnan(value) else f"{value:.12g}"
    return f"{type(value).__name__} {value}"

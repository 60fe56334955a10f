"""Vehicles under several ids, and what names them."""

from collections import Counter
from typing import Any

import pyarrow as pa

from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb, parameters_of, table_on_duckdb, tables_for

# Six vehicles under nine ids, and what garages and fitment name.
CAMARO = (1969, "Chevrolet", "Camaro", "V8")
VEHICLES = [
    ("b", *CAMARO),
    ("a", 1969, " chevrolet", "CAMARO\t", "v8 "),
    ("c", 1969, "Chevrolet", "Camaro", None),
    ("d", 1969, "Chevrolet", "camaro", None),
    ("e", 1970, "Chevrolet", "Camaro", "V8"),
    ("f", None, "Chevrolet", "Camaro", "V8"),
    ("g", None, "Chevrolet", "Camaro", "V8"),
    ("h", 1969, "Chevrolet", None, "V8"),
    ("i", 1969, "Chevrolet", None, "V8"),
]


def with_vehicle_ids(table: str, rows: list[Any]) -> pa.Table:
    """A table cleaned beside the vehicles' ids."""
    vehicles = table_on_duckdb("clean_vehicles", {"vehicles": shop.source("vehicles", VEHICLES)}, {})
    ids = table_on_duckdb("vehicle_ids", {"classified": vehicles}, {})
    query = f"clean_{table}"
    return table_on_duckdb(query, tables_for(query) | {table: shop.source(table, rows), "vehicle_ids": ids}, parameters_of(query))


def test_one_vehicle_under_several_ids_is_one() -> None:
    tables = {"vehicles": shop.source("vehicles", VEHICLES)}
    classified = table_on_duckdb("clean_vehicles", tables, {})
    nodes = on_duckdb("vehicle_nodes", {"classified": classified}, {})
    assert [row["vehicle_id"] for row in nodes] == ["a", "c", "e", "f", "g", "h", "i"]
    assert {row["vehicle_id"]: row["fault"] for row in classified.to_pylist() if row["fault"]} == {
        "b": "another id of the same vehicle",
        "d": "another id of the same vehicle",
    }


def test_what_fits_any_id_of_a_vehicle_fits_it_once() -> None:
    fitment = with_vehicle_ids("fitment", [("p1", "a"), ("p1", "b"), ("p2", "b"), ("p2", "e"), ("p2", "z")])
    assert [tuple(row.values()) for row in on_duckdb("fits_edges", {"classified": fitment}, {})] == [
        ("p1", "a"),
        ("p2", "a"),
        ("p2", "e"),
    ]
    assert Counter(fitment["fault"].to_pylist()) == {None: 3, "repeated product_id and vehicle_id": 1, "unknown vehicle_id": 1}


def test_a_garage_with_two_ids_of_a_vehicle_has_it_once_since_the_earliest() -> None:
    rows = [("u1", "b", 1, shop.days_ago(9)), ("u1", "a", 2, shop.days_ago(20)), ("u2", "d", 1, None), ("u2", "e", 3, None)]
    owned = with_vehicle_ids("ownership", rows)
    assert [tuple(row.values()) for row in on_duckdb("owns_edges", {"classified": owned}, {})] == [
        ("u1", "a", 1, shop.days_ago(20)),
        ("u2", "c", 1, None),
        ("u2", "e", 3, None),
    ]


def test_a_universal_part_that_names_its_vehicles_is_not_universal() -> None:
    rows = [(f"p{n}", "Tools", 60.0, *[None] * 5, n != 4, None) for n in range(1, 5)]
    fitment = [("p1", "a"), ("p2", "z"), ("p4", "a")]  # nobody knows a vehicle z
    sources = {"products": rows, "fitment": fitment, "vehicles": VEHICLES, "events": []}
    tables = {name: shop.source(name, given) for name, given in sources.items()}
    classified = {"classified": table_on_duckdb("clean_products", tables, parameters_of("clean_products"))}
    flags = {row["product_id"]: row["is_universal"] for row in on_duckdb("product_nodes", classified, {})}
    assert flags == {"p1": False, "p2": True, "p3": True, "p4": False}
    assert on_duckdb("overruled_universal", classified, {}) == [{"n_universal": 3, "n_overruled": 1}]

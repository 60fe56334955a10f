"""Dates that a load or a migration has written anew, in a small shop: served whole, told, or refused, never in silence."""

from pathlib import Path

from recs_assets_tests.small_shop import END, IN_WEEK, ROWS, Row, exported, needed_by, small_shop
from recs_assets_tests.sql.rows import source as source_rows
from recs_assets_tests.worlds import WEEK, Place, checks, messages


def with_rows(folder: Path, table: str, rows: list[Row]) -> Place:
    """The shop with other rows in one table."""
    place = small_shop(folder)
    place.rewrite(table, source_rows(table, rows))
    return place


def created(table: str, n_later: int) -> list[Row]:
    """The shop's rows of users or products, the first of them created when the week had ended."""
    at = {"users": 2, "products": 9}[table]
    return [(*row[:at], END if n < n_later else row[at], *row[at + 1 :]) for n, row in enumerate(ROWS[table])]


def test_people_with_a_created_at_of_a_migration_are_served(tmp_path: Path) -> None:
    place = with_rows(tmp_path, "users", created("users", 1))
    result = place.materialize(needed_by("user_nodes"), WEEK)
    assert messages(result) == {}
    assert place.table("user_nodes")["user_id"].to_pylist() == ["u1", "u2", "u3"]
    assert not checks(result)["user_nodes", "created_at"]
    assert place.query("SELECT gate, decision FROM verdicts WHERE gate LIKE 'created_at%'") == [("created_at_users", "WARN")]


def test_a_created_at_that_is_the_moment_of_the_load_is_refused(tmp_path: Path) -> None:
    place = with_rows(tmp_path, "users", created("users", 3))
    told = messages(place.materialize(needed_by("user_nodes"), WEEK))["user_nodes"]
    assert told.startswith("source table 'users', column 'created_at', week 2026-09-28: 100.0% of the 3 users with events or")
    assert place.store.find("user_nodes", WEEK) is None


def test_so_it_is_of_parts(tmp_path: Path) -> None:
    place = with_rows(tmp_path, "products", created("products", 1))
    told = messages(place.materialize(needed_by("product_nodes"), WEEK))["product_nodes"]
    assert "column 'created_at', week 2026-09-28: 100.0% of the 1 products with orders from before the week's end" in told


def test_an_early_week_of_a_growing_shop_is_not_refused(tmp_path: Path) -> None:
    # Nothing tells of the many who came later: they were not there.
    later: list[Row] = [(f"new{n}", f"new{n}@example.com", END, True) for n in range(20)]
    place = small_shop(tmp_path, {"users": later, "events": [("x", "new1", "p1", "view", END, None, None)]})
    assert exported(place, "user_nodes").num_rows == 3


def test_garages_of_a_migration_are_served_with_a_warning(tmp_path: Path) -> None:
    place = with_rows(tmp_path, "ownership", [(*row[:3], IN_WEEK) for row in ROWS["ownership"]])
    result = place.materialize(needed_by("owns_edges"), WEEK)
    assert messages(result) == {}
    assert place.table("owns_edges").num_rows == 2
    assert not checks(result)["owns_edges", "added_at"]
    ((reason,),) = place.query("SELECT reason FROM verdicts WHERE gate = 'added_at_ownership'")
    assert reason.startswith("0 of 2 vehicles stood in their garages 84 days before the week's end: less than 25%.")

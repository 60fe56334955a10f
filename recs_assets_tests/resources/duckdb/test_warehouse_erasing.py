"""Who is gone from the source leaves the versions that are kept for long, and the ledger still tells the truth of them."""

import datetime as dt

import duckdb
import pytest

from recs_assets.own_tables import ROLLOUT_ASSIGNMENT
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.erasing import ErasureRefused
from recs_assets_tests.resources.versions import (
    FIRST,
    SECOND,
    Rows,
    publish,
    query,
    restoration,
    served,
    stage,
    wide,
    write_users,
)
from recs_assets_tests.sql.rows import table as rows_of

pytestmark = pytest.mark.long

DAY = dt.timedelta(days=1)


def erase(warehouse: DuckDBWarehouse, made_before: dt.datetime | None = None, max_share: float = 0.5) -> int:
    now = dt.datetime.now(dt.UTC)
    return warehouse.erase(made_before=made_before or now, now=now, kept_versions=2, max_share=max_share)


def without(rows: Rows, user: str) -> Rows:
    return [row for row in rows if row[0] != user]


@pytest.fixture
def twice(warehouse: DuckDBWarehouse) -> DuckDBWarehouse:
    """Two versions, of which everybody of the second is a user; then the first one leaves."""
    write_users(warehouse.source, {"u1": True, "u2": True, "u3": True})
    publish(warehouse, stage(warehouse, "one", FIRST))
    publish(warehouse, stage(warehouse, "two", SECOND))
    write_users(warehouse.source, {"u2": True, "u3": False})
    return warehouse


def test_who_is_gone_leaves_what_is_served_and_what_is_kept(twice: DuckDBWarehouse) -> None:
    published = query(twice, "FROM publications ORDER BY sequence")
    # Lists and mail, served, and twice staged.
    assert erase(twice) == 6
    assert served(twice) == (without(SECOND, "u1"), wide(without(SECOND, "u1")))
    for table, rows in (("staged_long_one", FIRST), ("staged_long_two", SECOND)):
        assert query(twice, f"SELECT DISTINCT user_id FROM {table} ORDER BY 1") == [(user,) for user, *_ in without(rows, "u1")]
    assert query(twice, "SELECT email_lower FROM staged_wide_one") == [("u2@example.com",)]
    assert query(twice, "FROM publications ORDER BY sequence") == published
    noted = query(twice, "SELECT table_name, n_erased, n_rows FROM erasures ORDER BY ALL")
    assert noted == [
        ("final_vehicle_recommendations", 1, 2),
        ("staged_long_one", 1, 1),
        ("staged_long_two", 1, 2),
        ("staged_long_two", 1, 2),
        ("staged_wide_one", 1, 1),
        ("staged_wide_two", 1, 2),
    ]
    assert erase(twice) == 0


def test_what_is_left_can_be_restored_and_brings_nobody_back(twice: DuckDBWarehouse) -> None:
    erase(twice)
    write_users(twice.source, {"u1": True, "u2": True, "u3": True})
    restored = twice.restore(restoration(twice, "a"))
    assert (restored.n_rows, restored.n_mailed) == (1, 1)
    assert served(twice) == (without(FIRST, "u1"), wide(without(FIRST, "u1")))
    # And forward again.
    assert twice.restore(restoration(twice, "b", "publication two")).n_rows == 2
    assert served(twice) == (without(SECOND, "u1"), wide(without(SECOND, "u1")))
    assert erase(twice) == 0


def test_what_was_erased_is_no_foreign_write(twice: DuckDBWarehouse) -> None:
    second = stage(twice, "three", without(SECOND, "u1"))
    publish(twice, second)
    write_users(twice.source, {"u2": True})
    assert erase(twice, max_share=1) > 0
    assert publish(twice, second).outcome == "already published"
    assert publish(twice, stage(twice, "four", SECOND)).outcome == "published"


def test_what_changes_after_an_erasure_is_still_seen(twice: DuckDBWarehouse) -> None:
    erase(twice)
    with duckdb.connect(str(twice.file)) as connection:
        connection.execute("DELETE FROM staged_long_one")
    with pytest.raises(RuntimeError, match="'staged_long_one' holds 0 rows"):
        twice.restore(restoration(twice, "a"))


def test_young_versions_stay_as_they_are(twice: DuckDBWarehouse) -> None:
    assert erase(twice, dt.datetime.now(dt.UTC) - DAY) == 0
    with duckdb.connect(str(twice.file)) as connection:
        connection.execute("UPDATE publications SET published_at = published_at - INTERVAL 2 DAY WHERE sequence = 1")
    assert erase(twice, dt.datetime.now(dt.UTC) - DAY) == 2
    assert served(twice) == (list(SECOND), wide(SECOND))


def test_where_half_of_all_are_gone_the_source_is_the_likelier_cause(twice: DuckDBWarehouse) -> None:
    write_users(twice.source, {"u3": True})
    with pytest.raises(ErasureRefused, match=r"2 of 3 people of 'staged_long_two' are not among the users.*RECS_SOURCE"):
        erase(twice)
    assert served(twice) == (list(SECOND), wide(SECOND))
    assert query(twice, "FROM erasures") == []


def test_who_is_gone_leaves_the_arms_of_experiments_unless_too_many_are(warehouse: DuckDBWarehouse) -> None:
    write_users(warehouse.source, {"u2": True, "u3": True})
    old, young = dt.datetime(2026, 1, 5, tzinfo=dt.UTC), dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    arms = [("e1", "u1", 1, "treated", old), ("e2", "u1", 7, "control", young), ("e1", "u2", 2, "control", old)]
    arms += [("e1", "u3", 3, "control", old), ("e1", "u4", 4, "treated", young)]
    warehouse.append("rollout_assignment", rows_of(ROLLOUT_ASSIGNMENT, arms))
    with pytest.raises(ErasureRefused, match="1 of 4 people of 'rollout_assignment'"):
        erase(warehouse, made_before=young, max_share=0.2)
    assert erase(warehouse, made_before=young) == 1
    left = query(warehouse, "SELECT experiment, user_id FROM rollout_assignment ORDER BY ALL")
    assert left == [("e1", "u2"), ("e1", "u3"), ("e1", "u4")]

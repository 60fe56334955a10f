"""Going back: an earlier version as it was published, or nothing; and a mail of an earlier week where a new week's is bad."""

import datetime as dt
from dataclasses import replace

import duckdb
import pytest

from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.publishing import PublishRefused
from recs_assets_tests.resources.duckdb.test_warehouse_publishing import (
    FIRST,
    SECOND,
    WEEK,
    publish,
    query,
    restoration,
    served,
    stage,
    wide,
)

NEXT = WEEK + dt.timedelta(days=7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("DELETE FROM staged_long_one WHERE user_id = 'u1'", "'staged_long_one' holds 1 rows of 1 users"),
        ("DELETE FROM staged_wide_one", "the mail in 'staged_wide_one' has content 0-0-0"),
    ],
)
def test_a_version_changed_since_its_audit_is_not_restored(warehouse: DuckDBWarehouse, change: str, message: str) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    publish(warehouse, stage(warehouse, "two", SECOND))
    with duckdb.connect(str(warehouse.file)) as connection:
        connection.execute(change)
    with pytest.raises(PublishRefused, match=message):
        warehouse.restore(restoration(warehouse, "a"))
    assert served(warehouse) == (list(SECOND), wide(SECOND))


def test_restore_walks_back(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    publish(warehouse, stage(warehouse, "two", SECOND))
    restored = warehouse.restore(restoration(warehouse, "a"))
    assert (restored.outcome, restored.version_before, restored.version_after) == (
        "restored",
        "publication two",
        "publication one",
    )
    assert served(warehouse) == (list(FIRST), wide(FIRST))
    with pytest.raises(PublishRefused, match="there is no version before the served one"):
        warehouse.restore(restoration(warehouse, "b"))
    warehouse.restore(restoration(warehouse, "c", "publication two"))
    assert served(warehouse) == (list(SECOND), wide(SECOND))
    assert query(warehouse, "SELECT action FROM publications ORDER BY sequence") == [
        ("publish",),
        ("publish",),
        ("restore",),
        ("restore",),
    ]


def test_where_a_new_weeks_first_list_is_bad_the_mail_of_the_week_before_comes_back(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    publish(warehouse, stage(warehouse, "bad", SECOND, week=NEXT))
    first_of_its_week = replace(restoration(warehouse, "a"), week=NEXT, expected_version="publication bad")
    with pytest.raises(PublishRefused, match=rf"to mail the list of week {WEEK} again: make rollback WEEK={WEEK} MAIL=1"):
        warehouse.restore(first_of_its_week)
    # Without being asked to, an older week's rollback leaves the mail alone.
    warehouse.restore(restoration(warehouse, "b", "publication one"))
    assert served(warehouse)[1] == wide(SECOND)
    restored = warehouse.restore(replace(restoration(warehouse, "c"), mail_again=True))
    assert (restored.week, restored.version_after) == (WEEK, "publication one")
    assert served(warehouse)[1] == wide(FIRST)
    # The next list of the new week is mailed as ever.
    assert publish(warehouse, stage(warehouse, "fixed", FIRST, week=NEXT)).outcome == "published"
    mailed = "SELECT week FROM publications WHERE wide_table IS NOT NULL ORDER BY sequence DESC LIMIT 1"
    assert query(warehouse, mailed) == [(NEXT,)]


def test_a_version_without_a_mail_cannot_be_mailed_again(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, replace(stage(warehouse, "one", FIRST), wide_table=None, mail_hash=None))
    with pytest.raises(PublishRefused, match="version publication one was published without a mail"):
        warehouse.restore(replace(restoration(warehouse, "a"), mail_again=True))

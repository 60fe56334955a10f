"""Going back: an earlier version as it was published, or nothing; and a mail of an earlier week where a new week's is bad."""

import datetime as dt
from dataclasses import replace

import duckdb
import pytest

from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.errors import PublishRefused
from recs_assets_tests.resources.versions import (
    FIRST,
    SECOND,
    WEEK,
    publish,
    query,
    restoration,
    served,
    stage,
    wide,
    write_users,
)

pytestmark = pytest.mark.long

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


def test_what_was_taken_back_is_not_already_published(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    second = stage(warehouse, "two", SECOND)
    publish(warehouse, second)
    warehouse.restore(restoration(warehouse, "a"))
    again = rf"publication one is served again since .* make rollback WEEK={WEEK} VERSION=publication two REASON="
    with pytest.raises(PublishRefused, match=again):
        publish(warehouse, second)
    assert served(warehouse) == (list(FIRST), wide(FIRST))


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


@pytest.mark.parametrize(
    ("today", "mailed"),
    [
        ({"u1": True, "u2": False, "u3": True}, "u1"),  # u2 has opted out since
        ({"u1": True, "u3": True}, "u1"),  # u2 was deleted
        ({"u1": None, "u2": True, "u3": True}, "u2"),  # whether u1 agrees is not known any more
    ],
)
def test_nobody_is_mailed_again_who_may_not_be_mailed_today(
    warehouse: DuckDBWarehouse, today: dict[str, bool | None], mailed: str
) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    publish(warehouse, stage(warehouse, "two", SECOND))
    write_users(warehouse.source, today)
    restored = warehouse.restore(restoration(warehouse, "a"))
    assert (restored.n_mailed, restored.n_withheld) == (1, 1)
    assert served(warehouse) == (list(FIRST), [row for row in wide(FIRST) if row[0] == f"{mailed}@example.com"])
    ledger = "SELECT action, n_mailed, n_withheld FROM publications ORDER BY sequence"
    assert query(warehouse, ledger) == [("publish", 2, 0), ("publish", 3, 0), ("restore", 1, 1)]
    assert query(warehouse, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'addressees'") == [(0,)]
    # The version itself is as it was: when they agree again, they are mailed again.
    write_users(warehouse.source, {"u1": True, "u2": True, "u3": True})
    assert warehouse.restore(restoration(warehouse, "b", "publication one")).n_withheld == 0
    assert served(warehouse)[1] == wide(FIRST)


def test_a_list_that_is_published_late_is_mailed_to_nobody_who_has_opted_out_meanwhile(warehouse: DuckDBWarehouse) -> None:
    publication = stage(warehouse, "one", FIRST)
    write_users(warehouse.source, {"u1": False, "u2": True})
    published = publish(warehouse, publication)
    assert (published.n_mailed, published.n_withheld) == (1, 1)
    assert served(warehouse) == (list(FIRST), wide(FIRST[1:]))
    assert publish(warehouse, publication).outcome == "already published", "what is served is what the ledger says"


def test_a_mail_of_which_nobody_may_be_mailed_is_refused(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    publish(warehouse, stage(warehouse, "two", SECOND))
    write_users(warehouse.source, {"somebody else": True})
    with pytest.raises(PublishRefused, match="none of the 2 addresses of the mail in 'staged_wide_one' may be mailed now"):
        warehouse.restore(restoration(warehouse, "a"))
    assert served(warehouse) == (list(SECOND), wide(SECOND))


def test_a_warehouse_of_an_earlier_version_of_the_program_is_read_on(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    with duckdb.connect(str(warehouse.file)) as connection:
        connection.execute("ALTER TABLE publications DROP COLUMN n_withheld")
        connection.execute("ALTER TABLE publications DROP COLUMN n_mailed")
    warehouse.bring_up()
    publish(warehouse, stage(warehouse, "two", SECOND))
    assert query(warehouse, "SELECT n_mailed, n_withheld FROM publications ORDER BY sequence") == [(None, None), (3, 0)]

"""Publishing on a real file: one whole audited version is served, always, whatever happens in between."""

import re
from dataclasses import replace
from typing import Any

import duckdb
import pytest

from recs_assets.own_tables import RECOMMENDATIONS, wide_columns
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.errors import PublishFailed, PublishRefused
from recs_assets_tests.resources.versions import FIRST, SECOND, WEEK, publish, query, restoration, served, stage, wide
from recs_assets_tests.sql import shop

pytestmark = pytest.mark.long


def test_the_first_version_makes_the_contracts_tables(warehouse: DuckDBWarehouse) -> None:
    published = publish(warehouse, stage(warehouse, "one", FIRST))
    assert (published.outcome, published.version_before, published.version_after) == ("published", None, "publication one")
    assert served(warehouse) == (list(FIRST), wide(FIRST))
    duckdb_types = {"STRING": "VARCHAR", "INT64": "BIGINT", "FLOAT64": "DOUBLE", "DATE": "DATE"}
    duckdb_types |= {"TIMESTAMP": "TIMESTAMP WITH TIME ZONE"}
    for table, columns in (("recommendations", RECOMMENDATIONS), ("final_vehicle_recommendations", wide_columns(1))):
        described = [row[:2] for row in query(warehouse, f"DESCRIBE {table}")]
        assert described == [(name, duckdb_types[kind]) for name, kind in columns.items()]


def test_a_second_version_replaces_the_first(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    published = publish(warehouse, stage(warehouse, "two", SECOND))
    assert (published.outcome, published.version_before, published.n_rows, published.n_users) == (
        "published",
        "publication one",
        3,
        3,
    )
    assert served(warehouse) == (list(SECOND), wide(SECOND))
    assert warehouse.served_version(WEEK) == "publication two"


def test_once_more_writes_nothing(warehouse: DuckDBWarehouse) -> None:
    first = stage(warehouse, "one", FIRST)
    publish(warehouse, first)
    assert publish(warehouse, first).outcome == "already published"
    again = publish(warehouse, stage(warehouse, "again", FIRST))
    assert (again.outcome, again.publication_id) == ("unchanged", "publication one")
    assert query(warehouse, "SELECT COUNT(*) FROM publications") == [(1,)]


def test_another_number_of_slots_waits_for_the_owner_of_the_mail(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    two = stage(warehouse, "two", SECOND, slots=2)
    assert warehouse.unlike_served("staged_wide_one") is None
    with pytest.raises(PublishRefused, match=r"lacks none\..* Or set rules\.slots to 1, .* Nothing was written") as refused:
        publish(warehouse, two)
    assert served(warehouse) == (list(FIRST), wide(FIRST))
    alter(warehouse, str(refused.value), 6)
    assert publish(warehouse, two).outcome == "published"
    assert query(warehouse, f"SELECT * EXCLUDE {MADE} FROM final_vehicle_recommendations ORDER BY ALL") == query(
        warehouse, f"SELECT * EXCLUDE {MADE} FROM staged_wide_two ORDER BY ALL"
    )
    # A version of one slot is restored no more, unless the owner takes the columns away again.
    with pytest.raises(PublishRefused, match=r"the columns none .* lacks \['rec_part_2', .* Or set .* to 2") as refused:
        warehouse.restore(restoration(warehouse, "a"))
    assert served(warehouse) == (list(SECOND), wide(SECOND))
    alter(warehouse, str(refused.value), 6)
    warehouse.restore(restoration(warehouse, "a"))
    assert served(warehouse) == (list(FIRST), wide(FIRST))


def test_added_columns_wait_for_the_owner_of_the_mail_too(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    two = stage(warehouse, "two", SECOND, columns=["reason", "user_id"])
    with pytest.raises(PublishRefused, match=r"\['rec1_reason', 'user_id'\] beside .* Or set mail\.columns to \[\], ") as refused:
        publish(warehouse, two)
    assert served(warehouse) == (list(FIRST), wide(FIRST))
    alter(warehouse, str(refused.value), 2)
    assert publish(warehouse, two).outcome == "published"
    assert query(warehouse, "FROM final_vehicle_recommendations ORDER BY ALL") == query(
        warehouse, "FROM staged_wide_two ORDER BY ALL"
    )


# A column whose place differs after a slot was added.
MADE = "(generated_at, pipeline_version)"


def alter(warehouse: DuckDBWarehouse, message: str, n_statements: int) -> None:
    """What a refusal says should be run, run."""
    statements = re.findall(r"ALTER TABLE [^;.]+", message)
    assert len(statements) == n_statements
    with duckdb.connect(str(warehouse.file)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_of_two_runs_one_publishes(warehouse: DuckDBWarehouse) -> None:
    one, two = stage(warehouse, "one", FIRST), stage(warehouse, "two", SECOND)
    publish(warehouse, one)
    with pytest.raises(PublishRefused, match=r"run run one published publication one at .* Nothing was written"):
        publish(warehouse, two)
    assert served(warehouse) == (list(FIRST), wide(FIRST))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"audit_id": "audit nobody made"}, "there is no audit"),
        ({"audit_id": "audit failed"}, "says FAIL for 3 rows of 3 users: as told"),
        ({"content_hash": "another"}, "content another were to be published"),
        ({"mail_hash": "another"}, "of a mail with content .*, and one with another was to be published"),
        ({"n_rows": 1}, "and 1 rows of 2 users"),
        ({"long_table": "staged_nothing"}, "there is no such table"),
        ({"wide_table": "staged_nothing"}, "there is no staged wide table"),
        ({"expected_version": "never"}, "version never was expected"),
    ],
)
def test_without_evidence_nothing_is_published(warehouse: DuckDBWarehouse, changed: dict[str, Any], message: str) -> None:
    stage(warehouse, "failed", SECOND, decision="FAIL")
    publication = stage(warehouse, "one", FIRST)
    with pytest.raises(PublishRefused, match=message):
        publish(warehouse, replace(publication, **changed))
    assert query(warehouse, "SELECT COUNT(*) FROM recommendations") == [(0,)]
    assert warehouse.served_version(WEEK) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "UPDATE staged_long_one SET product_id = 'p9' WHERE user_id = 'u1'",
            r"'staged_long_one' holds 2 rows of 2 users with content .* were audited\. Nothing was written",
        ),
        (
            "UPDATE staged_wide_one SET rec1_price = 1.0",
            r"the mail in 'staged_wide_one' has content .* was audited\. Nothing was written",
        ),
    ],
)
def test_rows_changed_after_the_audit_are_refused(warehouse: DuckDBWarehouse, change: str, message: str) -> None:
    publication = stage(warehouse, "one", FIRST)
    with duckdb.connect(str(warehouse.file)) as connection:
        connection.execute(change)
    with pytest.raises(PublishRefused, match=message):
        publish(warehouse, publication)
    assert query(warehouse, "SELECT COUNT(*) FROM recommendations") == [(0,)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "DELETE FROM recommendations WHERE user_id = 'u1'",
            r"1 rows of 1 users .* are served, 2 rows .* Restore version publication one",
        ),
        ("DELETE FROM final_vehicle_recommendations", r"and mail 0-0-0 are served, .* Restore version publication one"),
    ],
)
def test_what_others_wrote_is_told_of_and_can_be_restored_or_made_again(
    warehouse: DuckDBWarehouse, change: str, message: str
) -> None:
    def tampered() -> None:
        with duckdb.connect(str(warehouse.file)) as connection:
            connection.execute(change)

    publication = stage(warehouse, "one", FIRST)
    publish(warehouse, publication)
    tampered()
    with pytest.raises(PublishFailed, match=message):
        publish(warehouse, publication)
    warehouse.restore(restoration(warehouse, "a", "publication one"))
    assert served(warehouse) == (list(FIRST), wide(FIRST))
    tampered()
    # It is not taken for the content that was published.
    assert publish(warehouse, stage(warehouse, "again", FIRST)).outcome == "published"
    assert served(warehouse) == (list(FIRST), wide(FIRST))


def test_a_published_version_cannot_be_staged_over(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    with pytest.raises(ValueError, match="is a published version; stage under another name"):
        stage(warehouse, "one", SECOND)
    with warehouse.session(shop.TABLES) as session, pytest.raises(ValueError, match="starts with 'staged_'"):
        session.stage("recommendations", "profiles")


def test_old_versions_and_orphans_are_dropped(warehouse: DuckDBWarehouse) -> None:
    stage(warehouse, "orphan", FIRST)
    with duckdb.connect(str(warehouse.file)) as connection:
        # Noted, and never made.
        connection.execute("INSERT INTO staged_tables VALUES ('staged_long_noted_orphan', now())")
        connection.execute("UPDATE staged_tables SET staged_at = staged_at - INTERVAL 2 DAY WHERE table_name LIKE '%orphan'")
    stage(warehouse, "young", SECOND)
    for n, rows in enumerate((FIRST, SECOND, FIRST)):
        publish(warehouse, stage(warehouse, f"v{n}", rows))
    tables = {row[0] for row in query(warehouse, "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'staged_long%'")}
    assert tables == {"staged_long_young", "staged_long_v1", "staged_long_v2"}
    noted = {row[0] for row in query(warehouse, "SELECT table_name FROM staged_tables WHERE table_name LIKE 'staged_long%'")}
    assert noted == tables


def test_a_table_is_made_or_dropped_within_no_transaction(warehouse: DuckDBWarehouse) -> None:
    with warehouse._ledger() as ledger:
        with pytest.raises(RuntimeError, match="no table within a transaction"), ledger.transaction():
            ledger.create("made", {"x": "INT64"})
        ledger.create("made", {"x": "INT64"})
        assert ledger.columns("made") == ["x"]


def test_an_older_week_does_not_touch_the_mail(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    with duckdb.connect(str(warehouse.file)) as connection:
        connection.execute("UPDATE publications SET week = week + 7")
    with pytest.raises(PublishRefused, match="the mail is already that of week 2026-03-02"):
        publish(warehouse, stage(warehouse, "two", SECOND))
    assert publish(warehouse, replace(stage(warehouse, "three", SECOND), wide_table=None)).outcome == "published"
    assert served(warehouse)[1] == wide(FIRST)

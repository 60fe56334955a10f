"""A hold on publishing: it wins over every run, stays in the ledger, and ends by itself when its time is over."""

import datetime as dt
from dataclasses import replace

import pytest

from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.holding import Hold, HoldRefused
from recs_assets_tests.resources.versions import (
    FIRST,
    SECOND,
    publish,
    query,
    restoration,
    served,
    stage,
    wide,
)

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def test_a_held_publication_writes_nothing_and_a_released_one_goes_through(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    second = stage(warehouse, "two", SECOND)
    every = ("FROM publications", "FROM recommendations ORDER BY ALL", "FROM final_vehicle_recommendations ORDER BY ALL")
    before = [query(warehouse, text) for text in every]
    # A run has its moment before it comes to the transaction: a hold that is set in between wins all the same.
    warehouse.hold(held_by="ann", reason="wrong  prices", now=second.published_at + HOUR)
    assert publish(warehouse, second) == Hold("ann", "wrong prices", None, second.published_at + HOUR)
    assert [query(warehouse, text) for text in every] == before
    warehouse.release(held_by="bob", reason="prices are right", now=second.published_at + 2 * HOUR)
    assert publish(warehouse, second).outcome == "published"
    ledger = [("set", "ann", "wrong prices"), ("lifted", "bob", "prices are right")]
    assert query(warehouse, "SELECT action, held_by, reason FROM holds ORDER BY sequence") == ledger


def test_a_hold_wins_over_the_version_that_a_run_expects_and_not_over_what_was_published(warehouse: DuckDBWarehouse) -> None:
    first, overtaken = stage(warehouse, "one", FIRST), stage(warehouse, "two", SECOND, slots=2)
    publish(warehouse, first)
    warehouse.hold(held_by="ann", reason="wrong prices", now=first.published_at)
    assert isinstance(publish(warehouse, overtaken), Hold)
    # A run whose answer was lost still learns that it has published.
    assert publish(warehouse, first).outcome == "already published"


def test_a_rollback_sets_a_hold_and_can_be_made_during_one(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    publish(warehouse, stage(warehouse, "two", SECOND))
    back = replace(restoration(warehouse, "a"), held_by="ann")
    assert warehouse.restore(back).outcome == "restored"
    hold = warehouse.held(back.published_at)
    assert hold == Hold("ann", f"rollback of week {back.week}: it was bad", None, back.published_at)
    assert isinstance(publish(warehouse, stage(warehouse, "three", SECOND)), Hold)
    assert served(warehouse) == (list(FIRST), wide(FIRST))
    forward = restoration(warehouse, "b", "publication two")
    assert warehouse.restore(forward).version_after == "publication two"
    assert warehouse.held(forward.published_at) == hold


def test_a_rollback_that_is_refused_holds_nothing(warehouse: DuckDBWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    with pytest.raises(RuntimeError, match="there is no version before the served one"):
        warehouse.restore(replace(restoration(warehouse, "a"), held_by="ann"))
    assert warehouse.held(NOW) is None


def test_a_hold_ends_by_itself_and_the_newest_one_decides(warehouse: DuckDBWarehouse) -> None:
    warehouse.hold(held_by="ann", reason="stocktaking", now=NOW, until=NOW + 2 * HOUR)
    assert str(warehouse.held(NOW + HOUR)) == (
        "held since 2026-03-01 12:00 UTC by ann, until 2026-03-01 14:00 UTC, because: stocktaking. "
        "Nothing is published meanwhile; make release REASON=... lifts it"
    )
    assert warehouse.held(NOW + 2 * HOUR) is None
    warehouse.hold(held_by="bob", reason="without end", now=NOW + HOUR)
    assert warehouse.held(NOW + 2 * HOUR) == Hold("bob", "without end", None, NOW + HOUR)


def test_what_makes_no_sense_is_refused(warehouse: DuckDBWarehouse) -> None:
    with pytest.raises(HoldRefused, match="need a reason; it stays in the ledger"):
        warehouse.hold(held_by="ann", reason=" ", now=NOW)
    with pytest.raises(HoldRefused, match="UNTIL 2026-03-01 12:00 UTC is over already"):
        warehouse.hold(held_by="ann", reason="late", now=NOW, until=NOW)
    with pytest.raises(HoldRefused, match="not on hold: there is nothing to release"):
        warehouse.release(held_by="ann", reason="why not", now=NOW)
    assert query(warehouse, "FROM holds") == []

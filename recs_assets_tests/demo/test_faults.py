"""Every row fault that the contract names is there, and no table has too much of them."""

import numpy as np
import pandas as pd
import pytest

from recs_assets.demo.world import existing
from recs_assets_tests.demo.reading import END, Source, bots

TRUE_FUTURE = pd.Timestamp("2026-10-08", tz="UTC")


@pytest.mark.parametrize("table", ["users", "vehicles", "ownership", "products", "fitment"])
def test_rows_are_repeated_exactly_and_ids_left_empty(tiny: Source, table: str) -> None:
    rows = tiny.raw[table]
    ids = [column for column in rows.columns if column.endswith("_id")]
    assert rows.duplicated().any()
    assert (rows[ids] == "").any(axis=None)


@pytest.mark.parametrize(("table", "key"), [("users", "user_id"), ("products", "product_id"), ("vehicles", "vehicle_id")])
def test_one_key_has_two_different_rows(tiny: Source, table: str, key: str) -> None:
    rows = tiny.raw[table].drop_duplicates()
    rows = rows[(rows[key] != "") & rows.duplicated(key, keep=False)]
    assert len(rows) >= 2
    if "created_at" in rows:
        assert (rows.groupby(key).created_at.nunique() == 2).all()


@pytest.mark.parametrize(
    ("table", "column", "known"),
    [
        ("ownership", "user_id", "users"),
        ("ownership", "vehicle_id", "vehicles"),
        ("fitment", "product_id", "products"),
        ("fitment", "vehicle_id", "vehicles"),
        ("events", "user_id", "users"),
        ("events", "product_id", "products"),
    ],
)
def test_keys_are_orphaned(small: Source, table: str, column: str, known: str) -> None:
    keys = small.raw[table][column]
    orphans = keys[(keys != "") & ~keys.isin(small.raw[known][column])]
    assert 0.0005 < len(orphans) / len(keys) < 0.005


def test_prices_that_are_none(tiny: Source) -> None:
    price = tiny.raw["products"].price
    assert price.isna().any()
    assert np.isinf(price).any()
    assert (price == 0).any()
    assert (price < 0).any()


def test_events_have_faults_of_their_own(tiny: Source) -> None:
    events = tiny.raw["events"]
    assert events.duplicated().any()
    assert events.drop_duplicates().duplicated("event_id").any()
    assert (events.event_ts.dt.year == 2099).any()
    assert (events.event_ts.dt.year < 2000).any()
    assert not set(events.event_type) <= {"view", "cart", "order"}
    assert all((events[column] == "").any() for column in ("event_id", "user_id", "product_id"))


def test_a_bot_is_active_long_before_the_last_eight_weeks(small: Source, tiny: Source) -> None:
    events = small.raw["events"]
    [bot] = bots(events, events.user_id.value_counts())
    theirs = events[(events.user_id == bot) & events.event_id.str.startswith("bot")]
    assert theirs.event_ts.max() < END - pd.Timedelta(weeks=8)
    assert len(theirs) > 10_000
    assert bots(tiny.raw["events"], tiny.raw["events"].user_id.value_counts()) == []


@pytest.mark.parametrize("world", ["tiny", "small", "flat"])
@pytest.mark.parametrize("table", ["users", "vehicles", "ownership", "products", "fitment", "events"])
def test_less_than_four_percent_is_quarantined(world: str, table: str, request: pytest.FixtureRequest) -> None:
    source: Source = request.getfixturevalue(world)
    distinct = source.raw[table].drop_duplicates()
    quarantined = len(distinct) - len(getattr(source, table))
    assert 0 < quarantined < 0.04 * len(distinct)


def test_what_the_contract_leaves_is_exactly_what_was_true(small: Source) -> None:
    summary = existing(small.folder)
    assert summary is not None
    for table, faults in summary.faults.items():
        assert len(getattr(small, table)) == summary.rows[table] - sum(faults.values()), table

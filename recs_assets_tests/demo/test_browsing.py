"""Views and carts around the orders."""

import pandas as pd

from recs_assets_tests.demo.reading import END, Source


def test_most_events_are_views(small: Source) -> None:
    shares = small.events.event_type.value_counts(normalize=True)
    assert shares["view"] > 0.9
    assert shares["cart"] > shares["order"] > 0.005


def test_a_part_is_looked_at_before_it_is_ordered(small: Source) -> None:
    views = small.events[small.events.event_type == "view"].groupby(["user_id", "product_id"]).event_ts.min()
    orders = small.orders.drop_duplicates(["user_id", "product_id"]).set_index(["user_id", "product_id"]).event_ts
    joined = pd.concat([views.rename("viewed"), orders.rename("ordered")], axis=1, join="inner")
    assert len(joined) == len(orders)
    assert (joined.viewed < joined.ordered).all()


def test_some_only_look(small: Source) -> None:
    buyers = small.orders.user_id.nunique()
    active = small.events[small.events.event_ts < END].user_id.nunique()
    assert 0.15 < 1 - buyers / active < 0.35


def test_three_days_of_the_next_week_follow_the_last_complete_one(small: Source) -> None:
    after = small.events[small.events.event_ts >= END]
    assert len(after) > 1_000
    assert (after.event_type == "order").any()
    assert after.event_ts.dt.date.astype(str).unique().tolist() == ["2026-10-05", "2026-10-06", "2026-10-07"]


def test_events_begin_with_the_first_of_60_weeks(small: Source) -> None:
    assert str(small.events.event_ts.min().date()) == "2025-08-11"
    weeks = (END - small.events[small.events.event_ts < END].event_ts).dt.days // 7
    assert weeks.nunique() == 60

"""Users, garages, and who is active."""

import pandas as pd

from recs_assets_tests.demo.reading import END, Source


def test_98_percent_have_no_events(small: Source) -> None:
    active = small.events[small.events.event_ts < END].user_id.nunique()
    assert 0.975 < 1 - active / len(small.users) < 0.985


def test_97_percent_own_a_vehicle_and_85_percent_of_them_one(small: Source) -> None:
    garage = small.ownership.groupby("user_id").size()
    assert 0.96 < len(garage) / len(small.users) < 0.98
    assert 0.83 < (garage == 1).mean() < 0.88
    assert garage.max() == 3


def test_slots_count_from_one_and_no_vehicle_is_twice_in_a_garage(small: Source) -> None:
    by_user = small.ownership.groupby("user_id").slot
    assert (by_user.min() == 1).all()
    assert (by_user.max() == by_user.size()).all()
    assert not small.ownership.duplicated(["user_id", "vehicle_id"]).any()


def test_some_users_do_not_want_mail(small: Source) -> None:
    assert 0.03 < 1 - small.users.email_consent.mean() < 0.05
    assert small.users.email.eq(small.users.user_id + "@example.com").all()


def test_18_percent_of_buyers_order_again(small: Source) -> None:
    days = small.orders.groupby("user_id").event_ts.agg(lambda at: at.dt.date.nunique())
    assert 0.15 < (days >= 2).mean() < 0.21


def test_nobody_acts_before_registering(small: Source) -> None:
    first = small.events.groupby("user_id").event_ts.min()
    created = small.users.set_index("user_id").created_at.reindex(first.index)
    assert (created <= first).all()


def test_the_evaluated_weeks_have_buyers_old_and_new(small: Source) -> None:
    first = small.events.groupby("user_id").event_ts.min()
    known = set(small.eligible.product_id)
    evaluated = cold = 0
    for week in pd.date_range(END - pd.Timedelta(weeks=4), periods=4, freq="7D"):
        bought = small.orders[(small.orders.event_ts >= week) & (small.orders.event_ts < week + pd.Timedelta(weeks=1))]
        users = bought[bought.product_id.isin(known)].user_id.unique()
        evaluated += len(users)
        cold += int((first[users] >= week).sum())
    assert evaluated >= 300
    assert 60 <= cold <= 160

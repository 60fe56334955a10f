"""What is bought: universal or fitting, new or again, by whom."""

import pandas as pd

from recs_assets_tests.demo.reading import END, EXCLUDED_TYPES, Source


def test_65_percent_of_purchases_are_universal_parts(small: Source) -> None:
    assert 0.62 < small.orders.is_universal.mean() < 0.68


def test_what_is_bought_fits_the_garage_or_is_universal(small: Source) -> None:
    fitting = small.orders[~small.orders.is_universal]
    garages = small.ownership[small.ownership.user_id.isin(fitting.user_id)]
    fits = garages.merge(small.fitment, on="vehicle_id")[["user_id", "product_id"]].drop_duplicates()
    assert len(fitting) > 1_000
    assert len(fitting.merge(fits, on=["user_id", "product_id"])) == len(fitting)


def test_only_consumables_are_bought_again(small: Source) -> None:
    again = small.orders[small.orders.duplicated(["user_id", "product_id"])]
    assert len(again) > 20
    assert set(again.part_type) <= EXCLUDED_TYPES


def test_an_order_has_one_buyer_and_one_moment(small: Source) -> None:
    orders = small.orders.groupby("order_id")
    assert (orders.user_id.nunique() == 1).all()
    assert (orders.event_ts.nunique() == 1).all()
    assert (orders.size() > 1).mean() > 0.3
    assert small.events[small.events.event_type != "order"].order_id.isna().all()


def test_a_third_of_the_purchases_are_new_to_the_segment(small: Source) -> None:
    garages = small.ownership.merge(small.vehicles, on="vehicle_id")[["user_id", "make", "model"]].drop_duplicates()
    first = small.orders.sort_values("event_ts").drop_duplicates(["user_id", "product_id"])
    bought = first[["user_id", "product_id", "event_ts"]].merge(garages, on="user_id")
    new = total = 0
    for week in pd.date_range(END - pd.Timedelta(weeks=4), periods=4, freq="7D"):
        known = bought[bought.event_ts < week][["make", "model", "product_id"]].drop_duplicates().assign(known=True)
        rows = bought[(bought.event_ts >= week) & (bought.event_ts < week + pd.Timedelta(weeks=1))]
        seen = rows.merge(known, how="left", on=["make", "model", "product_id"])
        per_purchase = seen.groupby(["user_id", "product_id"]).known.any()
        new += int((~per_purchase).sum())
        total += len(per_purchase)
    assert 0.33 < new / total < 0.41

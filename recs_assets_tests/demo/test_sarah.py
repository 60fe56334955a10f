"""Sarah's facts, and the companion pair behind them."""

import numpy as np
import pandas as pd
import pytest

from recs_assets.demo import sarah
from recs_assets.demo.catalogue import MIN_PRICE
from recs_assets.settings_file import load
from recs_assets_tests.demo.reading import END, Source

HOLLEY, MSD = "HOLLEY-0-80508S", "MSD-8529"


def candidates(source: Source) -> pd.DataFrame:
    """Eligible parts that fit a 1967 Ford Mustang or are universal, except the carburetor that Sarah has."""
    fits = source.fitment[source.fitment.vehicle_id == "1967-FORD-MUSTANG"].product_id
    parts = source.eligible[source.eligible.is_universal | source.eligible.product_id.isin(fits)]
    return parts[parts.product_id != HOLLEY].set_index("product_id")


def test_sarah_owns_a_1967_mustang_and_nothing_else(small: Source) -> None:
    garage = small.ownership[small.ownership.user_id == "sarah"]
    assert garage[["vehicle_id", "slot"]].to_numpy().tolist() == [["1967-FORD-MUSTANG", 1]]
    assert small.users.set_index("user_id").email["sarah"] == "sarah@example.com"


def test_sarah_ordered_the_carburetor_last_month_and_nothing_else(small: Source) -> None:
    events = small.events[small.events.user_id == "sarah"]
    order = events[events.event_type == "order"]
    assert set(events.product_id) == {HOLLEY}
    assert order.event_ts.dt.date.astype(str).tolist() == ["2026-09-09"]
    assert not small.events[small.events.user_id != "sarah"].order_id.isin(order.order_id).any()


def test_the_pair_is_what_the_story_says(small: Source) -> None:
    parts = small.products.set_index("product_id")
    assert parts.loc[HOLLEY, ["brand", "part_type"]].tolist() == ["Holley", "Carburetors"]
    assert parts.loc[MSD, ["brand", "part_type"]].tolist() == ["MSD", "Distributors"]
    assert parts.loc[HOLLEY, "title"].startswith("Holley 0-80508S")
    assert parts.loc[MSD, "title"].startswith("MSD 8529")
    assert MSD in candidates(small).index


def test_the_companion_is_about_15th_by_orders_of_the_last_year(small: Source) -> None:
    recent = small.orders[small.orders.event_ts >= END - pd.Timedelta(days=365)]
    orders = recent.product_id.value_counts().reindex(candidates(small).index, fill_value=0)
    assert 1 + (orders > orders[MSD]).sum() >= 11
    assert (orders >= orders[MSD]).sum() <= 25


def test_the_companion_is_about_15th_in_the_segment_ranking(small: Source) -> None:
    recent = small.orders[small.orders.event_ts >= END - pd.Timedelta(days=365)]
    garages = small.ownership.merge(small.vehicles, on="vehicle_id")
    fords = set(garages[garages.make == "Ford"].user_id)
    mustangs = set(garages[(garages.make == "Ford") & (garages.model == "Mustang")].user_id)

    def count(users: set[str] | None) -> pd.Series:
        rows = recent if users is None else recent[recent.user_id.isin(users)]
        return rows.product_id.value_counts().reindex(candidates(small).index, fill_value=0)

    by_model, by_make, by_all = count(mustangs), count(fords), count(None)
    lower = np.where(by_make >= 20, 8 * np.log1p(by_make), 2 * np.log1p(by_all))
    score = pd.Series(np.where(by_model >= 5, 10 * np.log1p(by_model), lower), index=by_all.index)
    assert 1 + (score > score[MSD]).sum() >= 11
    assert (score >= score[MSD]).sum() <= 25


def test_many_buyers_of_the_carburetor_bought_the_distributor_within_30_days(small: Source) -> None:
    bought = small.orders.pivot_table(index="user_id", columns="product_id", values="event_ts", aggfunc="min")
    wait = bought[MSD] - bought[HOLLEY]
    both = wait.between(pd.Timedelta(0), pd.Timedelta(days=30)).sum()
    assert both >= 15
    assert both / bought[HOLLEY].notna().sum() > 0.5


def test_their_buyers_can_use_them(small: Source) -> None:
    fitting = set(small.fitment[small.fitment.product_id == MSD].vehicle_id)
    owners = set(small.ownership[small.ownership.vehicle_id.isin(fitting)].user_id)
    assert set(small.orders[small.orders.product_id.isin([MSD, HOLLEY])].user_id) <= owners


def test_without_signal_the_pair_is_two_parts_like_others(flat: Source) -> None:
    buyers = {part: set(flat.orders[flat.orders.product_id == part].user_id) for part in (HOLLEY, MSD)}
    assert "sarah" in buyers[HOLLEY]
    assert len(buyers[MSD]) < 10
    assert len(buyers[HOLLEY] & buyers[MSD]) <= 1


def test_the_planted_rank_follows_the_rules_of_the_packaged_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECS_SETTINGS", raising=False)
    settings = load()
    assert (settings.sql.model_min_orders, settings.sql.model_weight) == (sarah.MODEL_MINIMUM, sarah.MODEL_WEIGHT)
    assert (settings.sql.make_min_orders, settings.sql.make_weight) == (sarah.MAKE_MINIMUM, sarah.MAKE_WEIGHT)
    assert settings.rules.min_price == MIN_PRICE

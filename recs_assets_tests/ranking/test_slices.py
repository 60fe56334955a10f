"""Thirds of users and of parts, and the means within each, on a few rows."""

import numpy as np
import pandas as pd
import pytest

from recs_assets.ranking.slices import by_price_band, by_vehicle_density, price_bands, vehicle_densities

COLUMNS = ["slice", "group", "system", "k", "metric", "value", "users"]


def test_vehicle_density_is_in_thirds_of_the_users_who_have_a_vehicle():
    # Of 1, 2, 2, 3, 9 and 9 owners the terciles are 2 (a third of the way from the first to the last) and 5.
    densities = vehicle_densities(np.array([0, 1, 2, 2, 3, 9, 9]))
    assert densities.tolist() == ["none", "rare", "usual", "usual", "usual", "common", "common"]
    assert vehicle_densities(np.array([4, 4, 0])).tolist() == ["usual", "usual", "none"]
    assert vehicle_densities(np.array([0, 0])).tolist() == ["none", "none"]


def test_price_bands_are_thirds_of_the_eligible_parts():
    prices = np.array([1.0, 60, 70, 80, 90, 5000])
    eligible = np.array([False, True, True, True, True, False])
    assert price_bands(prices, eligible).tolist() == ["low", "low", "middle", "middle", "high", "high"]


def test_means_by_vehicle_density_count_people_once():
    per_user = pd.DataFrame(
        {
            "system": ["sql", "sql", "sql", "blend", "blend", "blend"],
            "week": ["w1", "w2", "w1"] * 2,
            "user_id": ["ann", "ann", "bob"] * 2,
            "stratum": "warm",
            "recall_at_4": [0.0, 1.0, 0.5, 1.0, 1.0, 0.0],
            "vehicle_density": ["rare", "rare", "none"] * 2,
        }
    )
    assert by_vehicle_density(per_user).to_numpy().tolist() == [
        ["vehicle_density", "rare", "sql", 4, "recall", 0.5, 1],
        ["vehicle_density", "none", "sql", 4, "recall", 0.5, 1],
        ["vehicle_density", "rare", "blend", 4, "recall", 1.0, 1],
        ["vehicle_density", "none", "blend", 4, "recall", 0.0, 1],
    ]


def test_by_price_band_only_that_band_is_looked_for():
    # ann has 0 (low) and 1 (high) held out and is shown 1; bob has 2 (low) held out and is shown it second.
    ranked = pd.DataFrame({"profile": [0, 1, 1], "product": [1, 3, 2], "rank": [1, 1, 2]})
    held_out = pd.DataFrame({"profile": [0, 0, 1], "product": [0, 1, 2]})
    profiles = pd.DataFrame({"user_id": ["ann", "bob"]})
    bands = np.array(["low", "high", "low", "middle"])
    means = by_price_band({"sql": ranked}, held_out, profiles, [2], bands).set_index(["group", "metric"])
    assert means.loc[("low", "recall"), ["value", "users"]].tolist() == [0.5, 2]
    assert means.loc[("low", "mrr"), "value"] == pytest.approx((0 + 1 / 2) / 2)
    assert means.loc[("high", "recall"), ["value", "users"]].tolist() == [1.0, 1]
    assert set(means["slice"]) == {"price_band"}
    assert "middle" not in means.index.get_level_values("group")


def test_nothing_held_out_leaves_the_columns():
    nothing = pd.DataFrame({"profile": [], "product": []}, dtype=np.int64)
    ranked = pd.DataFrame({"profile": [0], "product": [1], "rank": [1]})
    by_price = by_price_band({"sql": ranked}, nothing, pd.DataFrame({"user_id": ["ann"]}), [2], np.array(["low", "low"]))
    by_density = by_vehicle_density(pd.DataFrame(columns=["system", "user_id", "recall_at_2", "vehicle_density"]))
    for table in (by_price, by_density):
        assert (table.columns.tolist(), len(table)) == (COLUMNS, 0)

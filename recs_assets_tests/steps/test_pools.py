"""Weeks put together: profiles are numbered through, and a system that began late has lists in its own weeks alone."""

import pandas as pd

from recs_assets.steps.pools import Pool, joined


def _week(week: str, people: list[str], **lists: list[int]) -> Pool:
    frames = {name: pd.DataFrame({"profile": profiles, "product": 7}) for name, profiles in lists.items()}
    profiles = pd.DataFrame({"user_id": people, "week": week, "stratum": "cold", "vehicle_density": "none"})
    held_out = pd.DataFrame({"profile": range(len(people)), "product": 8})
    return Pool(frames, {"order": held_out}, profiles, pd.DataFrame({"reason": ["fits"] * len(people)}))


def test_profiles_are_numbered_through_the_weeks() -> None:
    pool = joined([_week("a", ["ann", "bob"], sql=[0, 1]), _week("b", ["bob"], sql=[0], kept=[0])])
    assert pool.profiles["user_id"].tolist() == ["ann", "bob", "bob"]
    assert pool.lists["sql"]["profile"].tolist() == [0, 1, 2]
    assert pool.lists["kept"]["profile"].tolist() == [2]
    assert pool.held_out["order"]["profile"].tolist() == [0, 1, 2]
    assert len(pool.reasons) == 3


def test_of_some_weeks_others_have_nothing_held_out_and_keep_their_numbers() -> None:
    pool = joined([_week("a", ["ann", "bob"], sql=[0, 1]), _week("b", ["bob"], sql=[0])]).of_weeks(lambda week: week == "b")
    assert pool.held_out["order"]["profile"].tolist() == [2]
    assert pool.profiles.index.tolist() == [2]
    assert len(pool.lists["sql"]) == 3

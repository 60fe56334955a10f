"""What the truth says must be seen in the tables."""

import json

import numpy as np
import pandas as pd
import pytest

from recs_assets.demo.part_types import PROJECTS
from recs_assets_tests.demo.reading import END, Source


def followed_share(source: Source, pairs: pd.DataFrame) -> float:
    """Share of the purchases of a pair's first part whose buyer buys the companion within the 30 days after."""
    bought = source.orders[["user_id", "product_id", "event_ts"]]
    carried = pairs.merge(bought, on="product_id")
    companions = bought.rename(columns={"product_id": "companion_id", "event_ts": "followed_ts"})
    joined = carried.merge(companions, on=["user_id", "companion_id"])
    near = (joined.followed_ts - joined.event_ts).between(pd.Timedelta(0), pd.Timedelta(days=30))
    return float(near.sum() / len(carried))


def test_companions_are_bought_within_30_days_and_strangers_are_not(small: Source) -> None:
    pairs = pd.read_parquet(small.folder / "truth" / "companions.parquet")
    strangers = pairs.assign(companion_id=np.roll(pairs.companion_id, 1))
    assert len(pairs) == 41
    assert not pd.concat([pairs.product_id, pairs.companion_id]).duplicated().any()
    assert followed_share(small, pairs) > 0.3
    assert followed_share(small, strangers) < 0.05


def test_without_signal_there_is_nothing_hidden(small: Source, flat: Source) -> None:
    pairs = pd.read_parquet(small.folder / "truth" / "companions.parquet")
    assert followed_share(flat, pairs) < 0.05
    assert len(pd.read_parquet(flat.folder / "truth" / "companions.parquet")) == 0
    assert len(pd.read_parquet(flat.folder / "truth" / "user_projects.parquet")) == 0


def own_project_share(source: Source, projects: pd.DataFrame) -> float:
    """Share of the order lines, of types that one project alone has, that belong to a project of their buyer."""
    types = pd.DataFrame([(name, part_type) for name, types in PROJECTS for part_type in types], columns=["project", "part_type"])
    types = types[~types.duplicated("part_type", keep=False)]
    lines = source.orders.merge(types, on="part_type")
    own = set(zip(projects.user_id, projects.project, strict=True))
    return pd.Series([pair in own for pair in zip(lines.user_id, lines.project, strict=True)]).mean()


def test_people_buy_for_their_projects_whatever_they_drive(small: Source, flat: Source) -> None:
    projects = pd.read_parquet(small.folder / "truth" / "user_projects.parquet")
    assert set(projects.project) <= {name for name, _ in PROJECTS}
    assert own_project_share(small, projects) > 0.6
    assert own_project_share(flat, projects) < 0.35
    models = small.ownership.merge(small.vehicles, on="vehicle_id").merge(projects, on="user_id")
    assert models.groupby("project").model.nunique().min() >= 5


@pytest.mark.parametrize("world", ["tiny", "small", "flat"])
def test_the_ceiling_is_what_the_rules_leave_of_new_purchases(world: str, request: pytest.FixtureRequest) -> None:
    source: Source = request.getfixturevalue(world)
    ceiling = json.loads((source.folder / "truth" / "ceiling.json").read_text())
    first = source.orders.sort_values("event_ts").drop_duplicates(["user_id", "product_id"])
    recent = first[(first.event_ts >= END - pd.Timedelta(weeks=4)) & (first.user_id != "sarah")]
    reachable = recent.product_id.isin(source.eligible.product_id)
    assert ceiling["new_purchases"] == len(recent)
    assert ceiling["reachable"] == reachable.sum()
    assert ceiling["ceiling"] == pytest.approx(reachable.mean(), abs=1e-6)
    assert 0.5 < ceiling["ceiling"] < 0.9


def test_popularity_is_given_for_the_last_weeks_and_nothing_is_popular_before_it_exists(small: Source) -> None:
    popularity = pd.read_parquet(small.folder / "truth" / "part_popularity.parquet").merge(small.products, on="product_id")
    assert popularity.week.dt.date.astype(str).drop_duplicates().tolist() == [
        "2026-09-07", "2026-09-14", "2026-09-21", "2026-09-28", "2026-10-05",
    ]  # fmt: skip
    unborn = popularity[popularity.created_at > popularity.week]
    assert len(unborn) > 0
    assert (unborn.weight == 0).all()

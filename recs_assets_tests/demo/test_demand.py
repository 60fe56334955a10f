"""Popularity: skewed, drifting with signal, fixed without; and drawing from it."""

import numpy as np
import pandas as pd
import pytest

from recs_assets.demo.demand import Demand
from recs_assets_tests.demo.reading import END, Source


def by_quarter(source: Source) -> tuple[pd.Series, pd.Series]:
    """Views of universal parts that were sold all the time, in the last 13 weeks and in the 13 before."""
    old = source.products[source.products.is_universal & (source.products.created_at < END - pd.Timedelta(weeks=60))]
    views = source.events[(source.events.event_type == "view") & source.events.product_id.isin(old.product_id)]
    age = (END - views.event_ts).dt.days // 91
    late, early = (views[age == quarter].product_id.value_counts().reindex(old.product_id, fill_value=0) for quarter in (0, 1))
    return late, early


@pytest.mark.long
def test_popularity_drifts_with_signal_and_stands_still_without(small: Source, flat: Source) -> None:
    drifting, still = (np.corrcoef(np.sqrt(late), np.sqrt(early))[0, 1] for late, early in map(by_quarter, (small, flat)))
    assert drifting < 0.6
    assert still > 0.85


@pytest.mark.parametrize("world", ["small", "flat"])
def test_popularity_is_skewed(world: str, request: pytest.FixtureRequest) -> None:
    orders = request.getfixturevalue(world).orders
    universal = orders[orders.is_universal].product_id.value_counts(normalize=True)
    assert 0.25 < universal.head(30).sum() < 0.9


def test_without_signal_owners_of_different_models_buy_alike(small: Source, flat: Source) -> None:
    def likeness(source: Source) -> float:
        """Mean correlation of what owners of the ten commonest models view of the universal parts."""
        garages = source.ownership[source.ownership.slot == 1].merge(source.vehicles, on="vehicle_id")
        views = source.events[source.events.event_type == "view"].merge(
            source.products[source.products.is_universal], on="product_id"
        )
        table = views.merge(garages, on="user_id").pivot_table(
            index="product_id", columns="model", values="event_id", aggfunc="count", fill_value=0
        )
        top = table[table.sum().nlargest(10).index]
        correlation = np.corrcoef(np.sqrt(top.to_numpy().T))
        return float(correlation[np.triu_indices(10, 1)].mean())

    assert likeness(flat) > likeness(small) + 0.2


def worked_example() -> Demand:
    """Two shelves of two projects. Shelf 0: parts 0 and 1 of project 0; shelf 1: part 2 of project 1, and nothing else."""
    return Demand(
        part=np.array([0, 1, 2]),
        taste=np.ones(3),
        starts=np.array([0, 2, 2, 2, 3]),
        n_projects=2,
        popularity=np.array([[3.0, 1.0, 5.0], [0.0, 0.0, 5.0]]),
        launch=np.full(3, -1),
        preferences=np.full((1, 2), 0.5),
    )


@pytest.mark.parametrize(
    ("week", "shelf", "project", "uniform", "part"),
    [
        (0, 0, 0, 0.0, 0),
        (0, 0, 0, 0.74, 0),
        (0, 0, 0, 0.76, 1),  # part 0 holds three quarters of the shelf
        (0, 0, -1, 0.999, 1),
        (0, 0, 1, 0.5, 0),  # nothing for that project: from the whole shelf
        (0, 1, 1, 0.999, 2),
        (1, 0, 0, 0.5, -1),  # nothing on the shelf is sold in that week
    ],
)
def test_a_draw_by_hand(week: int, shelf: int, project: int, uniform: float, part: int) -> None:
    demand = worked_example()
    drawn = demand.draw(demand.cumulative(week), np.array([shelf]), np.array([project]), np.array([uniform]))
    assert drawn.tolist() == [part]


def test_the_universal_share_by_hand() -> None:
    demand = worked_example()
    share = demand.universal_share(demand.cumulative(0), np.array([0]), np.array([1]))
    assert share.tolist() == [5 / 9]

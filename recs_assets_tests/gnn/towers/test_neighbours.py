"""The neighbours among five users, worked out by hand."""

import math

import numpy as np
import pytest
import torch
from scipy import sparse

from recs_assets.gnn.towers.neighbours import heaviest, tower_inputs
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import PRODUCTS, USERS, VEHICLES, past_of, world

SETTINGS = five_users.settings(towers={"half_life_days": 20})


def test_the_heaviest_neighbours_stand_first_and_ties_go_to_the_smaller_one() -> None:
    matrix = sparse.csr_array(np.array([[0.0, 2.0, 5.0, 2.0], [0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]))
    neighbours = heaviest(matrix, 2)
    assert neighbours.edges.target.tolist() == [0, 0, 2]
    assert neighbours.edges.index.tolist() == [2, 1, 0]
    assert neighbours.edges.starts.tolist() == [0, 2, 2, 3]
    assert neighbours.log_weight.tolist() == pytest.approx([math.log(6), math.log(3), math.log(2)])


def _named(name: str, targets: tuple[str, ...], sources: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Each target's neighbours with their edge weights."""
    relation = tower_inputs(past_of(world()), np.arange(5), SETTINGS).relations[name]
    ends = (relation.edges.target.tolist(), relation.edges.index.tolist(), relation.log_weight.tolist())
    neighbours: dict[str, dict[str, float]] = {}
    for target, source, log_weight in zip(*ends, strict=True):
        neighbours.setdefault(targets[target], {})[sources[source]] = math.expm1(log_weight)
    return neighbours


def test_history_weighs_type_frequency_and_age() -> None:
    # Half-life 20 days: u1 viewed p1 20 days ago (1/2), ordered p2 then (3/2), viewed it 40 days ago (1/4).
    history = _named("history", USERS, PRODUCTS)
    assert history["u1"] == pytest.approx({"p2": 1.75, "p1": 0.5}, rel=1e-5)
    assert history["u2"] == pytest.approx({"p2": 1.5, "p3": 0.75}, rel=1e-5)
    assert set(history) == {"u1", "u2", "u3"}


def test_the_audience_is_the_history_turned_round() -> None:
    assert _named("audience", PRODUCTS, USERS)["p2"] == pytest.approx({"u1": 1.75, "u2": 1.5}, rel=1e-5)


def test_owners_attend_to_vehicles_and_fitting_parts_to_those_that_many_own() -> None:
    assert _named("garage", USERS, VEHICLES)["u1"] == pytest.approx({"v1": 1.0, "v2": 1.0}, rel=1e-5)
    # v1 belongs to u1 and u4, v2 to u1 and u2; p2 fits both.
    assert _named("fitted_vehicles", PRODUCTS, VEHICLES)["p2"] == pytest.approx({"v1": 2.0, "v2": 2.0}, rel=1e-5)


def test_parts_bought_together_attend_to_each_other() -> None:
    # The pair's week ended 14 days before, two people: 2 x 2 ^ (-14 / 20).
    expected = 2 * 2 ** (-14 / 20)
    bought_with = _named("bought_with", PRODUCTS, PRODUCTS)
    assert bought_with == {"p2": pytest.approx({"p3": expected}, rel=1e-5), "p3": pytest.approx({"p2": expected}, rel=1e-5)}


def test_without_decay_age_does_not_matter() -> None:
    timeless = five_users.settings(towers={"half_life_days": None})
    bought_with = tower_inputs(past_of(world()), np.arange(5), timeless).relations["bought_with"]
    assert bought_with.log_weight.tolist() == pytest.approx([math.log(3)] * 2)


def test_only_users_asked_for_or_with_a_history_are_among_the_neighbours() -> None:
    inputs = tower_inputs(past_of(world()), np.array([4]), SETTINGS)
    assert inputs.users.tolist() == [0, 1, 2, 4]
    assert inputs.rows_of(np.array([4, 0])).tolist() == [3, 0]
    assert inputs.user_state.shape == (4, 3)


def test_features_of_parts_are_centred() -> None:
    features = tower_inputs(past_of(world()), np.arange(5), SETTINGS).product_features
    torch.testing.assert_close(features.mean(dim=0), torch.zeros(6), atol=1e-6, rtol=0)

"""Towers: nothing before training, whole gradients, odd stores, hidden ids, and the same on another device or in bfloat16."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy import sparse

from recs_assets.gnn.towers.neighbours import Neighbours, heaviest, tower_inputs
from recs_assets.gnn.towers.training import slate_loss
from recs_assets.gnn.towers.two_towers import TwoTowers
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.towers.one_example import tower_example, tower_settings


@pytest.mark.parametrize("encoder", ["gat", "mean"])
@pytest.mark.parametrize("hops", [1, 2])
def test_before_training_the_towers_add_nothing(encoder: str, hops: int) -> None:
    settings = tower_settings(encoder=encoder, hops=hops)
    users, products = TwoTowers(settings.towers)(tower_example(settings).inputs)
    assert (users.shape, products.shape) == ((4, 8), (5, 8))
    assert not (users @ products.T).any()


@pytest.mark.parametrize("encoder", ["gat", "mean"])
def test_the_gradient_reaches_every_weight_of_two_hops(encoder: str) -> None:
    settings = tower_settings(encoder=encoder, hops=2)
    towers = TwoTowers(settings.towers)
    torch.nn.init.eye_(towers.user_out.weight)
    users, products = towers(tower_example(settings).inputs)
    torch.autograd.backward((users @ products.T).square().sum())
    assert [name for name, weight in towers.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize("encoder", ["gat", "mean"])
def test_a_store_without_vehicles_has_vectors_too(encoder: str) -> None:
    settings = tower_settings(encoder=encoder, hops=2)
    inputs = tower_example(settings).inputs
    nobody = heaviest(sparse.csr_array((0, 4)), 50)
    no_edges = {name: _without_edges(inputs.relations[name]) for name in ("garage", "fitted_vehicles")}
    relations = {**inputs.relations, **no_edges, "fitting_products": nobody, "owners": nobody}
    alone = dataclasses.replace(inputs, vehicle_tokens=inputs.vehicle_tokens[:0], relations=relations)
    users, products = TwoTowers(settings.towers)(alone)
    assert (users.shape, products.shape) == ((4, 8), (5, 8))
    assert torch.isfinite(products).all()


@pytest.mark.parametrize("hops", [1, 2])
def test_who_is_asked_for_gets_the_vector_that_everybody_asked_together_has(hops: int) -> None:
    settings, past = tower_settings(hops=hops), five_users.past_of(five_users.world())
    towers = TwoTowers(settings.towers)
    torch.nn.init.eye_(towers.user_out.weight)
    some, everybody = (tower_inputs(past, users, settings) for users in (np.array([4, 0]), np.arange(5)))
    of_some, of_everybody = towers(some)[0][some.rows_of(np.array([4, 0]))], towers(everybody)[0]
    torch.testing.assert_close(of_some, of_everybody[[4, 0]])
    assert not torch.allclose(of_everybody[4], of_everybody[0])


def _without_edges(neighbours: Neighbours) -> Neighbours:
    edges = neighbours.edges
    return heaviest(sparse.csr_array((len(edges.starts) - 1, edges.n_sources)), 50)


def test_a_hidden_id_changes_its_part_and_those_alike_get_one_vector() -> None:
    settings = tower_settings()
    inputs = tower_example(settings).inputs
    # p1 and p2 are both Brakes; without ids, brands, edges and features nothing else tells them apart.
    alone = dataclasses.replace(
        inputs,
        product_features=torch.zeros_like(inputs.product_features),
        product_tokens=inputs.product_tokens[:, :2],
        relations={name: _without_edges(neighbours) for name, neighbours in inputs.relations.items()},
    )
    towers = TwoTowers(settings.towers)
    _, shown = towers(alone)
    _, hidden = towers(alone, torch.ones(5, dtype=torch.bool))
    assert not torch.equal(shown[0], shown[1])
    torch.testing.assert_close(hidden[0], hidden[1])


@pytest.mark.parametrize("encoder", ["gat", "mean"])
@pytest.mark.parametrize("loss", ["softmax", "bce"])
def test_nothing_of_a_step_stays_behind_on_another_device(encoder: str, loss: str) -> None:
    # torch refuses to mix the meta device with the CPU, as it refuses to mix the CPU with a GPU.
    settings = tower_settings(encoder=encoder, loss=loss, hops=2)
    here = tower_example(settings)
    there = dataclasses.replace(here, inputs=here.inputs.to("meta"))
    towers = TwoTowers(settings.towers).to("meta")
    users, products = towers(there.inputs, torch.ones(5, dtype=torch.bool, device="meta"))
    torch.autograd.backward(slate_loss(there, here.sampler.slates(np.random.default_rng(1)), users, products, loss))
    assert {weight.grad.device.type for weight in towers.parameters() if weight.grad is not None} == {"meta"}


@pytest.mark.parametrize("encoder", ["gat", "mean"])
def test_bfloat16_gives_nearly_the_same_vectors_in_full_precision(encoder: str) -> None:
    settings = tower_settings(encoder=encoder, hops=2)
    inputs = tower_example(settings).inputs
    towers = TwoTowers(settings.towers)
    torch.nn.init.eye_(towers.user_out.weight)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = towers(inputs)
    for vectors, exact in zip(mixed, towers(inputs), strict=True):
        assert vectors.dtype == torch.float32
        assert not torch.equal(vectors, exact)
        torch.testing.assert_close(vectors, exact, rtol=0.05, atol=0.05)

"""Fitting the channels: the same weights twice, a planted truth found, faults told."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.nn import functional

from recs_assets.gnn.channels.evidence import feature_names
from recs_assets.gnn.channels.examples import Example
from recs_assets.gnn.channels.popularity import POPULARITY
from recs_assets.gnn.channels.training import Fit, NoTrainingDataError, _Lookup, fit
from recs_assets.gnn.spilled import spilled
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.planted import planted

SETTINGS = five_users.settings()
NAMES = feature_names(SETTINGS.model)


def _planted(seed: int, n_users: int = 40, n_candidates: int = 12) -> Example:
    """People whose only target is the part that stands out in brand."""
    generator = np.random.default_rng(seed)
    features = generator.random((n_users, n_candidates, len(NAMES)), dtype=np.float32)
    chosen = features[:, :, NAMES.index("brand")].argmax(axis=1)
    targets = np.zeros((n_users, n_candidates), dtype=np.float32)
    targets[np.arange(n_users), chosen] = 1.0
    return planted(features, targets, generator.random((n_users, 3), dtype=np.float32), moment=seed)


def _fit(seed: int = 1, **model: float) -> Fit:
    return fit([_planted(1), _planted(2), _planted(3)], five_users.settings(model={"seed": seed, **model}))


def _values(fitted: Fit) -> list[float]:
    return torch.cat([values.flatten() for values in fitted.model.state_dict().values()]).tolist()


def test_the_same_examples_and_settings_give_the_same_weights_to_the_bit() -> None:
    first, second = _fit(), _fit()
    assert first.losses == second.losses
    assert _values(first) == _values(second)


def test_a_fit_on_features_in_a_file_gives_the_same_weights_to_the_bit(tmp_path: Path) -> None:
    in_files = [
        replace(example, features=spilled(example.features, tmp_path)) for example in (_planted(1), _planted(2), _planted(3))
    ]
    assert _values(fit(in_files, SETTINGS)) == _values(fit([_planted(1), _planted(2), _planted(3)], SETTINGS))


def test_another_seed_gives_other_weights() -> None:
    assert _values(_fit(seed=1)) != _values(_fit(seed=2))


def test_the_loss_falls_and_the_channel_that_decides_becomes_the_loudest() -> None:
    fitted = _fit()
    assert len(fitted.losses) == SETTINGS.model.steps
    assert np.mean(fitted.losses[-3:]) < 0.8 * np.mean(fitted.losses[:3])
    weights = fitted.model.named_weights()
    assert max(NAMES, key=lambda name: weights[name]) == "brand"
    assert not fitted.model.training


def test_the_floor_rises_where_parts_that_nobody_touched_are_taken_as_often() -> None:
    blank = _planted(1)
    popularity = blank.popularity.copy()
    popularity[::2, 0] = 2.0  # every other part has been touched lately, and all are taken alike
    targets = (blank.candidates.indices == np.arange(40).repeat(12) % 12).astype(np.float32)
    example = replace(blank, features=np.zeros_like(blank.features), popularity=popularity, targets=targets)
    learned = fit([example], SETTINGS).model.named_floors()
    assert learned["floor_of_popularity_fast"] > 0.025
    assert learned["floor_of_popularity_slow"] == pytest.approx(0.02, rel=0.2)


def _two_kinds(n_users: int) -> Example:
    """People who may take one of two parts: newcomers take the one with evidence of its brand, the others the other one."""
    features = np.zeros((n_users, 2, len(NAMES)), dtype=np.float32)
    features[:, 0, NAMES.index("brand")] = 3.0
    is_newcomer = np.arange(n_users) % 2 == 0
    return Example(
        moment=0,
        users=np.arange(n_users),
        candidates=sparse.csr_array(np.ones((n_users, 2), dtype=bool)),
        features=features.reshape(-1, len(NAMES)),
        popularity=np.zeros((2, len(POPULARITY)), dtype=np.float32),
        targets=np.stack([is_newcomer, ~is_newcomer], axis=1).astype(np.float32).ravel(),
        log_q=np.zeros(2 * n_users, dtype=np.float32),
        state=np.where(is_newcomer[:, None], [0.0, 1.0, 0.0], [2.0, 0.0, 1.0]).astype(np.float32),
    )


@pytest.mark.long
@pytest.mark.parametrize(("n_users", "gate_shrinkage"), [(4, 2.0), (4, 8.0), (40, 8.0)])
def test_the_gate_comes_to_rest_where_purchases_and_its_prior_pull_alike(n_users: int, gate_shrinkage: float) -> None:
    example = _two_kinds(n_users)
    model = fit([example], five_users.settings(model={"gate_shrinkage": gate_shrinkage, "steps": 1500})).model
    brand, state = len(POPULARITY) + NAMES.index("brand"), torch.from_numpy(example.state)
    with torch.no_grad():
        weights, hidden = model.weights(state)[:, brand].double(), model.gate[1](model.gate[0](state)).double()
    # All evidence is the median, ten epsilons: its logarithm is log 11, and a person takes the part with p = 1 / (1 + 11^-w).
    # -log p falls with a weight of the gate by log 11 x (taken - p) x its hidden unit; the prior's surprise rises with it.
    taken = torch.from_numpy(example.targets[::2]).double()
    pull = hidden.T @ (math.log(11) * (taken - 1 / (1 + 11**-weights)))
    last = model.gate[2]
    assert (gate_shrinkage * last.weight[brand]).tolist() == pytest.approx(pull.tolist(), rel=0.02)
    # What all have in common is left to the weights of an average user, which no prior holds.
    assert last.bias[brand].item() == pytest.approx(0, abs=0.01)


def test_few_people_do_not_outvote_the_gates_prior_and_many_do() -> None:
    few, many = (fit([_two_kinds(n_users)], SETTINGS).model.dependence().item() for n_users in (4, 400))
    assert few < 0.1
    assert many > 1


def test_every_snapshot_is_seen_once_an_epoch_in_changing_order() -> None:
    # At no learning to speak of, each snapshot's loss is the same in every epoch, and tells it from the others.
    losses = np.round(_fit(steps=30, learning_rate=1e-9).losses, 5).reshape(10, 3)
    assert {tuple(sorted(epoch)) for epoch in losses.tolist()} == {tuple(sorted(losses[0].tolist()))}
    assert len(set(losses[0])) == 3
    assert len({tuple(epoch) for epoch in losses.tolist()}) > 1


def test_progress_is_told_every_fifty_steps() -> None:
    told: list[str] = []
    fit([_planted(1)], five_users.settings(model={"steps": 120}), report=told.append)
    assert [line.split(":")[0] for line in told] == ["step 50 of 120", "step 100 of 120"]


def test_a_loss_that_is_not_a_number_ends_the_fit() -> None:
    with pytest.raises(FloatingPointError, match=r"loss became (nan|inf): lower model\.learning_rate in the settings"):
        _fit(learning_rate=1e38)


def test_nothing_to_learn_from_is_an_error_of_its_own() -> None:
    with pytest.raises(NoTrainingDataError, match="no user took up anything new in any training week"):
        fit([], SETTINGS)


def test_the_gradient_of_what_is_looked_up_is_that_of_an_embedding_to_the_bit() -> None:
    generator = torch.Generator().manual_seed(1)
    values = torch.rand((7, 3), generator=generator)
    product = torch.randint(0, 6, (20, 50), generator=generator, dtype=torch.int32)
    factors = torch.rand((20, 50, 3), generator=generator)
    gradients = []
    for look_up in (_Lookup.apply, lambda own, rows: functional.embedding(rows, own)):
        own = values.clone().requires_grad_()
        looked_up = look_up(own, product)
        assert torch.equal(looked_up, values[product])
        (looked_up * factors).sum().backward()
        gradients.append(own.grad)
    assert torch.equal(*gradients)
    assert gradients[0].count_nonzero(dim=1).tolist() == [3, 3, 3, 3, 3, 3, 0]

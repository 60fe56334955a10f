"""The model by hand: what it starts as, what a user's state does to it, where evidence bends, and what a file holds."""

import math
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from recs_assets.gnn.channels import gated_model as model
from recs_assets.gnn.channels import optional
from recs_assets.gnn.channels.gated_model import EpsilonEstimator, GatedChannels
from recs_assets.gnn.channels.optional import with_selected
from recs_assets.model_settings import ModelSettings
from recs_assets_tests.gnn import five_users

MODEL = five_users.settings(model={"gate_hidden": 1}).model
COLD, IDLE_A_DAY = [0.0, 1.0, 0.0], [math.log(2), 0.0, math.log(2)]
FIRST = {
    "popularity_fast": 0.7,
    "popularity_middle": 0.6,
    "popularity_slow": -0.5,
    "interest": 0.3,
    "cosine_20d": 0.3,
    "cosine_10d": 0.3,
    "walk": 0.9,
    "part_type": 0.1,
    "brand": 0.1,
    "variant_group": 0.1,
    "garage_fitment": 0.1,
    "garage_usage": 0.1,
    "vehicle": 0.1,
    "vehicle_model": 0.1,
    "vehicle_make": 0.1,
    "owner_types": 0.1,
    "next_types": 0.1,
}

FEATURES = tuple(FIRST)[3:]
N_PATHS = 9


def _new(epsilon: float = 1.0, options: ModelSettings = MODEL) -> GatedChannels:
    return GatedChannels(options, torch.full((N_PATHS,), epsilon))


def _row(**values: float) -> npt.NDArray[np.float32]:
    """One entry's features: 0 but for the channels named."""
    return np.array([values.get(name, 0.0) for name in FEATURES], dtype=np.float32)


def test_a_new_model_has_the_first_weights_by_name() -> None:
    assert _new().named_weights() == pytest.approx(FIRST)


def test_a_new_model_listens_to_nobodys_state() -> None:
    weights = _new().weights(torch.tensor([COLD, IDLE_A_DAY, [9.0, 0.0, 7.0]]))
    np.testing.assert_allclose(weights.detach().numpy(), [list(FIRST.values())] * 3, rtol=1e-6)


def test_a_gate_adds_what_the_state_says_to_the_weights() -> None:
    fitted = _new()
    first, _, last = fitted.gate
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[0.0, 1.0, 0.0]]))  # the hidden unit sees only whether the user is cold
        first.bias.zero_()
        last.weight[0, 0] = 2.0  # and tells the first channel
    weights = fitted.weights(torch.tensor([COLD, IDLE_A_DAY]))
    # 0.7 + 2 tanh(1) = 0.7 + 2 x 0.761594; tanh(0) adds nothing, and no other channel is changed by it.
    assert weights[:, 0].tolist() == pytest.approx([2.223188, 0.7])
    assert weights[:, 1].tolist() == pytest.approx([0.6, 0.6])


def test_a_score_is_the_weighted_sum_of_the_log_evidence() -> None:
    # Two users with two candidates each.
    evidence = np.stack([[_row(walk=2.0), _row(interest=1.0, brand=10.0)], [_row(), _row()]])
    shares = np.zeros((2, 2, 3), dtype=np.float32)
    shares[1, 0] = [0.0, 0.0, 4.0]
    scores = _new()(torch.from_numpy(evidence), torch.from_numpy(shares), torch.tensor([COLD, IDLE_A_DAY]))
    # 0.9 x 2; 0.3 x 1 + 0.1 x 10; -0.5 x 4; nothing.
    np.testing.assert_allclose(scores.detach().numpy(), [[1.8, 1.3], [-2.0, 0.0]], rtol=1e-6)


def test_popularity_is_the_share_of_counts_above_a_floor_that_is_learned_for_each_half_life() -> None:
    fitted = _new()
    # Of two parts one has all events of the fast half-life; of the others there are none.
    inputs = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    # The floor begins at two hundredths of the mean.
    assert fitted.log_shares(inputs)[:, 0].tolist() == pytest.approx([math.log(2.02 / 2.04), math.log(0.02 / 2.04)], rel=1e-5)
    with torch.no_grad():
        fitted.log_floor[0] = math.log(0.5)
    shares = fitted.log_shares(inputs)
    assert shares[:, 0].tolist() == pytest.approx([math.log(2.5 / 3), math.log(0.5 / 3)])
    assert shares[:, 1:].tolist() == pytest.approx(np.full((2, 2), math.log(0.5)))
    named = fitted.named_floors()
    assert named["floor_of_popularity_fast"] == pytest.approx(0.5)
    assert named["floor_of_popularity_slow"] == pytest.approx(0.02)


def test_log_evidence_is_the_popularity_of_the_part_then_what_is_known_of_user_and_part() -> None:
    features = np.stack([_row(walk=0.5, vehicle=2.0), _row(garage_usage=1.0), _row()])
    of_parts = np.array([[-1, -2, -3], [-4, -5, -6]], dtype=np.float32)
    logs = _new(epsilon=0.25).log_evidence(features, of_parts, np.array([1, 0, 0]))
    assert logs.shape == (3, len(FIRST))
    assert logs[:, :3].tolist() == of_parts[[1, 0, 0]].tolist()
    # log(1 + 0.5 / 0.25) = log 3; log(1 + 1 / 0.25) = log 5; logarithms stay.
    np.testing.assert_allclose(
        logs[:, 3:], [_row(walk=math.log(3), vehicle=2.0), _row(garage_usage=math.log(5)), _row()], rtol=1e-6
    )
    assert features[0].tolist() == _row(walk=0.5, vehicle=2.0).tolist()


def test_paths_are_bent_in_place() -> None:
    features = np.stack([_row(walk=0.5, vehicle=2.0)])
    assert _new(epsilon=0.25).bent(features) is features
    np.testing.assert_allclose(features, [_row(walk=math.log(3), vehicle=2.0)], rtol=1e-6)


def test_epsilon_is_a_tenth_of_the_median_of_the_snapshots_medians_over_what_is_not_zero() -> None:
    estimator = EpsilonEstimator(MODEL, [])
    # The walk's non-zero values have medians 3 (of 1, 3, 50), 5 (of 4, 6) and 9; the second snapshot has no brand.
    estimator.add(np.stack([_row(walk=1, brand=2), _row(walk=3), _row(), _row(walk=50, vehicle=7)]))
    estimator.add(np.stack([_row(walk=4), _row(walk=6), _row()]))
    estimator.add(np.stack([_row(walk=9, brand=4, owner_types=8)]))
    epsilons = dict(zip(FEATURES[:N_PATHS], estimator.epsilon().tolist(), strict=True))
    assert epsilons["walk"] == pytest.approx(0.5)
    assert epsilons["brand"] == pytest.approx(0.3)
    assert {name for name, epsilon in epsilons.items() if epsilon == 1.0} == set(epsilons) - {"walk", "brand"}


def test_channels_that_never_speak_are_no_cause_for_a_warning() -> None:
    estimator = EpsilonEstimator(MODEL, [])
    estimator.add(np.stack([_row()]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert estimator.epsilon().tolist() == [1.0] * N_PATHS


def test_what_is_saved_is_loaded_and_holds_tensors_only(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.manual_seed(5)
    fitted = _new(epsilon=0.5)
    with torch.no_grad():
        for parameter in fitted.parameters():
            parameter.add_(torch.randn_like(parameter))
    model.save(fitted, path)
    loaded = model.load(path, MODEL)
    written = torch.load(path, weights_only=True)
    gate = ["gate.0.bias", "gate.0.weight", "gate.2.bias", "gate.2.weight"]
    assert sorted(written["weights"]) == ["base", "epsilon", *gate, "log_floor"]
    for name, values in loaded.state_dict().items():
        assert torch.equal(values, fitted.state_dict()[name])
    assert loaded.named_weights() != pytest.approx(FIRST)
    assert loaded.epsilon.tolist() == [0.5] * N_PATHS


def test_weights_of_a_time_before_a_channel_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    model.save(_new(), path)
    written = torch.load(path, weights_only=True)
    for name in ("owner_types_half_life_days", "owner_types_shrinkage", "next_types_shrinkage"):
        del written["inputs"][name]
    torch.save(written, path)
    with pytest.raises(ValueError, match=r"fitted with other settings: .*model\.next_types_shrinkage was None and is 0\.5"):
        model.load(path, MODEL)


def test_weights_for_other_channels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    model.save(_new(), path)
    fewer = five_users.settings(model={"gate_hidden": 1, "cosine_half_lives_days": [20]}).model
    with pytest.raises(ValueError, match=r"model.cosine_half_lives_days was .* and is \(20.0,\)"):
        model.load(path, fewer)


@pytest.mark.parametrize("channel", optional.SETTINGS)
@pytest.mark.parametrize("asked", [None, True, False])
def test_weights_are_loaded_with_the_channels_that_they_were_fitted_on_unless_others_are_asked_for(
    channel: str, asked: bool | None, tmp_path: Path
) -> None:
    setting = optional.SETTINGS[channel]
    options = MODEL.model_copy(update={setting: asked})
    for is_selected in (True, False):
        path = tmp_path / f"{is_selected}.pt"
        model.save(_new(options=with_selected(MODEL, [channel] if is_selected else [])), path)
        if asked in (None, is_selected):
            loaded = model.load(path, options)
            assert (getattr(loaded.settings, setting), channel in loaded.named_weights()) == (is_selected, is_selected)
            assert model.unfit(path, options) == []
        else:
            assert model.unfit(path, options) == [f"model.{setting} was {is_selected} and is {asked}"]
            with pytest.raises(ValueError, match=rf"model\.{setting} was {is_selected} and is {asked}"):
                model.load(path, options)


def test_weights_of_a_time_before_the_optional_channels_go_on_to_serve(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    model.save(_new(), path)
    written = torch.load(path, weights_only=True)
    for setting in optional.SETTINGS.values():
        del written["inputs"][setting]
    torch.save(written, path)
    assert set(model.load(path, MODEL).named_weights()) == set(FIRST)


def test_a_model_takes_its_own_channels_of_features_that_have_more() -> None:
    features = np.arange(2 * (len(FEATURES) + 2), dtype=np.float32).reshape(2, -1)
    channels, walk = (*FEATURES, "walk_undecayed", "ease"), len(FEATURES)
    assert _new().own(features, channels).tolist() == features[:, :walk].tolist()
    assert (
        _new(options=with_selected(MODEL, ["ease"])).own(features, channels).tolist()
        == np.delete(features, walk, axis=1).tolist()
    )
    assert _new(options=with_selected(MODEL, optional.SETTINGS)).own(features, channels) is features

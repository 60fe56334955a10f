"""Training of the towers: the same bits twice and after a crash, a planted truth found, faults told and survived."""

import dataclasses
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recs_assets.gnn.checkpoints import Checkpoints
from recs_assets.gnn.towers import residual
from recs_assets.gnn.towers.training import TowerFit, fit_towers
from recs_assets.settings import Settings
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import past_of, world
from recs_assets_tests.gnn.towers.one_example import SMALL, tower_example, tower_settings

pytestmark = pytest.mark.long


def _fit(folder: Path, settings: Settings | None = None, **options: Any) -> TowerFit:
    asked = settings or tower_settings()
    only = tower_example(asked)
    return fit_towers([only, only], [only, only], asked, checkpoints=Checkpoints(folder, "one"), **options)


def _bits(fitted: TowerFit) -> bytes:
    return b"".join(values.numpy().tobytes() for values in fitted.residual.towers.state_dict().values())


def _checkpoints(folder: Path) -> list[dict[str, Any]]:
    """The states that a training has left, by epoch."""
    return [torch.load(path, weights_only=True)["state"] for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def whole_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the training of ``whole`` has left its checkpoints; whoever changes them takes a copy."""
    return tmp_path_factory.mktemp("whole")


@pytest.fixture(scope="module")
def whole(whole_folder: Path) -> TowerFit:
    """A training from its beginning to its end."""
    return _fit(whole_folder)


@pytest.mark.parametrize("loss", ["softmax", "bce", "bpr"])
def test_a_planted_truth_is_found_with_every_loss(tmp_path: Path, loss: str) -> None:
    settings = tower_settings(loss=loss, epochs=25, patience=25, id_dropout=0.0)
    fitted = _fit(tmp_path, settings)
    assert fitted.curve[-1]["loss"] < 0.5 * fitted.curve[0]["loss"]


def test_a_planted_truth_is_found_with_sampled_negatives(tmp_path: Path) -> None:
    negatives = {"per_user": 6, "in_batch": 0.4, "random": 0.3, "fitment_hard": 0.3}
    fitted = _fit(tmp_path, tower_settings(negatives=negatives, epochs=25, patience=25, id_dropout=0.0))
    assert fitted.curve[-1]["loss"] < 0.1 * fitted.curve[0]["loss"]


def test_twice_gives_the_same_bits_and_another_seed_others(whole: TowerFit, tmp_path: Path) -> None:
    again = _fit(tmp_path / "again")
    assert _bits(again) == _bits(whole)
    assert again.curve == whole.curve
    reseeded = five_users.settings(towers=SMALL, model={"seed": 2})
    assert _bits(_fit(tmp_path / "reseeded", reseeded)) != _bits(whole)


def test_a_killed_training_goes_on_to_the_same_bits(whole: TowerFit, tmp_path: Path) -> None:
    def stop_after_two(line: str) -> None:
        if line.startswith("epoch 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path / "killed", report=stop_after_two)
    told: list[str] = []
    resumed = _fit(tmp_path / "killed", report=told.append)
    assert told[0] == "training of the towers goes on after epoch 2"
    assert _bits(resumed) == _bits(whole)
    assert resumed.curve == whole.curve


def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    whole: TowerFit, whole_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(whole_folder, tmp_path / "damaged")
    kept = sorted((tmp_path / "damaged").iterdir())
    assert [path.name[:10] for path in kept] == ["epoch_0003", "epoch_0004"]
    content = bytearray(kept[1].read_bytes())
    content[len(content) // 2] ^= 1
    kept[1].write_bytes(content)
    told: list[str] = []
    resumed = _fit(tmp_path / "damaged", report=told.append)
    assert told[0] == "training of the towers goes on after epoch 3"
    assert "is damaged" in caplog.text
    assert str(kept[1]) in caplog.text
    assert _bits(resumed) == _bits(whole)


def test_checkpoints_of_other_inputs_do_not_stand_in_the_way(tmp_path: Path) -> None:
    other = Checkpoints(tmp_path, "other inputs")
    for epoch in (7, 8):
        other.save(epoch, {"epoch": epoch})
    own = Checkpoints(tmp_path, "one")
    assert own.newest() is None
    own.save(1, {"epoch": 1})
    assert own.newest() == {"epoch": 1}


def test_cleared_checkpoints_leave_nothing(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "training", "one")
    checkpoints.save(1, {"epoch": 1})
    (tmp_path / "training" / "partial_1.pt").write_bytes(b"cut short")
    checkpoints.clear()
    assert list((tmp_path / "training").iterdir()) == []
    Checkpoints(tmp_path / "never", "one").clear()


def test_a_loss_that_is_not_a_number_stops_within_the_step_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    asked = tower_settings()
    good = tower_example(asked)
    bad = dataclasses.replace(good, scores=np.full(len(good.scores), math.nan))
    with pytest.raises(FloatingPointError, match=r"epoch 1 of the towers: the loss became nan.*Lower towers\.learning_rate"):
        fit_towers([bad], [good, good], asked, checkpoints=Checkpoints(tmp_path, "one"))
    fit_towers([good], [good, good], asked, checkpoints=Checkpoints(tmp_path, "one"))
    before = sorted(path.name for path in tmp_path.iterdir())
    longer = tower_settings(epochs=8, patience=8)
    with pytest.raises(FloatingPointError, match="epoch 5 of the towers"):
        fit_towers([bad], [good, good], longer, checkpoints=Checkpoints(tmp_path, "one"))
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_training_stops_when_the_validation_weeks_see_nothing_better(tmp_path: Path) -> None:
    fitted = _fit(tmp_path, tower_settings(epochs=50, patience=2))
    gains = [row["gain"] for row in fitted.curve]
    assert len(gains) == 1 + gains.index(max(gains)) + 2


def test_towers_that_do_not_show_that_they_help_count_nothing(whole: TowerFit) -> None:
    # Four people are too few to show anything, though each of them gains.
    assert not whole.residual.counts
    record = whole.record()
    assert record["scale"] == {"cold": 0.0, "warm": 0.0, "hot": 0.0}
    assert record["tried_scale"]["cold"] > 0
    assert record["validation"]["nll"]["mean_baseline"] == pytest.approx(math.log(5))
    # Ten of five parts: everybody's recall is 1 with and without towers.
    assert record["validation"]["recall"]["mean_baseline"] == 1.0


def test_a_training_without_a_sign_of_help_ends_after_its_first_epochs(tmp_path: Path) -> None:
    # What people take in the validation weeks is what they are taught not to.
    settings = tower_settings(epochs=50, patience=50)
    only = tower_example(settings)
    others = dataclasses.replace(only, base=dataclasses.replace(only.base, targets=np.roll(np.eye(4, 5), 1, axis=0).ravel()))
    fitted = fit_towers([only], [others, others], settings, checkpoints=Checkpoints(tmp_path, "one"))
    record = fitted.record()
    assert (len(fitted.curve), record["epochs"], record["probe"]["goes_on"]) == (2, 2, False)
    assert not fitted.residual.counts


def test_towers_without_anybody_to_validate_them_count_nothing(tmp_path: Path) -> None:
    settings = tower_settings(epochs=3, patience=1)
    only = tower_example(settings)
    fitted = fit_towers([only], [], settings, checkpoints=Checkpoints(tmp_path, "one"))
    assert not fitted.residual.counts
    assert fitted.record() == {"scale": {"cold": 0.0, "warm": 0.0, "hot": 0.0}, "epochs": 2, "validation": None}


def test_a_warm_start_begins_where_the_other_training_ended(tmp_path: Path) -> None:
    first = _fit(tmp_path / "first", tower_settings(epochs=8, patience=8))
    residual.save(first.residual, tmp_path / "towers.pt")
    warm = torch.load(tmp_path / "towers.pt", weights_only=True)
    still = tower_settings(
        epochs=1, patience=1, learning_rate=1e-12, embedding_learning_rate=1e-12, weight_decay=0, embedding_weight_decay=0
    )
    warmed = _fit(tmp_path / "warm", still, warm=warm)
    torch.testing.assert_close(warmed.residual.towers.state_dict(), first.residual.towers.state_dict())
    other_shape = tower_settings(dimension=4, epochs=1, patience=1)
    assert _bits(_fit(tmp_path / "a", other_shape, warm=warm)) == _bits(_fit(tmp_path / "b", other_shape))


def test_towers_are_read_back_and_refused_by_other_settings(whole: TowerFit, tmp_path: Path) -> None:
    scales = {"cold": 1.0, "warm": 0.5, "hot": 0.0}
    residual.save(dataclasses.replace(whole.residual, scales=scales), tmp_path / "towers.pt")
    read = residual.load(tmp_path / "towers.pt", tower_settings(epochs=99))
    assert read.scales == scales
    for one, other in zip(
        read.vectors(past_of(world()), np.arange(3)), whole.residual.vectors(past_of(world()), np.arange(3)), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=r"towers\.hops was 1 and is 2"):
        residual.load(tmp_path / "towers.pt", tower_settings(hops=2))
    # Whose scale is whose depends on where warm ends and hot begins.
    other = five_users.settings(towers=SMALL, strata={"hot_min_events": 3})
    with pytest.raises(ValueError, match=r"strata\.hot_min_events was 10 and is 3"):
        residual.load(tmp_path / "towers.pt", other)


def test_two_optimizers_with_rates_of_their_own_that_go_up_and_down(tmp_path: Path) -> None:
    settings = tower_settings(learning_rate=0.02, embedding_learning_rate=0.05, weight_decay=0.1, embedding_weight_decay=0.2)
    _fit(tmp_path, settings)
    after_three_of_four = _checkpoints(tmp_path)[0]["optimizers"]
    of_names, of_the_rest = (optimizer["param_groups"][0] for optimizer in after_three_of_four)
    assert (of_names["weight_decay"], of_the_rest["weight_decay"]) == (0.2, 0.1)
    assert (len(of_names["params"]), len(of_the_rest["params"]) > 1) == (1, True)
    for group, peak in ((of_names, 0.05), (of_the_rest, 0.02)):
        # A cycle begins at a twenty-fifth of its peak, and has come down from it again.
        assert (group["max_lr"], group["initial_lr"]) == (peak, pytest.approx(peak / 25))
        assert group["lr"] < peak / 4


def test_gradients_are_clipped(tmp_path: Path) -> None:
    # Adam divides by the size of the gradients, but not by less than its epsilon of 1e-8.
    without = {"weight_decay": 0, "embedding_weight_decay": 0, "id_dropout": 0.0}
    still = _fit(tmp_path / "still", tower_settings(max_gradient_norm=1e-14, **without)).residual.towers.user_out.weight
    moved = _fit(tmp_path / "moved", tower_settings(**without)).residual.towers.user_out.weight
    assert still.abs().max() < 1e-4 < moved.abs().max()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_finds_the_planted_truth_and_goes_on_after_a_crash(tmp_path: Path) -> None:
    settings = tower_settings(device="cuda", epochs=60, patience=60, id_dropout=0.0)

    def stop_after_thirty(line: str) -> None:
        if line.startswith("epoch 30 "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, settings, report=stop_after_thirty)
    fitted = _fit(tmp_path, settings)
    assert fitted.curve[-1]["loss"] < 0.5 * fitted.curve[0]["loss"]
    # The same towers give the same vectors on both devices.
    on_gpu = fitted.residual.vectors(past_of(world()), np.arange(3))
    on_cpu = dataclasses.replace(fitted.residual, settings=tower_settings()).vectors(past_of(world()), np.arange(3))
    for one, other in zip(on_gpu, on_cpu, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)

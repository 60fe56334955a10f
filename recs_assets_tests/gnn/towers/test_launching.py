"""Towers trained by several real processes together: the loss curve of one, and one end for all."""

import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recs_assets.gnn.checkpoints import Checkpoints
from recs_assets.gnn.towers.examples import dot_products
from recs_assets.gnn.towers.launching import _train, fit_towers_together
from recs_assets_tests.gnn.towers.one_example import tower_example, tower_settings

pytestmark = pytest.mark.long

# Relative. The processes sum the same float32 terms in another order, and Adam divides by the size of a gradient: what differs in
# the last bit of a small one counts.
TOLERANCE = 1e-4


def test_two_processes_reach_the_loss_curve_of_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sampled = {"per_user": 3, "in_batch": 0.4, "random": 0.3, "fitment_hard": 0.3}
    settings = [tower_settings(processes=processes, epochs=6, patience=6, negatives=sampled) for processes in (1, 2)]
    only = tower_example(settings[0])
    one, two = (
        fit_towers_together(
            [only, only], [only, only], asked, checkpoints=Checkpoints(tmp_path / str(asked.towers.processes), "one")
        )
        for asked in settings
    )
    for name in ("loss", "gain"):
        expected = [row[name] for row in one.curve]
        assert [row[name] for row in two.curve] == pytest.approx(expected, rel=TOLERANCE)
    assert two.curve != one.curve, "nothing was shared"
    # Weights that hardly count may end elsewhere; what the towers add may not.
    (of_one,), (of_two,) = (dot_products(fitted.residual.towers, [only]) for fitted in (one, two))
    assert np.abs(of_one).max() > 1
    np.testing.assert_allclose(of_two, of_one, atol=10 * TOLERANCE * np.abs(of_one).max())
    assert sorted(path.name[:10] for path in (tmp_path / "2").iterdir()) == ["epoch_0005", "epoch_0006"]
    assert capfd.readouterr().err.count("epoch 6 of 6") == 1, "the first one speaks for all"


def test_processes_without_a_gpu_each_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"towers\.processes is 9, and there are \d GPUs"):
        fit_towers_together([], [], tower_settings(processes=9, device="cuda"), checkpoints=Checkpoints(tmp_path, "one"))


def test_a_process_gives_back_a_loss_that_is_no_number_and_ends_with_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    good = tower_example(settings := tower_settings())
    bad = replace(good, scores=np.full(len(good.scores), math.nan))
    ended = _train(os.getppid(), [bad], [good], settings, Checkpoints(tmp_path, "one"), None)
    assert isinstance(ended, FloatingPointError)
    with pytest.raises(SystemExit, match="the run has ended"):
        _train(os.getpid(), [good], [good], settings, Checkpoints(tmp_path, "one"), None)

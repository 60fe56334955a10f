"""Crosswise validation: luck does not count, and towers earn a scale only by an interval above zero."""

import numpy as np
import pandas as pd
import pytest
import torch

from recs_assets.gnn.towers.validation import SCALES, best_of, crosswise_lift, earned_scale

ALONE = pd.DataFrame({"user": np.arange(40), "recall": 0.5})


def test_the_best_of_many_tries_is_measured_without_its_luck() -> None:
    # Forty people of recall 1/2. The first try is all luck of the even ones, the second of the odd ones.
    users = np.arange(40)
    alone = pd.DataFrame({"user": users, "recall": 0.5})
    lucky = np.stack([np.where(users % 2 == 0, 1.0, 0.0), np.where(users % 2 == 1, 1.0, 0.0)])
    assert crosswise_lift(alone, lucky, 0.99).mean_system == 0.0
    # A try that is better for everybody is better crosswise too.
    better = np.stack([np.full(40, 0.5), np.full(40, 0.75)])
    assert crosswise_lift(alone, better, 0.99).lift == pytest.approx(0.5)


def _curve(*recalls: float) -> list[dict[str, float]]:
    return [{"epoch": epoch, "loss": 1.0, "recall": recall, "scale": 0.25 * epoch} for epoch, recall in enumerate(recalls, 1)]


def test_the_first_of_equal_epochs_is_the_best() -> None:
    assert best_of(_curve(0.4, 0.6, 0.6))["epoch"] == 2


def test_towers_earn_the_scale_of_their_best_epoch_where_the_interval_lies_above_zero() -> None:
    # Of three scales the last is better for everybody; thirty of forty people gain 1/4, so the lift is 3/8 whoever chooses.
    gained = np.where(np.arange(40) % 4 < 3, 0.75, 0.5)
    tried = torch.from_numpy(np.stack([np.zeros(40), np.full(40, 0.5), gained]))
    lift, scale = earned_scale(ALONE, [tried], _curve(0.6875), 0.99)
    assert lift is not None
    assert lift.lift == pytest.approx(0.375)
    assert (scale, len(tried)) == (0.25, len(SCALES))


def test_towers_that_change_nothing_nobody_or_were_never_trained_earn_nothing() -> None:
    same = torch.full((3, 40), 0.5, dtype=torch.float64)
    assert earned_scale(ALONE, [same], _curve(0.5), 0.99)[1] == 0.0
    assert earned_scale(ALONE[:0], [same[:, :0]], _curve(0.0), 0.99) == (None, 0.0)
    assert earned_scale(ALONE, [], [], 0.99) == (None, 0.0)

"""The loss of two users, worked out by hand."""

import math

import pytest
import torch

from recs_assets.gnn.losses import softmax_loss

# Scores are logarithms, so that shares are easy. A: 1/8, 2/8, 5/8; B: 1/4, 3/4, and a third place that is only padding.
SCORES = torch.tensor([[math.log(1), math.log(2), math.log(5)], [math.log(1), math.log(3), 100.0]])
IS_CANDIDATE = torch.tensor([[True, True, True], [True, True, False]])


def test_a_user_with_n_targets_weighs_one_over_the_root_of_n_each() -> None:
    targets = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    # A took up two candidates, of shares 1/8 and 5/8, and weighs 1 / sqrt(2) for each; B one of share 3/4, and weighs 1.
    root = math.sqrt(2)
    expected = ((math.log(8) + math.log(8 / 5)) / root + math.log(4 / 3)) / (2 / root + 1)
    assert softmax_loss(SCORES, IS_CANDIDATE, targets).item() == pytest.approx(expected, rel=1e-6)


def test_a_user_without_targets_weighs_nothing() -> None:
    targets = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    assert softmax_loss(SCORES, IS_CANDIDATE, targets).item() == pytest.approx(math.log(4), rel=1e-6)


def test_padding_takes_no_part_however_it_scores() -> None:
    targets = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    scores = SCORES.clone().requires_grad_()
    loss = softmax_loss(scores, IS_CANDIDATE, targets)
    torch.autograd.backward(loss)
    assert loss.item() == pytest.approx((math.log(8) + math.log(4)) / 2, rel=1e-6)
    assert scores.grad is not None
    # The gradient of the mean over two users: share minus target, halved.
    expected = [[(1 / 8 - 1) / 2, 1 / 8, 5 / 16], [(1 / 4 - 1) / 2, 3 / 8, 0.0]]
    assert torch.allclose(scores.grad, torch.tensor(expected), rtol=1e-5)


def test_a_single_candidate_leaves_nothing_to_learn() -> None:
    loss = softmax_loss(torch.tensor([[7.0, 1.0]]), torch.tensor([[True, False]]), torch.tensor([[1.0, 0.0]]))
    assert loss.item() == 0.0

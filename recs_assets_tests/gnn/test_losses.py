"""The loss of two users, worked out by hand."""

import math

import pytest
import torch

from recs_assets.gnn.losses import bce_loss, bpr_loss, softmax_loss, target_weights

# Scores are logarithms, so that shares are easy. A: 1/8, 2/8, 5/8; B: 1/4, 3/4, and a third place that is only padding.
SCORES = torch.tensor([[math.log(1), math.log(2), math.log(5)], [math.log(1), math.log(3), 100.0]])
IS_CANDIDATE = torch.tensor([[True, True, True], [True, True, False]])


def test_a_user_with_n_targets_weighs_one_over_the_root_of_n_each() -> None:
    targets = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    # A has two targets, of shares 1/8 and 5/8, and weighs 1 / sqrt(2) for each; B one of share 3/4, and weighs 1.
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


def test_a_target_counts_as_much_as_its_edge() -> None:
    # A's two targets are an order and a view of a fifth of its weight; each is divided by the root of two.
    targets = torch.tensor([[1.0, 0.0, 0.2], [0.0, 1.0, 0.0]])
    root = math.sqrt(2)
    assert target_weights(targets).tolist() == [pytest.approx([1 / root, 0, 0.2 / root]), [0, 1, 0]]
    expected = (math.log(8) / root + 0.2 * math.log(8 / 5) / root + math.log(4 / 3)) / (1.2 / root + 1)
    assert softmax_loss(SCORES, IS_CANDIDATE, targets).item() == pytest.approx(expected, rel=1e-6)


def test_log_q_takes_off_what_is_sampled_often() -> None:
    # Candidate 2 of A is sampled five times on average: it counts as e^s / 5 = 1 beside 1 and 2, so the target has 2/4.
    targets = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    log_q = torch.tensor([[0.0, 0.0, math.log(5)], [0.0, 0.0, 0.0]])
    assert softmax_loss(SCORES, IS_CANDIDATE, targets, log_q).item() == pytest.approx(math.log(2), rel=1e-6)


def test_binary_cross_entropy_sets_the_targets_against_the_mean_of_the_others() -> None:
    # softplus(log x) is log(1 + x), and softplus(-log x) is log(1 + 1/x).
    targets = torch.tensor([[0.0, 0.0, 1.0], [0.5, 0.0, 0.0]])
    of_a = math.log(1 + 1 / 5) + (math.log(2) + math.log(3)) / 2
    of_b = 0.5 * math.log(2) + 0.5 * math.log(4)  # padding is no other
    assert bce_loss(SCORES, IS_CANDIDATE, targets).item() == pytest.approx((of_a + of_b) / 1.5, rel=1e-6)


def test_bpr_sets_each_target_above_each_other() -> None:
    # -log sigmoid(log t - log o) is log(1 + o / t). A: target 2 above 1 and 5; B: target 3 above 1, at half the weight.
    targets = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.5, 0.0]])
    of_a = (math.log(1 + 1 / 2) + math.log(1 + 5 / 2)) / 2
    of_b = 0.5 * math.log(1 + 1 / 3)
    assert bpr_loss(SCORES, IS_CANDIDATE, targets).item() == pytest.approx((of_a + of_b) / 1.5, rel=1e-6)

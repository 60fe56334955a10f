"""What goes along edges is what the same sums over dense arrays give, and so are the gradients."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from recs_assets.gnn.towers.edges import Edges, at_sources, at_targets, dots, softmax, weighted_sum

# Target 0 attends to sources 2 and 0, target 1 to source 1, target 2 to nobody, target 3 to sources 0, 1 and, twice, 3.
TARGET, INDEX = np.array([0, 0, 1, 3, 3, 3, 3]), np.array([2, 0, 1, 0, 1, 3, 3])
N_TARGETS, N_SOURCES, N_HEADS, SIZE = 4, 5, 2, 3
EDGES = Edges.of(INDEX, np.array([2, 1, 0, 4]), N_SOURCES)
IS_OF_TARGET = torch.from_numpy(np.arange(N_TARGETS)[:, None] == TARGET)


def _dense_softmax(logits: torch.Tensor) -> torch.Tensor:
    of_targets = torch.where(IS_OF_TARGET[:, :, None], logits, -torch.inf)
    return torch.nan_to_num(torch.softmax(of_targets, dim=1)).sum(dim=0)


def _dense_weighted_sum(values: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    return torch.einsum("te,eh,ehs->ths", IS_OF_TARGET.to(values), share, values[INDEX])


CASES: dict[str, tuple[Callable[..., torch.Tensor], Callable[..., torch.Tensor], list[tuple[int, ...]]]] = {
    "at_sources": (at_sources, lambda values: values[INDEX], [(N_SOURCES, SIZE)]),
    "at_targets": (at_targets, lambda values: values[TARGET], [(N_TARGETS, SIZE)]),
    "softmax": (softmax, _dense_softmax, [(len(INDEX), N_HEADS)]),
    "weighted_sum": (weighted_sum, _dense_weighted_sum, [(N_SOURCES, N_HEADS, SIZE), (len(INDEX), N_HEADS)]),
    "dots": (dots, lambda left, right: (left[TARGET] * right[INDEX]).sum(dim=1), [(N_TARGETS, SIZE), (N_SOURCES, SIZE)]),
}


def _with_gradients(function: Callable[..., torch.Tensor], shapes: list[tuple[int, ...]], *more: Any) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    inputs = [torch.randn(shape, generator=random, requires_grad=True) for shape in shapes]
    output = function(*inputs, *more)
    pull = torch.randn(output.shape, generator=random)
    return [output, *torch.autograd.grad((output * pull).sum(), inputs)]


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_dense_sums(name: str) -> None:
    along_edges, dense, shapes = CASES[name]
    for own, expected in zip(_with_gradients(along_edges, shapes, EDGES), _with_gradients(dense, shapes), strict=True):
        torch.testing.assert_close(own, expected)


def test_edges_stand_source_after_source_as_well() -> None:
    assert EDGES.starts.tolist() == [0, 2, 3, 3, 7]
    assert EDGES.target.tolist() == TARGET.tolist()
    assert EDGES.by_source.tolist() == [1, 3, 2, 4, 0, 5, 6]
    assert EDGES.target_by_source.tolist() == [0, 3, 1, 3, 0, 3, 3]
    assert EDGES.source_starts.tolist() == [0, 2, 4, 5, 7, 7]


def test_another_process_is_sent_no_more_than_it_needs() -> None:
    assert EDGES.source_starts.tolist()
    sent = pickle.loads(pickle.dumps(EDGES))
    assert set(vars(sent)) == {"index", "starts", "n_sources"}
    assert sent.target_by_source.tolist() == EDGES.target_by_source.tolist()


def test_shares_of_large_logits_are_finite() -> None:
    shares = softmax(torch.tensor([[1e4], [1e4], [0.0], [-1e4], [-1e4], [-1e4], [-1e4]]), EDGES)
    assert shares[:, 0].tolist() == [0.5, 0.5, 1.0, 0.25, 0.25, 0.25, 0.25]


@pytest.mark.parametrize("name", CASES)
def test_without_edges_nothing_is_said_and_nothing_fails(name: str) -> None:
    nothing = Edges.of(INDEX[:0], np.zeros(N_TARGETS, dtype=np.int64), N_SOURCES)
    shapes = [tuple(0 if length == len(INDEX) else length for length in shape) for shape in CASES[name][2]]
    output, *gradients = _with_gradients(CASES[name][0], shapes, nothing)
    assert not output.any()
    assert not any(gradient.any() for gradient in gradients)

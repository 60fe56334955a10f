"""Attention is PyG's GATConv on the same edges, and the mean is the mean."""

import numpy as np
import pytest
import torch
from torch_geometric.nn import GATConv

from recs_assets.gnn.towers.attention import Attention, Mean
from recs_assets.gnn.towers.edges import Edges
from recs_assets.gnn.towers.neighbours import Neighbours

SIZE, HEADS = 8, 2
# Target 0 attends to sources 2 and 0, target 1 source 1, target 2 nobody, target 3 sources 0, 1 and 3.
TARGET, INDEX = np.array([0, 0, 1, 3, 3, 3]), np.array([2, 0, 1, 0, 1, 3])
LOG_WEIGHT = torch.tensor([0.5, 2.0, 1.0, 0.1, 3.0, 0.7])
NEIGHBOURS = Neighbours(Edges.of(INDEX, np.array([2, 1, 0, 3]), 4), LOG_WEIGHT)
EDGE_INDEX = torch.from_numpy(np.stack([INDEX, TARGET]))


@pytest.fixture
def both() -> tuple[Attention, GATConv]:
    """Our attention and PyG's with the same weights; only the product of its two edge weights counts."""
    torch.manual_seed(0)
    ours = Attention(SIZE, HEADS)
    theirs = GATConv((SIZE, SIZE), SIZE // HEADS, HEADS, edge_dim=1, add_self_loops=False, bias=False)
    with torch.no_grad():
        ours.edge_weight.copy_(torch.tensor([0.3, -1.2]))
        theirs.lin_src.weight.copy_(ours.source.weight)
        theirs.lin_dst.weight.copy_(ours.target.weight)
        theirs.att_src.copy_(ours.source_weight[None])
        theirs.att_dst.copy_(ours.target_weight[None])
        theirs.lin_edge.weight.fill_(1.0)
        theirs.att_edge.zero_()
        theirs.att_edge[0, :, 0] = ours.edge_weight
    return ours, theirs


def test_attention_equals_gatconv(both: tuple[Attention, GATConv]) -> None:
    ours, theirs = both
    sources, targets = torch.randn(4, SIZE), torch.randn(4, SIZE)
    expected = theirs((sources, targets), EDGE_INDEX, LOG_WEIGHT[:, None])
    torch.testing.assert_close(ours(sources, targets, NEIGHBOURS), expected, atol=1e-5, rtol=0)


def test_gradients_equal_those_of_gatconv(both: tuple[Attention, GATConv]) -> None:
    ours, theirs = both
    sources, targets = torch.randn(4, SIZE), torch.randn(4, SIZE)
    torch.autograd.backward(ours(sources, targets, NEIGHBOURS).square().sum())
    torch.autograd.backward(theirs((sources, targets), EDGE_INDEX, LOG_WEIGHT[:, None]).square().sum())
    torch.testing.assert_close(ours.source.weight.grad, theirs.lin_src.weight.grad, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.edge_weight.grad, theirs.att_edge.grad[0, :, 0], atol=1e-5, rtol=1e-5)


def test_a_target_without_neighbours_gets_zeros(both: tuple[Attention, GATConv]) -> None:
    messages = both[0](torch.randn(4, SIZE), torch.randn(4, SIZE), NEIGHBOURS)
    assert messages[2].tolist() == [0.0] * SIZE


def test_the_mean_weighs_by_log_weight() -> None:
    mean = Mean(2, 1)
    with torch.no_grad():
        mean.source.weight.copy_(torch.eye(2))
    sources = torch.tensor([[10.0, 0.0], [0.0, 1.0], [5.0, 5.0], [1.0, 1.0]])
    messages = mean(sources, torch.zeros(4, 2), NEIGHBOURS)
    # Target 0: (0.5 x source 2 + 2 x source 0) / 2.5.
    assert messages[0].tolist() == pytest.approx([9.0, 1.0])
    assert messages[1].tolist() == pytest.approx([0.0, 1.0])
    assert messages[2].tolist() == [0.0, 0.0]

"""Graph attention along a relation's edges, equal to PyG's GATConv on the same edges."""

import torch
from torch import nn
from torch.nn import functional

from recs_assets.gnn.towers.edges import at_sources, at_targets, softmax, sum_by_target, weighted_sum
from recs_assets.gnn.towers.neighbours import Neighbours

NEGATIVE_SLOPE = 0.2


class Attention(nn.Module):
    """GAT (Velickovic et al. 2018) for one relation, without self loops and bias.

    For a target i, a neighbour j and a head,

        alpha_ij = softmax over j of LeakyReLU(a_source . W h_j + a_target . W' h_i + a_edge log_weight_ij)
        out_i = sum over j of alpha_ij W h_j,

    and the heads' outputs stand side by side. A target without neighbours gets zeros.

    Attributes:
        source: W, [size -> heads x size of a head].
        target: W'.
        source_weight, target_weight: a of both sides, [heads x size of a head].
        edge_weight: a_edge, [heads].
    """

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.source = nn.Linear(size, size, bias=False)
        self.target = nn.Linear(size, size, bias=False)
        self.source_weight = nn.Parameter(torch.empty(heads, size // heads))
        self.target_weight = nn.Parameter(torch.empty(heads, size // heads))
        self.edge_weight = nn.Parameter(torch.ones(heads))
        for weight in (self.source_weight, self.target_weight):
            nn.init.xavier_uniform_(weight)

    def forward(self, sources: torch.Tensor, targets: torch.Tensor, neighbours: Neighbours) -> torch.Tensor:
        """[targets x size] from sources [sources x size], targets [targets x size] and the edges between them."""
        edges = neighbours.edges
        logits = at_sources(self._logits(sources, self.source, self.source_weight), edges)
        logits = logits + at_targets(self._logits(targets, self.target, self.target_weight), edges)
        logits = functional.leaky_relu(logits + neighbours.log_weight[:, None] * self.edge_weight, NEGATIVE_SLOPE)
        values = self.source(sources).float().view(-1, *self.source_weight.shape)
        return weighted_sum(values, softmax(logits, edges), edges).flatten(1)

    @staticmethod
    def _logits(nodes: torch.Tensor, side: nn.Linear, weight: torch.Tensor) -> torch.Tensor:
        """[nodes x heads] a . (W h), as (W^T a) . h: the product of the two weights is small, and the nodes are many."""
        of_heads = (side.weight.view(*weight.shape, -1) * weight[:, :, None]).sum(dim=1)
        return functional.linear(nodes, of_heads).float()


class Mean(nn.Module):
    """The mean of the neighbours by log_weight: attention with fixed shares in place of learned ones."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.source = nn.Linear(size, size, bias=False)

    def forward(self, sources: torch.Tensor, targets: torch.Tensor, neighbours: Neighbours) -> torch.Tensor:
        """As ``Attention.forward``."""
        weight, edges = neighbours.log_weight[:, None], neighbours.edges
        total = at_targets(sum_by_target(weight, edges), edges)
        share = weight / total.clamp(min=torch.finfo(weight.dtype).tiny)
        return weighted_sum(self.source(sources).float()[:, None], share, edges).flatten(1)

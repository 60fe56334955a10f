"""Graph attention over padded neighbour tables, equal to PyG's GATConv on the same edges."""

import torch
from torch import nn
from torch.nn import functional

from recs_assets.gnn.towers.neighbours import Neighbours

NEGATIVE_SLOPE = 0.2


class PaddedAttention(nn.Module):
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
        self.heads = heads
        self.source = nn.Linear(size, size, bias=False)
        self.target = nn.Linear(size, size, bias=False)
        self.source_weight = nn.Parameter(torch.empty(heads, size // heads))
        self.target_weight = nn.Parameter(torch.empty(heads, size // heads))
        self.edge_weight = nn.Parameter(torch.ones(heads))
        for weight in (self.source_weight, self.target_weight):
            nn.init.xavier_uniform_(weight)

    def forward(self, sources: torch.Tensor, targets: torch.Tensor, neighbours: Neighbours) -> torch.Tensor:
        """[targets x size] from sources [sources x size], targets [targets x size] and the table between them."""
        per_head = (self.heads, self.source_weight.shape[1])
        values = self.source(sources).view(-1, *per_head).float()
        from_source = (values * self.source_weight).sum(dim=-1)
        from_target = (self.target(targets).view(-1, *per_head) * self.target_weight).sum(dim=-1)
        outputs = []
        for head in range(self.heads):
            logits = from_source[:, head][neighbours.index] + from_target[:, head, None]
            logits = functional.leaky_relu(logits + self.edge_weight[head] * neighbours.log_weight, NEGATIVE_SLOPE)
            share = masked_softmax(logits.float(), neighbours.is_edge)
            outputs.append(weighted_sum(values[:, head], share, neighbours))
        return torch.cat(outputs, dim=1)


class PaddedMean(nn.Module):
    """The mean of the neighbours by log_weight: attention with fixed shares in place of learned ones."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.source = nn.Linear(size, size, bias=False)

    def forward(self, sources: torch.Tensor, targets: torch.Tensor, neighbours: Neighbours) -> torch.Tensor:
        """As ``PaddedAttention.forward``."""
        weight = neighbours.log_weight * neighbours.is_edge
        share = weight / weight.sum(dim=1, keepdim=True).clamp(min=torch.finfo(weight.dtype).tiny)
        return weighted_sum(self.source(sources).float(), share, neighbours)


def masked_softmax(logits: torch.Tensor, is_edge: torch.Tensor) -> torch.Tensor:
    """Softmax over each row's edges; zeros on padding, and all over a row without edges."""
    lowest = torch.finfo(logits.dtype).min
    return torch.softmax(logits.masked_fill(~is_edge, lowest), dim=1) * is_edge


def weighted_sum(values: torch.Tensor, share: torch.Tensor, neighbours: Neighbours) -> torch.Tensor:
    """[targets x size] sum of the neighbours' values by share, without a [targets x neighbours x size] array in between."""
    return functional.embedding_bag(neighbours.index, values.contiguous(), per_sample_weights=share, mode="sum")

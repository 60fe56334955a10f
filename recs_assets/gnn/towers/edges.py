"""The edges of one relation, and what message passing does along them: gather, softmax over a target's edges, weighted sum, dot.

An edge list in the order of its targets and, beside it, in that of its sources: then the gradient of a sum over targets is a sum
over sources by the same kernel, without scatter or sort. That takes a tenth of the time of message passing that scatters
(``recs_assets_tests/benchmarks/attention.py``), and gives the same bits every time and on any number of threads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from recs_assets.ranking.arrays import Ints
from recs_assets.ranking.sparse_matrices import stable_order

SUM = 0  # among torch's ways to reduce a bag


@dataclass(frozen=True)
class Edges:
    """Which sources every target is joined to.

    Attributes:
        index: int32 [edges] rows of the sources, target after target.
        starts: int32 [targets + 1] where each target's edges begin.
        n_sources: how many sources there are.
    """

    index: torch.Tensor
    starts: torch.Tensor
    n_sources: int

    @staticmethod
    def of(index: Ints, n_edges: Ints, n_sources: int) -> "Edges":
        """The edges from the sources ``index`` [edges], target after target, each of which has ``n_edges`` [targets]."""
        index, starts = index.astype(np.int32, copy=False), np.append(0, n_edges.cumsum()).astype(np.int32)
        return Edges(torch.from_numpy(index), torch.from_numpy(starts), n_sources)

    def to(self, device: str | torch.device) -> "Edges":
        """The same on a device."""
        return Edges(self.index.to(device), self.starts.to(device), self.n_sources)

    def __reduce__(self) -> tuple[type["Edges"], tuple[torch.Tensor, torch.Tensor, int]]:
        """Sent to another process, where each tensor takes a file descriptor, without what is worked out from the rest."""
        return Edges, (self.index, self.starts, self.n_sources)

    @cached_property
    def target(self) -> torch.Tensor:
        """int32 [edges] rows of the targets, ascending."""
        rows = torch.arange(len(self.starts) - 1, dtype=torch.int32, device=self.index.device)
        return rows.repeat_interleave(self.starts.diff(), output_size=len(self.index))

    @cached_property
    def by_source(self) -> torch.Tensor:
        """int64 [edges] the edges source after source."""
        if self.index.is_cpu:
            return torch.from_numpy(stable_order(self.index.numpy(), self.n_sources))
        return self.index.sort(stable=True).indices

    @cached_property
    def target_by_source(self) -> torch.Tensor:
        """int32 [edges] their targets."""
        return self.target.index_select(0, self.by_source)

    @cached_property
    def source_starts(self) -> torch.Tensor:
        """int32 [sources + 1] where each source's edges begin among them."""
        sources = torch.arange(self.n_sources + 1, dtype=torch.int32, device=self.index.device)
        return torch.searchsorted(self.index.index_select(0, self.by_source), sources, out_int32=True)


def at_sources(values: torch.Tensor, edges: Edges) -> torch.Tensor:
    """[edges x size] the values [sources x size] of every edge's source."""
    gathered: torch.Tensor = _Gather.apply(values, edges.index, partial(_sum_by_source, edges=edges))  # type: ignore[no-untyped-call]
    return gathered


def at_targets(values: torch.Tensor, edges: Edges) -> torch.Tensor:
    """[edges x size] the values [targets x size] of every edge's target."""
    gathered: torch.Tensor = _Gather.apply(values, edges.target, partial(sum_by_target, edges=edges))  # type: ignore[no-untyped-call]
    return gathered


def sum_by_target(values: torch.Tensor, edges: Edges) -> torch.Tensor:
    """[targets x size] the sum over the edges of each target of values [edges x size]."""
    return torch.segment_reduce(values, "sum", offsets=edges.starts, axis=0)


def softmax(logits: torch.Tensor, edges: Edges) -> torch.Tensor:
    """[edges x heads] softmax of the logits [edges x heads] over the edges of each target."""
    shares: torch.Tensor = _Softmax.apply(logits, edges)  # type: ignore[no-untyped-call]
    return shares


def weighted_sum(values: torch.Tensor, share: torch.Tensor, edges: Edges) -> torch.Tensor:
    """[targets x heads x size] the sum of the sources' values [sources x heads x size] by each edge's share [edges x heads].

    A target without edges gets zeros.
    """
    summed: torch.Tensor = _WeightedSum.apply(values, share, edges)  # type: ignore[no-untyped-call]
    return summed


def dots(targets: torch.Tensor, sources: torch.Tensor, edges: Edges) -> torch.Tensor:
    """[edges] the dot product of each edge's two ends, of vectors [targets x size] and [sources x size]."""
    products: torch.Tensor = _Dots.apply(targets, sources, edges)  # type: ignore[no-untyped-call]
    return products


def _sum_by_source(values: torch.Tensor, edges: Edges) -> torch.Tensor:
    """[sources x size] of values [edges x size]."""
    return functional.embedding_bag(edges.by_source, values, edges.source_starts, mode="sum", include_last_offset=True)


def _over_sources(sources: torch.Tensor, share: torch.Tensor, edges: Edges) -> torch.Tensor:
    """[targets x size] by share [edges], without an array [edges x size] in between."""
    return functional.embedding_bag(
        edges.index, sources, edges.starts, mode="sum", per_sample_weights=share, include_last_offset=True
    )


def _over_targets(targets: torch.Tensor, share: torch.Tensor, edges: Edges) -> torch.Tensor:
    """[sources x size] by share [edges]: the other way round."""
    by_source = share.index_select(0, edges.by_source)
    return functional.embedding_bag(
        edges.target_by_source, targets, edges.source_starts, mode="sum", per_sample_weights=by_source, include_last_offset=True
    )


def _dots(targets: torch.Tensor, sources: torch.Tensor, edges: Edges) -> torch.Tensor:
    # What torch does for the gradient of a bag's weights, and the only kernel of its kind: two gathers take ten times as long.
    products: torch.Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        targets, sources, edges.index, edges.starts, edges.target, SUM
    )
    return products


def _heads(values: torch.Tensor) -> list[torch.Tensor]:
    """[nodes x size] of each head, from [nodes x heads x size]."""
    return [head.contiguous() for head in values.unbind(dim=1)]


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, values: torch.Tensor, index: torch.Tensor, summed: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        context.summed = summed
        return values.index_select(0, index)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return context.summed(gradient.contiguous()), None, None


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, logits: torch.Tensor, edges: Edges) -> torch.Tensor:
        lowest = torch.finfo(logits.dtype).min
        highest = torch.segment_reduce(logits, "max", offsets=edges.starts, axis=0, initial=lowest)
        powers = (logits - highest.index_select(0, edges.target)).exp()
        shares = powers / sum_by_target(powers, edges).index_select(0, edges.target)
        context.edges = edges
        context.save_for_backward(shares)
        return shares

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (shares,) = context.saved_tensors
        weighted = shares * gradient
        return weighted - shares * sum_by_target(weighted, context.edges).index_select(0, context.edges.target), None


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: torch.Tensor, share: torch.Tensor, edges: Edges) -> torch.Tensor:
        context.edges = edges
        context.save_for_backward(values, share)
        heads = zip(_heads(values), share.unbind(dim=1), strict=True)
        return torch.stack([_over_sources(head, own.contiguous(), edges) for head, own in heads], dim=1)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None, None]:
        values, share = context.saved_tensors
        edges, gradients = context.edges, _heads(gradient)
        of_values = [_over_targets(own, by.contiguous(), edges) for own, by in zip(gradients, share.unbind(dim=1), strict=True)]
        if not context.needs_input_grad[1]:  # shares that nothing has been learned of
            return torch.stack(of_values, dim=1), None, None
        of_share = [_dots(own, head, edges) for own, head in zip(gradients, _heads(values), strict=True)]
        return torch.stack(of_values, dim=1), torch.stack(of_share, dim=1), None


class _Dots(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, targets: torch.Tensor, sources: torch.Tensor, edges: Edges) -> torch.Tensor:
        context.edges = edges
        context.save_for_backward(targets, sources)
        return _dots(targets, sources, edges)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        targets, sources = context.saved_tensors
        own = gradient.contiguous()
        return _over_sources(sources, own, context.edges), _over_targets(targets, own, context.edges), None

"""Our attention against PyG's GATConv on the same edges: ``python -m recs_assets_tests.benchmarks.attention``.

25,000 parts that look at 50 of 10,000 people each, 128 dimensions, 4 heads: forward and backward, seconds and peak memory. Each
runs in a process of its own, so that one's memory is not the other's.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

N_TARGETS, N_SOURCES, WIDTH, SIZE, HEADS = 25_000, 10_000, 50, 128, 4
REPEATS = 3


def along_edges() -> Callable[[], torch.Tensor]:
    """Our attention."""
    from recs_assets.gnn.towers.attention import Attention
    from recs_assets.gnn.towers.edges import Edges
    from recs_assets.gnn.towers.neighbours import Neighbours

    attention = Attention(SIZE, HEADS)
    index = np.random.default_rng(0).integers(N_SOURCES, size=N_TARGETS * WIDTH)
    neighbours = Neighbours(Edges.of(index, np.full(N_TARGETS, WIDTH), N_SOURCES), torch.rand(N_TARGETS * WIDTH))
    sources, targets = torch.randn(N_SOURCES, SIZE, requires_grad=True), torch.randn(N_TARGETS, SIZE, requires_grad=True)
    return lambda: attention(sources, targets, neighbours)


def gatconv() -> Callable[[], torch.Tensor]:
    """PyG's over an edge list."""
    from torch_geometric.nn import GATConv

    attention = GATConv((SIZE, SIZE), SIZE // HEADS, HEADS, edge_dim=1, add_self_loops=False, bias=False)
    edge_index = torch.stack([torch.randint(N_SOURCES, (N_TARGETS * WIDTH,)), torch.arange(N_TARGETS).repeat_interleave(WIDTH)])
    weight = torch.rand(N_TARGETS * WIDTH, 1)
    sources, targets = torch.randn(N_SOURCES, SIZE, requires_grad=True), torch.randn(N_TARGETS, SIZE, requires_grad=True)
    return lambda: attention((sources, targets), edge_index, weight)


def main() -> None:
    """Time one kind in this process, or both in two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=("edges", "gatconv"))
    kind = parser.parse_args().kind
    if kind is None:
        for one in ("edges", "gatconv"):
            subprocess.run([sys.executable, "-m", "recs_assets_tests.benchmarks.attention", "--kind", one], check=True)
        return
    torch.manual_seed(0)
    forward = {"edges": along_edges, "gatconv": gatconv}[kind]()
    for _ in range(REPEATS):
        started = time.process_time()
        messages = forward()
        middle = time.process_time()
        torch.autograd.backward(messages.sum())
        print(f"{kind:<8} forward {middle - started:6.2f} CPU s, backward {time.process_time() - middle:6.2f} CPU s")
    print(f"{kind:<8} peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()

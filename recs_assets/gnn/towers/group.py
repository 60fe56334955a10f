"""The processes that train the same towers together, each on its share of the people; one alone is a group too.

Data parallel (Li et al. 2020, PyTorch's DistributedDataParallel): every process holds the same weights, takes the loss of its
own people, and the gradients are summed over all processes before each step.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    """One of the processes, and how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def rows(self) -> slice:
        """Which of the rows of a table are this process's; strided, so that each has as many of every kind."""
        return slice(self.rank, None, self.size)

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module whose backward pass leaves the mean over the group of the gradients, the same in every process."""
        # Static: an encoder without neighbours, as of vehicles in a store that has none, is left out of every step.
        return DistributedDataParallel(module, static_graph=True) if self.size > 1 else module

    def sum(self, value: torch.Tensor) -> float:
        """The sum over the group of a scalar."""
        total = value.detach().clone()
        if self.size > 1:
            distributed.all_reduce(total)
        return total.item()

    def by_first(self, make: Callable[[], T]) -> T:
        """What ``make`` gives in the first process, in all of them: whatever is decided by it is decided alike."""
        if self.size == 1:
            return make()
        made: list[T | None] = [make() if self.rank == 0 else None]
        distributed.broadcast_object_list(made, src=0)
        return made[0]  # type: ignore[return-value]


@contextmanager
def joined(device: str) -> Iterator[Group]:
    """The group that ``torchrun`` has started this process for; without it this process alone.

    Args:
        device: ``cuda`` gives each process of a machine a GPU of its own and NCCL, ``cpu`` Gloo.
    """
    if not distributed.is_torchelastic_launched():
        yield Group()
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield Group(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()

"""The same bits every time, where that can be had."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def deterministic(device: str) -> Iterator[None]:
    """Deterministic algorithms on a CPU, for the block or the decorated function.

    On a GPU cuBLAS refuses to work in that mode unless the environment was prepared before it was loaded; and what other code
    of the process runs there later must not be refused because something was fitted before.
    """
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(device == "cpu")
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)

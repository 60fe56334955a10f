"""Names for arrays by what they hold, for the whole package, and the few group operations that several modules share."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.str_]
Objects = NDArray[np.object_]  # Python's own text, or None: what pandas and Arrow take as it is

PADDED_CELLS = 4_000_000  # of one block of rows padded to the same length: 32 MB


def pair_keys(profiles: Ints, codes: Ints) -> Ints:
    """One int64 a (profile, code) pair; equal pairs give equal keys, and sorted pairs sorted keys. Codes are >= 0."""
    width = int(codes.max(initial=0)) + 1
    return profiles.astype(np.int64) * width + codes.astype(np.int64)


def within_first(limit: int, keys: Ints) -> Flags:
    """Whether fewer than ``limit`` earlier rows have the same key."""
    within, left = np.zeros(len(keys), dtype=bool), np.arange(len(keys))
    for _ in range(limit):  # each a quarter of the time of counting, and of fewer rows
        is_first = ~pd.Series(keys[left]).duplicated().to_numpy(dtype=bool)
        within[left[is_first]] = True
        left = left[~is_first]
    return within


def group_numbers(sorted_groups: Ints) -> Ints:
    """Groups renumbered 0, 1, ... in their order, where equal groups stand together."""
    is_first = np.ones(len(sorted_groups), dtype=bool)
    is_first[1:] = sorted_groups[1:] != sorted_groups[:-1]
    return np.cumsum(is_first) - 1


def positions(sorted_groups: Ints) -> Ints:
    """For each row its 0-based position in its group, where equal groups stand together."""
    return count_before(np.ones(len(sorted_groups), dtype=bool), group_numbers(sorted_groups))


def count_before(flags: Flags, group: Ints) -> Ints:
    """For each row the flagged rows before it in its group; ``group`` as from :func:`group_numbers`."""
    before: Ints = np.cumsum(flags, dtype=np.int64) - flags
    first = np.flatnonzero(np.diff(group, prepend=-1))
    return np.asarray(before - before[first][group], dtype=np.int64)


def starts_of(sorted_groups: Ints) -> Ints:
    """Where each group begins, and behind them all the number of rows, where equal groups stand together."""
    return np.append(np.flatnonzero(np.diff(sorted_groups, prepend=-1)), len(sorted_groups)).astype(np.int64)


def padded(values: Floats, starts: Ints, groups: Ints) -> Floats:
    """[groups x longest] the values of some groups side by side, -inf behind the shorter ones."""
    lengths = (starts[1:] - starts[:-1])[groups][:, None]
    column = np.arange(lengths.max(initial=0))
    cells = values.take(starts[groups][:, None] + column, mode="clip")
    cells[column >= lengths] = -np.inf
    return cells


def blocks_of_like_length(lengths: Ints) -> Iterator[Ints]:
    """All groups, the longest first, in blocks of bounded size when padded: one long group does not pad all the others."""
    order = np.argsort(-lengths, kind="stable")
    first = 0
    while first < len(order):
        block = order[first : first + max(1, PADDED_CELLS // max(1, int(lengths[order[first]])))]
        yield block
        first += len(block)


def descending_within(values: Floats, starts: Ints) -> Ints:
    """The order of rows by value, descending, within each group; equal values stay in their order. (A tenth of a lexsort.)

    Args:
        values: float[rows], finite.
        starts: as from :func:`starts_of`.
    """
    order = np.empty(len(values), dtype=np.int64)
    lengths = starts[1:] - starts[:-1]
    for block in blocks_of_like_length(lengths):
        ranked = np.argsort(-padded(values, starts, block), axis=1, kind="stable")
        is_row = np.arange(ranked.shape[1]) < lengths[block][:, None]
        to = starts[block][:, None] + np.arange(ranked.shape[1])
        order[to[is_row]] = (starts[block][:, None] + ranked)[is_row]
    return order


def blocks_of(n: int, size: int) -> list[slice]:
    """The rows 0 to n, ``size`` at a time, in order."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]

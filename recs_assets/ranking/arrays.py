"""Names for the arrays of this folder, and the few group operations that several of its modules share."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]


def pair_keys(profiles: Indices, codes: Indices) -> Indices:
    """One int64 a (profile, code) pair; equal pairs give equal keys, and sorted pairs sorted keys. Codes are >= 0."""
    width = int(codes.max(initial=0)) + 1
    return profiles.astype(np.int64) * width + codes.astype(np.int64)


def within_first(limit: int, keys: Indices) -> Flags:
    """Whether fewer than ``limit`` earlier rows have the same key."""
    series = pd.Series(keys)
    if limit == 1:  # a quarter of the time of counting
        return ~series.duplicated().to_numpy(dtype=bool)
    return series.groupby(keys, sort=False).cumcount().to_numpy() < limit


def group_numbers(sorted_groups: Indices) -> Indices:
    """Groups renumbered 0, 1, ... in their order, where equal groups stand together."""
    is_first = np.ones(len(sorted_groups), dtype=bool)
    is_first[1:] = sorted_groups[1:] != sorted_groups[:-1]
    return np.cumsum(is_first) - 1


def positions(sorted_groups: Indices) -> Indices:
    """For each row its 0-based position in its group, where equal groups stand together."""
    return count_before(np.ones(len(sorted_groups), dtype=bool), group_numbers(sorted_groups))


def count_before(flags: Flags, group: Indices) -> Indices:
    """For each row the flagged rows before it in its group; ``group`` as from :func:`group_numbers`."""
    before: Indices = np.cumsum(flags, dtype=np.int64) - flags
    first = np.flatnonzero(np.diff(group, prepend=-1))
    return np.asarray(before - before[first][group], dtype=np.int64)

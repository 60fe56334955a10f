"""Cold, warm and hot: how much the store knows of a person. The rule stands here alone; SQL joins its table."""

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STRATA = ("cold", "warm", "hot")


@dataclass(frozen=True)
class Stratum:
    """The people with at least ``min_events`` and at most ``max_events`` events; nobody where the most is below the least."""

    name: str
    min_events: int
    max_events: int


def strata_table(hot_min_events: int) -> list[Stratum]:
    """Cold people have no event at all, hot ones at least ``hot_min_events``; the others are warm."""
    least = (0, 1, hot_min_events)
    most = (0, hot_min_events - 1, sys.maxsize)
    return [Stratum(*row) for row in zip(STRATA, least, most, strict=True)]


def strata_of(n_events: NDArray[np.int64], hot_min_events: int) -> NDArray[np.str_]:
    """[people] the stratum of each number of events."""
    return np.array(STRATA)[strata_positions(n_events, hot_min_events)]


def strata_positions(n_events: NDArray[np.int64], hot_min_events: int) -> NDArray[np.int64]:
    """[people] the same as a position in ``STRATA``."""
    return np.searchsorted([row.min_events for row in strata_table(hot_min_events)], n_events, side="right") - 1

"""Looking every week at an experiment that grows, and being wrong no more often than in one look."""

import math
from functools import lru_cache

import numpy as np

from recs_assets.ranking.arrays import Floats
from recs_assets.ranking.statistics import NORMAL

OBRIEN_FLEMING = 0.0
POCOCK = 0.5
NODES, WEIGHTS = np.polynomial.legendre.leggauss(96)
REACH = 8.0
BISECTIONS = 40


@lru_cache
def bounds(n_looks: int, level: float, shape: float) -> tuple[float, ...]:
    """The z that each of ``n_looks`` equal steps of evidence asks for, so that chance exceeds any of them with ``level``.

    b_k = c (k / n)^(shape - 1/2) (Wang & Tsiatis 1987): ``OBRIEN_FLEMING`` asks for much at first and, at last, for little more
    than a single look would (O'Brien & Fleming 1979); ``POCOCK`` asks for the same each time (Pocock 1977). One-sided; c by
    the recursion of Armitage, McPherson & Rowe 1969.

    Raises:
        ValueError: no look, or a level that is no probability below a half.
    """
    if n_looks < 1 or not 0 < level < 0.5:
        raise ValueError(f"{n_looks} looks at a level of {level}: give one look or more, and a level between 0 and 0.5.")
    slopes = (np.arange(1, n_looks + 1) / n_looks) ** (shape - 0.5)
    low, high = NORMAL.inv_cdf(1 - level), NORMAL.inv_cdf(1 - level / n_looks) + 1e-9
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _exceeded(middle * slopes) > level else (low, middle)
    return tuple(float(high * slope) for slope in slopes)


def _exceeded(limits: Floats) -> float:
    """The probability that a sum of standard normal steps, over the root of their number, exceeds any of its limits.

    Carried from look to look: how likely the sum stands where, without having exceeded a limit (Gauss-Legendre).
    """
    tops = limits * np.sqrt(np.arange(1, len(limits) + 1))
    exceeded = 1 - NORMAL.cdf(float(tops[0]))
    cells, widths = _cells(float(tops[0]), 1)
    mass = _normal(cells) * widths
    for look, top in enumerate(tops[1:], start=2):
        exceeded += float(mass @ _upper_tail(top - cells))
        following, widths = _cells(float(top), look)
        mass = (_normal(following[:, None] - cells) @ mass) * widths
        cells = following
    return exceeded


def _cells(top: float, look: int) -> tuple[Floats, Floats]:
    """Nodes below a limit, and their weights."""
    bottom = -REACH * math.sqrt(look)
    half = (top - bottom) / 2
    return bottom + half * (NODES + 1), half * WEIGHTS


def _normal(values: Floats) -> Floats:
    return np.asarray(np.exp(-(values**2) / 2) / math.sqrt(2 * math.pi))


def _upper_tail(values: Floats) -> Floats:
    from scipy.special import ndtr  # scipy: 0.3 s at load

    return np.asarray(ndtr(-values))

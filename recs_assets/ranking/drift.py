"""How far two distributions of scores lie apart."""

import math
from collections.abc import Sequence

# An empty bin counts as this share: the logarithm of nothing is no number.
SMALLEST_SHARE = 1e-4


def population_stability_index(before: Sequence[int], now: Sequence[int]) -> float:
    """Sum over the bins of (now - before) x ln(now / before), on shares; 0 for equal distributions.

    By convention below 0.1 nothing has changed, above 0.25 much has (Siddiqi, Credit Risk Scorecards, 2006).

    Args:
        before: rows per bin.
        now: rows in the same bins.

    Returns:
        NaN where one side has no rows.
    """
    n_before, n_now = sum(before), sum(now)
    if not n_before or not n_now:
        return math.nan
    pairs = [
        (max(old / n_before, SMALLEST_SHARE), max(new / n_now, SMALLEST_SHARE)) for old, new in zip(before, now, strict=True)
    ]
    return sum((new - old) * math.log(new / old) for old, new in pairs)

"""Whether as many people came into each arm as were sent there: where not, no other figure of an experiment means anything."""

from collections.abc import Sequence

import numpy as np

from recs_assets.ranking.arrays import Floats


def sample_ratio_p_value(users: Floats, shares: Sequence[float]) -> Floats:
    """[...] the chance of arms at least as uneven as these, by chi-square (Fabijan et al. 2019, on sample-ratio mismatch).

    Args:
        users: float[..., arms], people seen in each.
        shares: of each arm, as planned; they add up to 1.

    Raises:
        ValueError: the shares do not add up to 1, or one of them is 0.
    """
    from scipy.special import gammaincc  # scipy: 0.3 s at load

    planned = np.asarray(shares, dtype=np.float64)
    if abs(planned.sum() - 1) > 1e-9 or (planned <= 0).any():
        raise ValueError(f"the arms' shares {list(shares)} have to be above 0 and add up to 1.")
    expected = users.sum(axis=-1, keepdims=True) * planned
    with np.errstate(invalid="ignore"):
        chi_square = np.nan_to_num(((users - expected) ** 2 / expected).sum(axis=-1))
    return np.asarray(gammaincc((planned.size - 1) / 2, chi_square / 2))

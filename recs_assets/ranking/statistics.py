"""Paired comparison of two systems on the same users."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recs_assets.ranking.arrays import Floats

# The interval below is normal: with fewer users its coverage is not what it says.
MIN_USERS_FOR_INTERVAL = 30


@dataclass(frozen=True)
class Lift:
    """Relative lift of one system over another with its interval, 95% unless another was asked for.

    Attributes:
        lift: mean of the system / mean of the baseline - 1; NaN where the baseline's mean is zero.
        low: lower bound of the interval; NaN where there is none.
        high: upper bound.
        standard_error: of ``lift``.
        n_users: distinct users.
        mean_baseline: mean over rows (a row is a user in a week).
        mean_system: mean over rows.
        z: lift / standard_error.
        problem: why the lift or the interval is missing, in words; ``None`` where neither is.
    """

    lift: float
    low: float
    high: float
    standard_error: float
    n_users: int
    mean_baseline: float
    mean_system: float
    z: float
    problem: str | None = None


def paired_lift(baseline: Floats, system: Floats, clusters: NDArray[Any], level: float = 0.05) -> Lift:
    """Relative lift of means, paired on rows, with an interval by the delta method on per-user sums.

    One user stands in several weeks, so rows are not independent but users are. With X and Y the sums of a user's
    rows under baseline and system, R = mean(Y) / mean(X) and, over G users,

        Var(R) ~ Var(Y - R X) / (G mean(X)^2)

    (Deng, Knoblich & Lu 2018, "Applying the Delta Method in Metric Analytics", section 2.2 for the ratio and 3.1 for
    clusters). The rows per user cancel, as both systems have the same ones.

    Args:
        baseline: float[rows].
        system: float[rows], of the same user and week as ``baseline``.
        clusters: [rows], the user of each row.
        level: 1 - confidence of the interval.

    Raises:
        ValueError: the arrays are of different lengths.
    """
    if not len(baseline) == len(system) == len(clusters):
        raise ValueError(f"rows do not pair: {len(baseline)} baseline, {len(system)} system, {len(clusters)} users.")
    users, code = np.unique(np.asarray(clusters), return_inverse=True)
    nan, n_users = math.nan, len(users)
    if n_users == 0:
        return Lift(nan, nan, nan, nan, 0, nan, nan, nan, "there are no users")
    mean_baseline, mean_system = float(np.mean(baseline)), float(np.mean(system))
    if mean_baseline == 0:
        problem = "the baseline found nothing at all, so a relative lift is undefined"
        return Lift(nan, nan, nan, nan, n_users, mean_baseline, mean_system, nan, problem)
    per_user_x = np.bincount(code, weights=baseline)
    per_user_y = np.bincount(code, weights=system)
    ratio = mean_system / mean_baseline
    if n_users < MIN_USERS_FOR_INTERVAL:
        problem = f"{n_users} users are too few for an interval ({MIN_USERS_FOR_INTERVAL} needed)"
        return Lift(ratio - 1, nan, nan, nan, n_users, mean_baseline, mean_system, nan, problem)
    residual = per_user_y - ratio * per_user_x
    error = float(np.sqrt(residual.var(ddof=1) / n_users) / per_user_x.mean())
    reach = NormalDist().inv_cdf(1 - level / 2) * error
    lift = ratio - 1
    z = lift / error if error > 0 else nan
    return Lift(lift, lift - reach, lift + reach, error, n_users, mean_baseline, mean_system, z)


def smallest_detectable_lift(measured: Lift, power: float = 0.8, level: float = 0.05) -> float:
    """The true relative lift that these users would show as different from zero with probability ``power``.

    (z_(1 - level/2) + z_power) x standard error, the two-sided normal approximation (Cohen 1988); NaN without an interval.
    """
    normal = NormalDist()
    return (normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)) * measured.standard_error


def weeks_needed(measured: Lift, *, target_lift: float, n_weeks: int, power: float = 0.8, level: float = 0.05) -> int | None:
    """Weeks of as many users as these that would show a true ``target_lift`` as different from zero.

    The standard error falls with the square root of the weeks: n_weeks x (smallest detectable / target)^2, rounded up.
    ``None`` where there is no interval, or the target is not above zero.
    """
    detectable = smallest_detectable_lift(measured, power, level)
    if math.isnan(detectable) or target_lift <= 0:
        return None
    return max(1, math.ceil(n_weeks * (detectable / target_lift) ** 2))

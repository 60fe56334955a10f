"""Paired comparison of two systems on the same users, by a test that holds when few of them differ."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recs_assets.ranking.arrays import Floats

NORMAL = NormalDist()
BISECTIONS = 60
# Of the sum of the differences, in the variance of what may have stayed unseen.
UNSEEN = 0.8
# An interval that reaches so high a ratio of the means has no upper end.
HIGHEST_RATIO = 1e6
# Standard errors at which one figure is taken to be lower than another: it would be so by chance one time in twenty.
WORSE = -1.645


@dataclass(frozen=True)
class Lift:
    """Relative lift of one system over another with its interval, 95% unless another was asked for.

    Attributes:
        lift: mean of the system / mean of the baseline - 1; NaN where the baseline's mean is zero.
        low: lower bound of the interval, at least -1; NaN where there is none.
        high: upper bound; infinite where so few users have a hit that any lift may be true.
        standard_error: of ``lift``, by the delta method; it plans, and decides nothing.
        n_users: distinct users.
        mean_baseline: mean over rows (a row is a user in a week).
        mean_system: mean over rows.
        z: ``strength`` of the evidence that the lift is not zero; 0 where no user differs.
        n_better: users whom the system serves better than the baseline, all their rows together.
        n_worse: users whom it serves worse.
        null_error: of the lift, as ``strength`` counts it: sqrt(sum(D^2)) over the sum of the baseline.
        information: about how many users differ by a whole hit: what ``strength`` grows with, squared.
        problem: why the lift is missing, in words; ``None`` where it is not.
    """

    lift: float
    low: float
    high: float
    standard_error: float
    n_users: int
    mean_baseline: float
    mean_system: float
    z: float
    n_better: int = 0
    n_worse: int = 0
    null_error: float = math.nan
    information: float = 0.0
    problem: str | None = None

    @property
    def interval(self) -> str:
        """Its ends in words, such as ``-4.6% to +24.6%``."""
        return f"{self.low:+.1%} to {self.high:+.1%}" if math.isfinite(self.high) else f"{self.low:+.1%} upwards"


@dataclass(frozen=True)
class Difference:
    """How far one system's mean lies from another's, for figures that have no upper bound, such as a likelihood.

    Attributes:
        mean: of the system less that of the baseline, over rows; NaN where there are none.
        low: lower bound of the interval; minus infinity where they are so few that any difference may be true.
        high: upper bound.
        z: how strongly users speak against there being none, as in ``strength``.
        n_users: distinct users.
        mean_baseline: mean over rows (a row is a user in a week).
        mean_system: mean over rows.
    """

    mean: float
    low: float
    high: float
    z: float
    n_users: int
    mean_baseline: float
    mean_system: float


def strength(baseline: Floats, system: Floats, ratio: float = 1.0) -> Floats:
    """[...] how strongly users speak against mean(system) = ratio x mean(baseline), in standard errors; positive: it is more.

    With D = system - ratio x baseline, a user's rows added up, and b the size of a single difference,

        strength = sum(D) / sqrt(sum(D^2) + 0.8 b |sum(D)|)

    Without the second term this is the normal form of the test that flips the sign of every user's D at random, and with
    few users who differ it takes luck for proof: a system that gains a little often and loses a lot seldom looks good as
    long as no loss has come up. The second term is the variance of what may have stayed unseen. For the most skewed D there are
    (losses of b alone) it is the correction of Johnson 1978, "Modified t tests and confidence intervals for asymmetrical
    populations", which at a strength of 1.96 is 0.75; 0.8 leaves room for counts being whole. That its level holds from 10 to
    5,000 users is simulated (``python -m recs_assets_tests.benchmarks.gate_1``).

    Args:
        baseline: float[..., users], sums of values between 0 and 1.
        system: float[..., users].
        ratio: the one spoken against; 1 is no lift.
    """
    differences = system - ratio * baseline
    sizes = np.abs(differences)
    # A single difference is at least that of a whole row.
    return strength_of_sums(differences.sum(axis=-1), np.square(sizes).sum(axis=-1), (sizes**3).sum(axis=-1), max(1.0, ratio))


def strength_of_sums(total: Floats, squares: Floats, cubes: Floats, at_least: float = 1.0) -> Floats:
    """[...] ``strength`` from the sums over users of D, D^2 and |D|^3, where a single difference is at least so large."""
    spread = np.sqrt(squares + UNSEEN * _size(squares, cubes, at_least) * np.abs(total))
    return np.divide(total, spread, out=np.zeros_like(total), where=squares > 0)


def _size(squares: Floats, cubes: Floats, at_least: float) -> Floats:
    """Of a single difference: the typical one of those seen, but at least so large."""
    typical = np.divide(cubes, squares, out=np.zeros_like(squares), where=squares > 0)
    return np.maximum(typical, at_least)


def paired_lift(baseline: Floats, system: Floats, clusters: NDArray[Any], level: float = 0.05) -> Lift:
    """Relative lift of means, paired on rows, with the interval of all lifts that ``strength`` does not speak against.

    One user stands in several weeks, so rows are not independent but users are: a user's rows are added up. With X and Y
    these sums under baseline and system and R = mean(Y) / mean(X), over G users,

        standard_error^2 ~ Var(Y - R X) / (G mean(X)^2)

    (Deng, Knoblich & Lu 2018, "Applying the Delta Method in Metric Analytics", section 2.2 for the ratio and 3.1 for
    clusters). The rows per user cancel, as both systems have the same ones.

    Args:
        baseline: float[rows], between 0 and 1.
        system: float[rows], of the same user and week as ``baseline``.
        clusters: [rows], the user of each row.
        level: 1 - confidence of the interval.

    Raises:
        ValueError: the arrays are of different lengths, or a value is not a number.
    """
    if not len(baseline) == len(system) == len(clusters):
        raise ValueError(f"rows do not pair: {len(baseline)} baseline, {len(system)} system, {len(clusters)} users.")
    users, code = np.unique(np.asarray(clusters), return_inverse=True)
    nan, n_users = math.nan, len(users)
    if n_users == 0:
        return Lift(nan, nan, nan, nan, 0, nan, nan, 0.0, problem="there are no users")
    mean_baseline, mean_system = float(np.mean(baseline)), float(np.mean(system))
    x, y = (np.bincount(code, weights=values).astype(np.float64) for values in (baseline, system))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("some rows have a value that is not a number: a user without anything held out has no recall.")
    if mean_baseline == 0:
        problem = "the baseline found nothing at all, so a relative lift is undefined"
        z = float(strength(x, y))
        return Lift(nan, nan, nan, nan, n_users, 0.0, mean_system, z, int((y > 0).sum()), problem=problem)
    sizes = np.abs(y - x)
    squares, cubes = np.square(sizes).sum(), (sizes**3).sum()
    low, high = _interval(x, y, NORMAL.inv_cdf(1 - level / 2))
    return Lift(
        lift=mean_system / mean_baseline - 1,
        low=low,
        high=high,
        standard_error=_standard_error(x, y),
        n_users=n_users,
        mean_baseline=mean_baseline,
        mean_system=mean_system,
        z=float(strength(x, y)),
        n_better=int((y > x).sum()),
        n_worse=int((y < x).sum()),
        null_error=float(np.sqrt(squares) / x.sum()),
        information=float(squares / _size(squares, cubes, 1.0) ** 2),
    )


def _standard_error(x: Floats, y: Floats) -> float:
    if len(x) == 1:
        return math.nan
    residual = y - y.sum() / x.sum() * x
    return float(np.sqrt(residual.var(ddof=1) / len(x)) / x.mean())


def _interval(x: Floats, y: Floats, limit: float) -> tuple[float, float]:
    """The lifts between which the evidence stays below ``limit``."""
    middle = float(y.sum() / x.sum())
    low, high = 0.0, middle + 1

    def against(ratio: float) -> float:
        return float(strength(x, y, ratio))

    if against(low) > limit:
        low = _crossing(against, limit, low, middle)
    while against(high) > -limit:
        high *= 2
        if high > HIGHEST_RATIO:
            return low - 1, math.inf
    return low - 1, _crossing(against, -limit, middle, high) - 1


def _crossing(against: Callable[[float], float], limit: float, below: float, above: float) -> float:
    """The value between ``below`` and ``above`` against which the evidence is ``limit``; it falls as the value grows."""
    for _ in range(BISECTIONS):
        middle = (below + above) / 2
        if against(middle) > limit:
            below = middle
        else:
            above = middle
    return (below + above) / 2


def paired_difference(baseline: Floats, system: Floats, clusters: NDArray[Any], level: float) -> Difference:
    """Difference of means, paired on rows, with the interval of all differences that users do not speak against.

    With D and n a user's differences and rows added up, what speaks against a true difference m is as in ``strength``, of
    D - m n, where a single difference is as large as the typical one of those seen: a likelihood has no whole hit.

    Args:
        baseline: float[rows].
        system: float[rows], of the same user and week as ``baseline``.
        clusters: [rows], the user of each row.
        level: 1 - confidence of the interval.
    """
    if not len(baseline):
        return Difference(math.nan, -math.inf, math.inf, 0.0, 0, math.nan, math.nan)
    code = np.unique(np.asarray(clusters), return_inverse=True)[1]
    n_rows = np.bincount(code).astype(np.float64)
    total = np.bincount(code, weights=system - baseline)
    mean, limit = float(total.sum() / n_rows.sum()), NORMAL.inv_cdf(1 - level / 2)

    farthest = float(np.abs(total).max()) or 1.0

    def against(difference: float) -> float:
        differences = total - difference * n_rows
        sizes = np.abs(differences)
        return float(strength_of_sums(differences.sum(), np.square(sizes).sum(), (sizes**3).sum(), at_least=0.0))

    def end(sign: int) -> float:
        reach = farthest
        while sign * against(mean + sign * reach) > -limit:
            reach *= 2
            if reach > HIGHEST_RATIO * farthest:
                return sign * math.inf
        return _crossing(against, -sign * limit, *sorted((mean, mean + sign * reach)))

    means = float(np.mean(baseline)), float(np.mean(system))
    return Difference(mean, end(-1), end(1), against(0.0), len(n_rows), *means)


def mean_interval(values: Floats, clusters: NDArray[Any], level: float = 0.05, highest: float = 1.0) -> tuple[float, float]:
    """The interval of a mean over rows, where a user may have several: mean -+ z s, cut to what the mean can be.

    With r a user's rows added up after the mean is taken from each, and G users in n rows, s^2 = G / (G - 1) sum(r^2) / n^2
    (Liang & Zeger 1986). It shows how sure a mean is, and decides nothing.

    Args:
        values: float[rows], between 0 and ``highest``.
        clusters: [rows], the user of each row.
        level: 1 - confidence of the interval.
        highest: a share is at most 1; infinite where nothing bounds the values.

    Returns:
        Both ends; NaN where there are fewer than two users.
    """
    users, code = np.unique(np.asarray(clusters), return_inverse=True)
    if len(users) < 2:
        return math.nan, math.nan
    mean = float(np.mean(values))
    residuals = np.bincount(code, weights=values - mean)
    error = math.sqrt(len(users) / (len(users) - 1) * float(np.square(residuals).sum())) / len(values)
    reach = NORMAL.inv_cdf(1 - level / 2) * error
    return max(0.0, mean - reach), min(highest, mean + reach)


def significantly_below(strengths: Mapping[str, float], level: float) -> list[str]:
    """The names whose evidence lies significantly below zero, when all of them are asked at once.

    Holm's step-down procedure (1979): with n names, the lowest has to fall below the quantile of level / n, the next below
    that of level / (n - 1), and so on until one does not. Any of them is named without being below at most with
    probability ``level``.
    """
    below: list[str] = []
    for name, value in sorted(strengths.items(), key=lambda item: item[1]):
        if not value < NORMAL.inv_cdf(level / (len(strengths) - len(below))):
            break
        below.append(name)
    return below

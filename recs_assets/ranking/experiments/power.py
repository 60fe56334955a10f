"""Before an experiment: how many people, how many weeks, what can be seen. After it: how much a win exaggerates."""

import math
from dataclasses import dataclass

from recs_assets.ranking.statistics import NORMAL


@dataclass(frozen=True)
class Metric:
    """A ratio as planning knows it, from before the experiment: its mean, and the variance of one user's (``ArmSums``)."""

    mean: float
    variance: float

    @staticmethod
    def of_share(share: float) -> "Metric":
        """Of people who do something or not, such as clickers."""
        return Metric(share, share * (1 - share))

    def lifted(self, lift: float) -> "Metric":
        """The same with a lift: what a user does more of varies more, as counts and rare yes-or-no do."""
        return Metric(self.mean * (1 + lift), (1 + lift) * (self.variance - lift * self.mean**2))

    def error(self, lift: float, users_per_arm: float) -> float:
        """Standard error of the relative lift with so many users in each of two arms."""
        return math.sqrt((self.variance + self.lifted(lift).variance) / users_per_arm) / self.mean


def users_per_arm(metric: Metric, lift: float, *, power: float = 0.8, bound: float = NORMAL.inv_cdf(0.975)) -> int:
    """How many users each of two arms needs, for a true ``lift`` to exceed ``bound`` standard errors with ``power``.

    n = (bound + z_power)^2 (V + V_lifted) / (mean lift)^2, the usual formula for two means.
    """
    wanted = (bound + NORMAL.inv_cdf(power)) * metric.error(lift, 1) / lift
    return math.ceil(wanted**2)


def power_of(metric: Metric, lift: float, users_per_arm: float, bound: float) -> float:
    """The probability that a true ``lift`` exceeds ``bound`` standard errors with so many users an arm."""
    return NORMAL.cdf(lift / metric.error(lift, users_per_arm) - bound)


def exaggeration(true_lift: float, error: float, asked: float) -> float:
    """By how much an estimate that reached ``asked`` is too large in the mean, as a multiple of the true lift.

    The type M error of Gelman & Carlin 2014, "Beyond Power Calculations": with estimates normal around ``true_lift``, the mean
    of those above ``asked`` over ``true_lift``. Without an error it is 1.
    """
    if not error > 0:
        return 1.0
    distance = (asked - true_lift) / error
    beyond = 1 - NORMAL.cdf(distance)
    # So far out that the tail has no digits left, it lies at its own edge.
    mean = asked if beyond < 1e-12 else true_lift + error * NORMAL.pdf(distance) / beyond
    return mean / true_lift

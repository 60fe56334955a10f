"""How much more of something the treated do: a relative lift of ratios between two arms, its error and its interval."""

import math
from dataclasses import dataclass

import numpy as np

from recs_assets.ranking.arrays import Floats
from recs_assets.ranking.experiments.sums import ArmSums


@dataclass(frozen=True)
class RatioLift:
    """The treated arm's ratio over that of control, less one. Every field is float[...].

    Attributes:
        control: ratio of control, adjusted where there is a covariate.
        treated: ratio of the treated.
        lift: treated / control - 1; NaN where control has nothing.
        error: standard error of log(treated / control), so about that of the lift.
        z: log(treated / control) / error: the evidence that there is a lift, in standard errors; 0 where there is none to be had.
    """

    control: Floats
    treated: Floats
    lift: Floats
    error: Floats
    z: Floats

    def interval(self, bound: Floats | float) -> tuple[Floats, Floats]:
        """The lifts against which the evidence is below ``bound`` standard errors."""
        ratio, width = self.lift + 1, np.exp(bound * self.error)
        return ratio / width - 1, ratio * width - 1


def ratio_lift(control: ArmSums, treated: ArmSums) -> RatioLift:
    """Compare two arms, on the log scale: ratios of means are skewed, their logs are not.

    Var(log R) ~ Var(R) / R^2. Where the sums hold a covariate, what of the difference was there before the experiment is taken
    off (CUPED: Deng, Xu, Kohavi & Walker 2013, "Improving the Sensitivity of Online Controlled Experiments by Utilizing
    Pre-Experiment Data"): R - theta (mean(p) - mean of all), theta = Cov(R, p) / Var(p) over both arms.
    """
    both = control + treated
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = both.covariate_variance
        theta = np.divide(both.covariate_covariance, spread, out=np.zeros_like(spread), where=spread > 0)
        means, errors = [], []
        for arm in (control, treated):
            mean = arm.ratio - theta * (arm.p / arm.n - both.p / both.n)
            left = arm.variance + theta**2 * arm.covariate_variance - 2 * theta * arm.covariate_covariance
            means.append(np.asarray(mean))
            errors.append(left / arm.n / mean**2)
        error = np.sqrt(errors[0] + errors[1])
        lift = np.where(means[0] > 0, means[1] / means[0] - 1, np.nan)
        z = np.where((error > 0) & (lift > -1), np.log1p(lift) / error, 0.0)
    return RatioLift(means[0], means[1], np.asarray(lift), np.asarray(error), np.asarray(np.nan_to_num(z)))


def detectable_lift(error: float, bound: float, power: float) -> float:
    """The true lift that would have gone beyond ``bound`` standard errors with probability ``power``."""
    from recs_assets.ranking.statistics import NORMAL

    return math.expm1((bound + NORMAL.inv_cdf(power)) * error)

"""What an arm of an experiment is known by: sums over its users. SQL adds up millions of rows, Python sees ten numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recs_assets.ranking.arrays import Floats

FIELDS = ("n", "y", "x", "yy", "xx", "yx", "p", "pp", "py", "px")


@dataclass(frozen=True)
class ArmSums:
    """Sums over the users of an arm for one ratio: y over x, such as clicks over delivered mails.

    Every field is float[...], of one experiment or of many side by side.

    Attributes:
        n: users.
        y: sum of y.
        x: sum of x.
        yy: sum of y^2.
        xx: sum of x^2.
        yx: sum of y x.
        p: sum of the covariate, the same user's y before the experiment; with the next three, 0 where there is none.
        pp: sum of p^2.
        py: sum of p y.
        px: sum of p x.
    """

    n: Floats
    y: Floats
    x: Floats
    yy: Floats
    xx: Floats
    yx: Floats
    p: Floats
    pp: Floats
    py: Floats
    px: Floats

    @staticmethod
    def of(y: Floats, x: Floats, p: Floats | None = None) -> "ArmSums":
        """The sums over the last axis, users: float[..., users] each."""
        before = np.zeros_like(y) if p is None else p
        n = np.full(y.shape[:-1], float(y.shape[-1]))
        products = (y, x, y * y, x * x, y * x, before, before * before, before * y, before * x)
        return ArmSums(n, *(np.asarray(product.sum(axis=-1), dtype=np.float64) for product in products))

    @staticmethod
    def of_row(row: Mapping[str, float]) -> "ArmSums":
        """A row of the query ``ab_sums``."""
        return ArmSums(*(np.asarray(row[name], dtype=np.float64) for name in FIELDS))

    def __add__(self, other: "ArmSums") -> "ArmSums":
        """Both arms as one."""
        return ArmSums(*(getattr(self, name) + getattr(other, name) for name in FIELDS))

    @property
    def ratio(self) -> Floats:
        """The one over the other, y / x; NaN where x is 0."""
        return np.divide(self.y, self.x, out=np.full_like(self.y, np.nan), where=self.x != 0)

    @property
    def variance(self) -> Floats:
        """Of the ratio of one user, so that Var(ratio) ~ variance / n: with R = ratio, Var(y - R x) / mean(x)^2.

        The delta method (Deng, Knoblich & Lu 2018, "Applying the Delta Method in Metric Analytics", section 2.2): mails and
        clicks of one user are not independent, users are.
        """
        ratio, squares = self.ratio, self.n / self.x
        yy, xx, yx = (self._covariance(*names) for names in (("yy", "y", "y"), ("xx", "x", "x"), ("yx", "y", "x")))
        return np.asarray((yy - 2 * ratio * yx + ratio**2 * xx) * squares**2)

    @property
    def covariate_variance(self) -> Floats:
        """Of one user's covariate."""
        return self._covariance("pp", "p", "p")

    @property
    def covariate_covariance(self) -> Floats:
        """Of the covariate with the ratio, of one user: Cov(p, y - R x) / mean(x)."""
        of_ratio = self._covariance("py", "p", "y") - self.ratio * self._covariance("px", "p", "x")
        return np.asarray(of_ratio * self.n / self.x)

    def _covariance(self, product: str, left: str, right: str) -> Floats:
        between = getattr(self, left) * getattr(self, right) / self.n
        return np.asarray((getattr(self, product) - between) / (self.n - 1))

"""Simulated evaluations, by the thousand, and what gate 1 decides on them.

An evaluation is four weeks of users as real logs have them: most come once, a few every week; some strata are easy and
some hard; people differ in how foreseeable they are; half of what SQL finds the other system finds too, and what it finds
besides makes up the true lift. All evaluations of a size are sampled and decided at once, in arrays; that the arrays follow
the same rule as the gate is a test of its own.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from recs_assets.gates.promotion import LEVEL, SIGNIFICANT
from recs_assets.gates.verdict import FAIL, INSUFFICIENT_EVIDENCE, PASS
from recs_assets.ranking.sequential import asked_strength
from recs_assets.ranking.statistics import NORMAL, strength

MIN_LIFT = 0.05
ASKED = asked_strength(0.05)
STRATA = ("cold", "warm", "hot")
# Share of the users, and how much of what they buy SQL foresees, as a multiple of the mean.
SHARES, EASE = np.array([0.3, 0.5, 0.2]), np.array([0.6, 1.1, 1.35])
FOUND_BY_BOTH = 0.5
WEEKS = ("2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evaluations:
    """Many evaluations of the same users.

    Attributes:
        user: [rows] ascending; a row is a user in a week.
        week: [rows] its number among the user's weeks.
        stratum: [users] index of ``STRATA``.
        sql: [evaluations x rows] recall.
        blend: [evaluations x rows] recall.
    """

    user: npt.NDArray[np.int64]
    week: npt.NDArray[np.int64]
    stratum: npt.NDArray[np.int64]
    sql: Floats
    blend: Floats

    def decisions(self) -> npt.NDArray[np.str_]:
        """[evaluations] what gate 1 decides in a first week, by its rule written in arrays."""
        x, y = self.sums
        measurable = x.sum(axis=1) > 0
        refuted = measurable & (strength(x, y, 1 + MIN_LIFT) < -SIGNIFICANT)
        passed = self.bare_passes() & (strength(x, y) >= ASKED) & ~self.stratum_worse()
        return np.select([refuted, passed], [FAIL, PASS], INSUFFICIENT_EVIDENCE)

    def bare_passes(self) -> npt.NDArray[np.bool_]:
        """[evaluations] what a rule without statistics would pass: the lift itself is as large as asked for."""
        x, y = (sums.sum(axis=1) for sums in self.sums)
        return (x > 0) & (y >= (1 + MIN_LIFT) * x)

    def stratum_worse(self) -> npt.NDArray[np.bool_]:
        """[evaluations] whether any stratum is significantly worse."""
        x, y = self.sums
        present = [number for number in range(len(STRATA)) if (self.stratum == number).any()]
        return any_below([strength(x[:, self.stratum == number], y[:, self.stratum == number]) for number in present])

    @cached_property
    def sums(self) -> tuple[Floats, Floats]:
        """[evaluations x users] each, the rows of a user added up: SQL's and the blend's."""
        starts = np.flatnonzero(np.diff(self.user, prepend=-1))
        x, y = (np.add.reduceat(recall, starts, axis=1) for recall in (self.sql, self.blend))
        return x, y

    def per_user(self, number: int) -> pd.DataFrame:
        """One of them as ``evaluate`` gives it."""
        keys = {
            "week": np.array(WEEKS)[self.week],
            "user_id": [f"u{user}" for user in self.user],
            "stratum": np.array(STRATA)[self.stratum[self.user]],
        }
        systems = {"sql": self.sql[number], "blend": self.blend[number]}
        return pd.concat([pd.DataFrame({"system": name, **keys, "recall_at_10": recall}) for name, recall in systems.items()])


def any_below(strengths: list[Floats]) -> npt.NDArray[np.bool_]:
    """Whether Holm's procedure names any stratum: the lowest one decides."""
    return np.min(strengths, axis=0) < NORMAL.inv_cdf(LEVEL / len(strengths))


def simulated(n_users: int, mean_recall: float, lift: float, n_evaluations: int, seed: int = 0) -> Evaluations:
    """Evaluations of so many users in which SQL's recall is ``mean_recall`` and the blend's ``1 + lift`` times that."""
    generator = np.random.default_rng((n_users, seed))
    stratum = np.sort(generator.choice(len(STRATA), n_users, p=SHARES))
    n_weeks = np.minimum(generator.geometric(0.75, n_users), len(WEEKS))
    user = np.repeat(np.arange(n_users), n_weeks)
    week = np.arange(len(user)) - np.repeat(np.cumsum(n_weeks) - n_weeks, n_weeks)
    mean = mean_recall * EASE[stratum]
    # Cut off at a half, where a lift of 50% makes the blend certain to find what SQL misses.
    foreseeable = np.minimum(generator.beta(1, 1 / mean - 1, (n_evaluations, n_users)), 0.5)[:, user]
    return Evaluations(user, week, stratum, *recalls(generator, foreseeable, lift))


def recalls(generator: np.random.Generator, foreseeable: Floats, lift: float | Floats) -> tuple[Floats, Floats]:
    """[evaluations x rows] recall of SQL and of the blend: of a bought part or a few, each listed with chance ``foreseeable``."""
    n_held_out = np.broadcast_to(1 + generator.poisson(1.0, foreseeable.shape[1]), foreseeable.shape)
    sql = generator.binomial(n_held_out, foreseeable)
    besides = foreseeable * (1 + lift - FOUND_BY_BOTH) / (1 - foreseeable)
    blend = generator.binomial(sql, FOUND_BY_BOTH) + generator.binomial(n_held_out - sql, besides)
    return sql / n_held_out, blend / n_held_out


def share(evaluations: Evaluations, decision: str) -> float:
    """Share of the evaluations with this decision."""
    return float((evaluations.decisions() == decision).mean())

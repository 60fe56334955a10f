"""How often gate 1 is wrong: false passes at no lift, and its power at +10%, over thousands of simulated evaluations.

An evaluation is four weeks of users as real logs have them: most come once, a few every week; some strata are easy and
some hard; people differ in how foreseeable they are; half of what SQL finds the other system finds too, and what it finds
besides makes up the true lift. All evaluations of a size are drawn and judged at once, in arrays; that the arrays follow
the same rule as the gate is a test of its own.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from recs_assets.gates import FAIL, INSUFFICIENT_EVIDENCE, PASS, gate_1
from recs_assets.ranking.statistics import paired_lift, smallest_detectable_lift

MIN_LIFT = 0.05
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
        """[evaluations] what gate 1 decides, by its rule written in arrays."""
        lift, reach = self.lift(self.everybody)
        strata = [self.lift(self.stratum == number) for number in range(len(STRATA))]
        worse = np.any([of_stratum + its_reach < 0 for of_stratum, its_reach in strata], axis=0)
        passed = (lift >= MIN_LIFT) & (lift - reach > 0) & ~worse
        return np.select([lift + reach < MIN_LIFT, passed], [FAIL, PASS], INSUFFICIENT_EVIDENCE)

    @property
    def everybody(self) -> npt.NDArray[np.bool_]:
        """[users] all of them."""
        return np.ones(len(self.stratum), dtype=bool)

    def lift(self, chosen: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """[evaluations] relative lift among the chosen users, and half the width of its 95% interval."""
        starts = np.flatnonzero(np.diff(self.user, prepend=-1))
        x, y = (np.add.reduceat(recall, starts, axis=1)[:, chosen] for recall in (self.sql, self.blend))
        ratio = y.sum(axis=1) / x.sum(axis=1)
        residual = y - ratio[:, None] * x
        error = np.sqrt(residual.var(axis=1, ddof=1) / chosen.sum()) / x.mean(axis=1)
        return ratio - 1, 1.959964 * error

    def per_user(self, number: int) -> pd.DataFrame:
        """One of them as ``evaluate`` gives it."""
        keys = {
            "week": np.array(WEEKS)[self.week],
            "user_id": [f"u{user}" for user in self.user],
            "stratum": np.array(STRATA)[self.stratum[self.user]],
        }
        systems = {"sql": self.sql[number], "blend": self.blend[number]}
        return pd.concat([pd.DataFrame({"system": name, **keys, "recall_at_10": recall}) for name, recall in systems.items()])


def simulated(n_users: int, mean_recall: float, lift: float, n_evaluations: int) -> Evaluations:
    """Evaluations of so many users in which SQL's recall is ``mean_recall`` and the blend's ``1 + lift`` times that."""
    generator = np.random.default_rng(n_users)
    stratum = np.sort(generator.choice(len(STRATA), n_users, p=SHARES))
    n_weeks = np.minimum(generator.geometric(0.75, n_users), len(WEEKS))
    user = np.repeat(np.arange(n_users), n_weeks)
    week = np.arange(len(user)) - np.repeat(np.cumsum(n_weeks) - n_weeks, n_weeks)
    mean = mean_recall * EASE[stratum]
    # Cut off at a half, where a lift of 50% makes the blend certain to find what SQL misses.
    foreseeable = np.minimum(generator.beta(1, 1 / mean - 1, (n_evaluations, n_users)), 0.5)[:, user]
    n_held_out = np.broadcast_to(1 + generator.poisson(1.0, len(user)), foreseeable.shape)
    sql = generator.binomial(n_held_out, foreseeable)
    besides = foreseeable * (1 + lift - FOUND_BY_BOTH) / (1 - foreseeable)
    blend = generator.binomial(sql, FOUND_BY_BOTH) + generator.binomial(n_held_out - sql, besides)
    return Evaluations(user, week, stratum, sql / n_held_out, blend / n_held_out)


def share(found: Evaluations, decision: str) -> float:
    """Share of the evaluations with this decision."""
    return float((found.decisions() == decision).mean())


@pytest.mark.parametrize("lift", [-0.3, 0.0, 0.3])
def test_the_arrays_follow_the_rule_of_the_gate(lift: float) -> None:
    found = simulated(600, 0.1, lift, n_evaluations=15)
    assert [gate_1(found.per_user(number), min_lift=MIN_LIFT).decision for number in range(15)] == found.decisions().tolist()


def test_the_simulated_truth_is_what_was_asked_for() -> None:
    found = simulated(1_200, 0.05, 0.1, n_evaluations=500)
    assert found.blend.mean() / found.sql.mean() == pytest.approx(1.1, abs=0.01)
    assert found.sql.mean() == pytest.approx(0.05, rel=0.05)
    assert 1.2 < len(found.user) / 1_200 < 1.5


# From a small shop's four weeks (400 users) by the UCI log's (1,200) to 3,600 users at 9%.
@pytest.mark.parametrize(("n_users", "mean_recall"), [(400, 0.05), (1_200, 0.05), (3_600, 0.09)])
def test_without_any_lift_it_passes_at_most_five_times_in_a_hundred(n_users: int, mean_recall: float) -> None:
    assert share(simulated(n_users, mean_recall, 0.0, n_evaluations=1_000), PASS) <= 0.05


@pytest.mark.parametrize(
    ("n_users", "mean_recall", "least", "most"),
    [
        (1_200, 0.05, 0.08, 0.22),  # four weeks like these cannot show +10%
        (3_600, 0.09, 0.55, 0.75),
        (12_000, 0.09, 0.93, 1.0),
    ],
)
def test_its_power_at_a_true_lift_of_ten_percent(n_users: int, mean_recall: float, least: float, most: float) -> None:
    found = simulated(n_users, mean_recall, 0.1, n_evaluations=400)
    assert least <= share(found, PASS) <= most
    assert share(found, FAIL) <= 0.05


def test_the_smallest_detectable_lift_shows_itself_four_times_in_five() -> None:
    before = simulated(3_600, 0.09, 0.0, n_evaluations=1)
    detectable = smallest_detectable_lift(paired_lift(before.sql[0], before.blend[0], before.user))
    found = simulated(3_600, 0.09, detectable, n_evaluations=400)
    lift, reach = found.lift(found.everybody)
    assert (lift - reach > 0).mean() == pytest.approx(0.8, abs=0.06)

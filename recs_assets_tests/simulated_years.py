"""Simulated years of Mondays: what gate 1 promotes, what it keeps, and when a kept model steps down.

A shop has people who come back, some every week and most seldom. Each Monday one more week is held out, evaluated once; the
newest four weeks together give the lift and the strata. All years of a shop go on side by side, in arrays.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recs_assets.gates.promotion import SIGNIFICANT
from recs_assets.ranking.sequential import MONDAYS
from recs_assets.ranking.statistics import strength_of_sums
from recs_assets_tests.simulated_evaluations import ASKED, EASE, MIN_LIFT, SHARES, STRATA, WEEKS, Floats, any_below, recalls

POOL = 8  # people of a shop, as a multiple of those who buy in a week


@dataclass(frozen=True)
class Shop:
    """A shop and how its model compares with SQL.

    Attributes:
        users: who buy something new in a week, in the first one.
        recall: SQL's mean.
        growth: users of the last week, as a multiple of the first.
        preference: half the people are served so much better than the mean lift, the others so much worse, all year.
    """

    users: int
    recall: float
    growth: float = 1.0
    preference: float = 0.0

    def weeks(self, lift: float, n_years: int) -> Iterator["HeldOut"]:
        """The held-out weeks of a year one after the other: those of the first Monday, then one each Monday."""
        generator = np.random.default_rng(self.users)
        n_weeks = MONDAYS + len(WEEKS) - 1
        n_people = int(POOL * self.users * self.growth)
        stratum = generator.choice(len(STRATA), n_people, p=SHARES)
        habit = generator.gamma(0.5, size=n_people)
        foreseeable = np.minimum(generator.beta(1, 1 / (self.recall * EASE[stratum]) - 1, (n_years, n_people)), 0.4)
        taste = lift + self.preference * generator.choice([-1.0, 1.0], (n_years, n_people))
        for week in range(n_weeks):
            n_users = round(self.users * self.growth ** (week / (n_weeks - 1)))
            people = generator.choice(n_people, n_users, replace=False, p=habit / habit.sum())
            yield HeldOut(people, stratum[people], *recalls(generator, foreseeable[:, people], taste[:, people]))


@dataclass(frozen=True)
class HeldOut:
    """One held-out week in all years: [rows] people and stratum, [years x rows] recall."""

    people: npt.NDArray[np.int64]
    stratum: npt.NDArray[np.int64]
    sql: Floats
    blend: Floats


class Evidence:
    """What all years know of a system: each person's rows added up, as ``paired_lift`` adds them."""

    def __init__(self, n_years: int, n_people: int) -> None:
        self.differences = np.zeros((n_years, n_people))
        self.sums = np.zeros((3, len(STRATA), n_years))

    def add(self, week: HeldOut, sign: float = 1.0) -> None:
        """Put a week's rows to it, or take them away."""
        before = self.differences[:, week.people]
        after = before + sign * (week.blend - week.sql)
        self.differences[:, week.people] = after
        for number in range(len(STRATA)):
            old, new = before[:, week.stratum == number], after[:, week.stratum == number]
            changes = new - old, new**2 - old**2, np.abs(new) ** 3 - np.abs(old) ** 3
            self.sums[:, number] += [change.sum(axis=1) for change in changes]

    def forget(self, years: npt.NDArray[np.bool_]) -> None:
        """Begin anew in these years."""
        self.differences[years] = 0
        self.sums[:, :, years] = 0

    def everybody(self) -> Floats:
        """[years] strength over all people."""
        return strength_of_sums(*self.sums.sum(axis=1).round(9))

    def stratum_worse(self) -> npt.NDArray[np.bool_]:
        """[years] whether any stratum is significantly worse."""
        return any_below([strength_of_sums(*self.sums[:, number].round(9)) for number in range(len(STRATA))])


@dataclass(frozen=True)
class Years:
    """[years x Mondays] whether this week's model passed, and whether a model serves after that."""

    passed: npt.NDArray[np.bool_]
    serves: npt.NDArray[np.bool_]

    def promoted_by(self, monday: int) -> float:
        """Share of the years in which a model was serving on any of the first Mondays."""
        return float(self.serves[:, :monday].any(axis=1).mean())


def years(shop: Shop, lift: float, n_years: int) -> Years:
    """Years in which every week's model has this lift."""
    everything, newest, kept = (Evidence(n_years, int(POOL * shop.users * shop.growth)) for _ in range(3))
    serves = np.zeros(n_years, dtype=bool)
    passes, serving = [], []
    weeks: list[HeldOut] = []
    for week in shop.weeks(lift, n_years):
        weeks.append(week)
        for evidence, n_weeks in ((everything, MONDAYS), (newest, len(WEEKS))):
            evidence.add(week)
            if len(weeks) > n_weeks:
                evidence.add(weeks[-n_weeks - 1], -1.0)
        if len(weeks) < len(WEEKS):
            continue
        kept.add(week)
        sql, blend = (
            np.sum([getattr(one, name).sum(axis=1) for one in weeks[-len(WEEKS) :]], axis=0) for name in ("sql", "blend")
        )
        passed = (blend >= (1 + MIN_LIFT) * sql) & (everything.everybody() >= ASKED) & ~newest.stratum_worse()
        serves = passed | (serves & ~stepped_down(kept))
        kept.forget(passed | ~serves)
        passes.append(passed)
        serving.append(serves)
    return Years(np.array(passes).T, np.array(serving).T)


def stepped_down(kept: Evidence) -> npt.NDArray[np.bool_]:
    """[years] whether the kept model is significantly worse, for everybody or for a stratum."""
    return (kept.everybody() < -SIGNIFICANT) | kept.stratum_worse()


def kept_until(shop: Shop, lift: float, n_years: int) -> npt.NDArray[np.int64]:
    """[years] the Monday on which a model of this lift steps down that nothing follows; 53 where it never does."""
    kept = Evidence(n_years, int(POOL * shop.users * shop.growth))
    until = np.full(n_years, MONDAYS + 1)
    for monday, week in zip(range(1, MONDAYS + 1), shop.weeks(lift, n_years), strict=False):
        kept.add(week)
        until = np.where((until > MONDAYS) & stepped_down(kept), monday, until)
    return until

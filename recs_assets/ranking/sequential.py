"""Asking every Monday and still being wrong at most once in many years: how much evidence, how much lift, how many weeks."""

import math
from functools import lru_cache

import numpy as np

from recs_assets.ranking.arrays import Floats
from recs_assets.ranking.statistics import NORMAL, UNSEEN, Lift

MONDAYS = 52
N_PATHS = 2_000
BOUNDARY_PATHS = 100_000


@lru_cache
def asked_strength(yearly_risk: float, n_looks: int = MONDAYS) -> float:
    """The ``strength`` that each look asks for, so that chance reaches it in any of them with ``yearly_risk`` at most.

    Looks that all ask for the same, evidence being added up between them: the boundary of Pocock 1977, "Group sequential
    methods in the design and analysis of clinical trials", which spends the risk over the year (Lan & DeMets 1983) where
    asking for the same 2.5% each Monday spent it fifty-two times. By simulation of normal sums, to 0.01; a test compares it
    with Pocock's table. Looks that have more in common than equal weeks of new evidence, as when people come back, spend less.
    """
    steps = np.random.default_rng(0).standard_normal((BOUNDARY_PATHS, n_looks))
    strengths = np.cumsum(steps, axis=1) / np.sqrt(np.arange(1, n_looks + 1))
    return float(np.quantile(strengths.max(axis=1), 1 - yearly_risk))


def smallest_detectable_lift(this_week: Lift, in_all: Lift, *, min_lift: float, asked: float, power: float = 0.8) -> float:
    """The true lift that would have passed this Monday with probability ``power``; NaN where all users have the same lift.

    Args:
        this_week: lift on the newest weeks, whose point has to reach ``min_lift``.
        in_all: lift on all weeks that count as evidence, whose strength has to reach ``asked``.
        min_lift: relative.
        asked: as ``asked_strength`` gives it.
        power: wished for.
    """
    luck = NORMAL.inv_cdf(power)
    if not this_week.standard_error > 0 or not in_all.standard_error > 0:
        return math.nan
    enough = float(_errors(asked, np.array([in_all.information]))[0]) * in_all.null_error
    return max(min_lift + luck * this_week.standard_error, enough + luck * in_all.standard_error)


def weeks_needed(
    this_week: Lift, *, n_weeks: int, target_lift: float, min_lift: float, asked: float, power: float = 0.8
) -> int | None:
    """By which week a model with this true lift has passed with probability ``power``, all weeks being like these.

    Both conditions are counted as they are asked: the lift of the newest ``n_weeks`` weeks reaches ``min_lift``, and the
    evidence of all weeks so far reaches ``asked``. By simulation of weekly lifts, normal around the true one. ``None``: not
    within a year, or all users have the same lift.
    """
    if not this_week.standard_error > 0:
        return None
    error, null_error = (each * math.sqrt(n_weeks) for each in (this_week.standard_error, this_week.null_error))
    weekly = target_lift + error * np.random.default_rng(0).standard_normal((N_PATHS, MONDAYS))
    weeks = np.arange(1.0, MONDAYS + 1)
    sums = np.cumsum(weekly, axis=1)
    newest = sums.copy()
    newest[:, n_weeks:] -= sums[:, :-n_weeks]
    enough = _errors(asked, this_week.information / n_weeks * weeks) * null_error * np.sqrt(weeks)
    passes = (newest / n_weeks >= min_lift) & (sums >= enough) & (weeks >= n_weeks)
    passed = np.maximum.accumulate(passes, axis=1).mean(axis=0) >= power
    return int(weeks[passed][0]) if passed.any() else None


def _errors(asked: float, information: Floats) -> Floats:
    """The lift in null errors at which ``strength`` is ``asked``: z^2 / (1 + 0.8 z / sqrt(information)) = asked^2."""
    half = UNSEEN * asked**2 / np.sqrt(information) / 2
    return half + np.sqrt(half**2 + asked**2)

"""Asking every Monday and still being wrong at most once in many years: how much evidence, how much lift, how many weeks."""

import math

import numpy as np

from recs_assets.ranking.arrays import Floats
from recs_assets.ranking.statistics import NORMAL, Lift

MONDAYS = 52
N_PATHS = 2_000


def asked_strength(yearly_risk: float) -> float:
    """The ``strength`` that each Monday asks for, so that chance reaches it on any Monday of a year with ``yearly_risk`` at most.

    The risk is spent in equal parts, a 52nd each Monday (Bonferroni's bound, the plainest of the spending functions of Lan
    & DeMets 1983, "Discrete sequential boundaries for clinical trials"). It holds however much the Mondays have in
    common, so evidence may be added up over weeks, and people may come back.
    """
    return NORMAL.inv_cdf(1 - yearly_risk / MONDAYS)


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
    """The lift in null errors at which ``strength`` is ``asked``: z^2 / (1 + z / sqrt(information)) = asked^2."""
    half = asked**2 / np.sqrt(information) / 2
    return half + np.sqrt(half**2 + asked**2)

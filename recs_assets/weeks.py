"""Weeks, named by their Monday, and what a week may know."""

import datetime as dt
from dataclasses import dataclass

FIRST_WEEK = "2010-01-04"
ONE_WEEK = dt.timedelta(days=7)


@dataclass(frozen=True)
class Week:
    """One week and the moment up to which it may know: the window is [start, end), half open, UTC."""

    key: str
    as_of: dt.datetime
    now: dt.datetime

    @property
    def start(self) -> dt.datetime:
        """Monday 00:00 UTC."""
        return monday(self.key)

    @property
    def end(self) -> dt.datetime:
        """The next Monday 00:00 UTC."""
        return self.start + ONE_WEEK

    @property
    def previous(self) -> str:
        """The key of the week before."""
        return key_of(self.start - ONE_WEEK)

    def last_complete(self, n_weeks: int) -> list[dt.datetime]:
        """The first moments of the last ``n_weeks`` weeks that had ended by ``as_of``, oldest first."""
        newest = self.start if self.as_of >= self.end else self.start - ONE_WEEK
        return [newest - ONE_WEEK * back for back in range(n_weeks - 1, -1, -1)]


def week_of(key: str, now: dt.datetime) -> Week:
    """The week with this key as of its end, or as of ``now`` while it is running.

    Raises:
        ValueError: the key is not a Monday, the week has not begun at ``now``, or it lies before the first one.
    """
    start = monday(key)
    if start < monday(FIRST_WEEK):
        raise ValueError(f"week {key} is before the first one, {FIRST_WEEK}. Choose a later week.")
    if now < start:
        raise ValueError(f"week {key} has not begun yet: it is {now:%Y-%m-%d %H:%M} UTC. Choose a week that has begun.")
    return Week(key, min(start + ONE_WEEK, now), now)


def monday(key: str) -> dt.datetime:
    """The first moment of the week with this key.

    Raises:
        ValueError: the key is not an ISO date, or not a Monday's.
    """
    try:
        day = dt.date.fromisoformat(key)
    except ValueError as error:
        raise ValueError(f"'{key}' is not a week; name one by its Monday, as in 2011-09-26.") from error
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    if start.weekday() != 0:
        raise ValueError(
            f"week {key} is not a Monday; the week it lies in is {key_of(start - dt.timedelta(days=start.weekday()))}."
        )
    return start


def key_of(moment: dt.datetime) -> str:
    """The key of the week that contains ``moment``."""
    return (moment - dt.timedelta(days=moment.weekday())).date().isoformat()

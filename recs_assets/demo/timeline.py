"""The fixed clock of the planted world, in UTC microseconds, and its independent random streams."""

import zlib
from datetime import UTC, date, datetime

import numpy as np

LAST_WEEK = date(2026, 9, 28)
"""Monday of the last complete week."""

DAY = 86_400 * 1_000_000
"""Microseconds in a day."""

WEEK = 7 * DAY
"""Microseconds in a week."""

AFTER_DAYS = 3
"""Days of events after the last complete week, so that a nightly run of the unfinished week finds something new."""


def microseconds(day: date) -> int:
    """Midnight UTC that begins ``day``, as microseconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000


END_OF_LAST_WEEK = microseconds(LAST_WEEK) + WEEK
"""First instant after the last complete week."""

END = END_OF_LAST_WEEK + AFTER_DAYS * DAY
"""First instant without any (true) event."""


def start(weeks: int) -> int:
    """First instant of a world of ``weeks`` complete weeks."""
    return END_OF_LAST_WEEK - weeks * WEEK


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers for one purpose; a change in what one module draws leaves all others' draws as they were."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])

"""Named instants at which a crash must lose nothing; a test listens, and kills, raises or hangs there."""

from collections.abc import Callable

LISTENERS: list[Callable[[str], None]] = []


def reached(name: str) -> None:
    """Tell whoever listens that the fault point ``name`` is reached; in production nobody does."""
    for listener in LISTENERS:
        listener(name)

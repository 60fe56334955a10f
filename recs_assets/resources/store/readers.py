"""Who reads a store: every process at work on it holds a shared lock, and whoever removes something has to be alone.

A lock goes with its process, however that ends: a crash pins nothing.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".readers"

# The one store that this process reads, and the open file that holds the lock.
_reading: dict[Path, int] = {}


def read_on(root: Path) -> bool:
    """Be a reader of a store until this process ends, or turns to another store; whether it was none before.

    Waits while somebody removes what nobody needs, which takes seconds.
    """
    if root in _reading and (root / LOCK).exists():
        return False
    read_no_more()
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    _reading[root] = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(_reading[root], fcntl.LOCK_SH)
    return True


def read_no_more() -> None:
    """Stop being a reader."""
    while _reading:
        os.close(_reading.popitem()[1])


@contextmanager
def alone(root: Path) -> Iterator[bool]:
    """Keep all other readers of a store away for the block; ``False`` where another one is at work already.

    This process is a reader again afterwards if it was one before.
    """
    was_reading = root in _reading
    read_no_more()
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_alone = True
    except BlockingIOError:
        is_alone = False
    try:
        yield is_alone
    finally:
        os.close(descriptor)
        if was_reading:
            read_on(root)

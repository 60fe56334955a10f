"""Folders for work in progress: one's own, gone when the work ends, or one in which the next run goes on."""

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recs_assets.fault_points import reached

log = logging.getLogger(__name__)


@contextmanager
def scratch(parent: Path, name: str) -> Iterator[Path]:
    """A new folder below ``parent`` for the block, removed at its end.

    What a process that was killed left behind is removed on the way: its folder is locked by nobody any more.
    """
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(parent):  # between the making of a folder and its lock nobody may sweep
        _sweep(parent)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        reached("scratch.made")
        yield folder
        reached("scratch.removing")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


@contextmanager
def alone_in(folder: Path) -> Iterator[Path]:
    """The folder for one process at a time: a second one that asks for it waits, and says so.

    What the block leaves in it is there for whoever comes next, after a crash too; an empty folder is removed.
    """
    descriptor = _opened_alone(folder)
    try:
        yield folder
    finally:
        with suppress(OSError):  # not empty
            folder.rmdir()
        os.close(descriptor)


def _opened_alone(folder: Path) -> int:
    # Whoever has the folder may remove it at any of these steps, and a third may make another by its name.
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(folder, os.O_RDONLY)
        except (FileExistsError, FileNotFoundError):
            if folder.is_file():
                raise
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.warning("another run works in %s: waiting until it ends", folder)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(folder.stat(), os.fstat(descriptor)):
                return descriptor
        os.close(descriptor)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock on a folder for the block; whoever else asks for it waits, and a process that dies lets go."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sweep(parent: Path) -> None:
    for folder in parent.iterdir():
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue  # its owner has just removed it
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # at work
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)

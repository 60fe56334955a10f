"""Runs in processes of their own that fail where they are told to, each forked from one that has all modules loaded."""

import errno
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess

from recs_assets.fault_points import ARMED_BY

# Processes fork from one that has all modules loaded, those that sqlglot loads on first use too, and no thread running.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["recs_assets_tests.faults.walk", "recs_assets_tests.faults.gcp", "sqlglot.dialects.bigquery", "sqlglot.dialects.duckdb"]
)
# How a run ends that fails in a way.
ENDS = {"kill": -signal.SIGKILL, "raise": errno.EIO}


def begun(run: Callable[..., object], *arguments: object, fault: str | None = None) -> ForkServerProcess:
    """The process of a function of a module; its exit code is minus the signal, or the number of an error of the system's."""
    process = FORKS.Process(target=_run, args=(run, arguments, fault))
    process.start()
    return process


def fail(way: str, point: str, run: Callable[..., object], *arguments: object) -> int:
    """A run that fails at a point in one of ``ENDS``; its exit code."""
    process = begun(run, *arguments, fault=f"{point}:{way}")
    process.join()
    ended = process.exitcode
    assert ended == ENDS[way], f"it ended with {ended} and not by {point}:{way}"
    return ended


def _run(run: Callable[..., object], arguments: tuple[object, ...], fault: str | None) -> None:
    if fault is not None:
        os.environ[ARMED_BY] = fault
    try:
        run(*arguments)
    except OSError as error:
        os._exit(error.errno)
    os._exit(0)

"""Runs in processes of their own, each forked from one that has all modules loaded and no client's thread."""

import errno
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from recs_assets.fault_points import ARMED_BY

# How a run ends that fails in a way.
ENDS = {"kill": -signal.SIGKILL, "raise": errno.EIO}
FORKING = """
import os, pickle, sys
import recs_assets_tests.faults.gcp
for line in sys.stdin:
    run, arguments, variables = pickle.loads(bytes.fromhex(line))
    child = os.fork()
    if not child:
        os.environ |= variables
        try:
            run(*arguments)
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Runs:
    """Runs, one after the other."""

    process: "subprocess.Popen[str]"

    def begin(self, run: Callable[..., object], *arguments: object, variables: Mapping[str, str] | None = None) -> int:
        """Begin one; its process.

        Args:
            run: a function of a module.
            *arguments: its own.
            variables: of its environment.
        """
        assert self.process.stdin
        print(pickle.dumps((run, arguments, dict(variables or {}))).hex(), file=self.process.stdin, flush=True)
        return self._told()

    def ended(self) -> int:
        """The exit code of the one that was begun: minus the signal, or the number of an error of the system's."""
        return self._told()

    def fail(self, way: str, point: str, run: Callable[..., object], *arguments: object) -> int:
        """One that fails at a point in one of ``ENDS``; its exit code."""
        self.begin(run, *arguments, variables={ARMED_BY: f"{point}:{way}"})
        ended = self.ended()
        assert ended == ENDS[way], f"it ended with {ended} and not by {point}:{way}"
        return ended

    def _told(self) -> int:
        assert self.process.stdout
        return int(self.process.stdout.readline())


@contextmanager
def runs() -> Iterator[Runs]:
    """Somewhere to begin them, for the block."""
    command = [sys.executable, "-c", FORKING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Runs(process)

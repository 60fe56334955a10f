"""One number of threads for all libraries of a process."""

import math
import os
from pathlib import Path

# What OpenMP (torch), OpenBLAS (numpy) and MKL (torch) read when they are loaded.
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

# Microseconds that a container may compute in a period of so many, or "max" (control groups, version 2).
QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available() -> int:
    """The cores that this process may use: those that it is bound to, and no more than its container is given, rounded up."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1  # not on macOS
    quota, _, period = QUOTA.read_text().partition(" ") if QUOTA.exists() else ("max", "", "")
    return bound if quota == "max" else min(bound, math.ceil(int(quota) / int(period)))


def limit(cores: int) -> None:
    """Let the libraries that this process has yet to load work with ``cores`` threads that sleep while they wait.

    Threads that wait by spinning, OpenMP's default, bring a machine to a standstill on which two processes train.
    """
    os.environ |= dict.fromkeys(VARIABLES, str(cores))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

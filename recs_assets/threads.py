"""One number of threads for all libraries of a process."""

import os

# What OpenMP (torch), OpenBLAS (numpy) and MKL (torch) read when they are loaded.
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def limit(cores: int) -> None:
    """Let the libraries that this process has yet to load work with ``cores`` threads that sleep while they wait.

    Threads that wait by spinning, OpenMP's default, bring a machine to a standstill on which two processes train.
    """
    os.environ |= dict.fromkeys(VARIABLES, str(cores))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

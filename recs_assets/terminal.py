"""Where a person reads what a process says."""

import os
from functools import cache
from typing import TextIO


@cache
def terminal() -> TextIO:
    """Standard error as it was when this was first called.

    While steps run, Dagster sends standard error to a file that a process of its own copies to the terminal, and ends that
    process whether or not it has copied all: the last lines, those of a failure among them, would come or not by chance.
    """
    return os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace", buffering=1)

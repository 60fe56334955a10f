"""Memory that was freed and not given back."""

import ctypes


def trim() -> None:
    """Give back to the system what the C library keeps of freed arrays; where it cannot (macOS), nothing happens.

    glibc puts arrays of up to 32 MiB on its heap once one of that size was freed, and what is freed in the middle of the heap
    stays with the process: after a training of towers that was 1.5 GiB.
    """
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)

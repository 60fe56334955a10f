"""Arrays that lie in a file while nobody reads them: what training holds at once does not grow with all that it learns from."""

import mmap
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np

from recs_assets.ranking.arrays import Floats32


def spilled(array: Floats32, folder: Path | None = None) -> Floats32:
    """The same values, to be read alone, from a file without a name that goes with the array.

    Args:
        array: not empty.
        folder: where the file lies; ``None``: the system's folder for temporary files.

    Raises:
        OSError: there is no room for it.
    """
    order: Literal["C", "F"] = "F" if array.flags.f_contiguous else "C"
    with tempfile.TemporaryFile(dir=folder) as file:
        array.ravel(order).tofile(file)
        file.flush()
        mapped: Floats32 = np.memmap(file, array.dtype, mode="r", shape=array.shape, order=order)
    return mapped


def let_go(array: Floats32) -> None:
    """Take back the memory of what has been read of a spilled array, which can be read again; any other array stays as it is."""
    if isinstance(array.base, mmap.mmap):
        array.base.madvise(mmap.MADV_DONTNEED)

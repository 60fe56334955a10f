"""How much room there is left where runs write."""

import shutil
from pathlib import Path

GIB = 2**30


def free_gib(folder: Path) -> float:
    """Free GiB of the disk that a folder lies on, or will lie on once it is made."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free / GIB

"""An environment of their own for the programs that stand in for Google's: what they pin does not go with what we pin.

    python -m recs_assets_tests.stand_ins.environment     makes it, once for all checkouts of a user

It lies in the user's cache folder, named by a hash of ``requirements.txt``.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from recs_assets.resources.store.scratch import locked

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
SECONDS = 600
# DuckDB loads an extension from below HOME, and bqemulator asks for this one at start; it cannot be downloaded offline.
PLACE_EXTENSION = """
import shutil, sys
from pathlib import Path
import duckdb, duckdb_extension_spatial
(version,), (platform,) = (duckdb.sql(f"SELECT * FROM ({text})").fetchone() for text in
    ("SELECT library_version FROM pragma_version()", "SELECT platform FROM pragma_platform()"))
folder = Path(sys.argv[1], ".duckdb", "extensions", version, platform)
folder.mkdir(parents=True)
shutil.move(Path(duckdb_extension_spatial.__file__).parent / "extensions" / version / "spatial.duckdb_extension", folder)
"""


class UnavailableError(RuntimeError):
    """The environment cannot be made here; the message says why."""


def environment() -> Path:
    """The folder of the environment, made by the first of the processes that ask for it.

    Raises:
        UnavailableError: its packages cannot be installed; the message ends with what pip says.
    """
    name = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "recs_assets"
    folder = cache / f"stand_ins-{name}"
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache):
        if not folder.exists():
            being_made = cache / "being_made"
            shutil.rmtree(being_made, ignore_errors=True)
            _make(being_made)
            being_made.rename(folder)
    return folder


def python(folder: Path) -> Path:
    """The environment's interpreter."""
    return folder / "bin" / "python"


def home(folder: Path) -> Path:
    """What the environment's programs shall take for the user's home."""
    return folder / "home"


def _make(folder: Path) -> None:
    venv.create(folder, with_pip=True)
    own = str(python(folder))
    # The list is complete: nothing has to be worked out, and byte code that is never needed is not made.
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--requirement", str(REQUIREMENTS)]
    for command in (install, ["-c", PLACE_EXTENSION, str(home(folder))]):
        try:
            done = subprocess.run([own, *command], capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise UnavailableError(f"the stand-ins' environment was not made within {SECONDS} seconds") from error
        if done.returncode:
            raise UnavailableError(f"the stand-ins' environment cannot be made: {done.stderr.strip()[-500:]}")


if __name__ == "__main__":
    print(environment())

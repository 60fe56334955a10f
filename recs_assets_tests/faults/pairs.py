"""Two first runs at once in a new home, over and over: neither may break it for the other, or for whoever comes after."""

import argparse
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from recs_assets_tests.faults.homes import Home
from recs_assets_tests.worlds import WEEK

# Without a source both runs are refused, once they are in the event log: that is all there is to try.
REFUSED = "there is no source"


def main(arguments: Sequence[str]) -> int:
    """Try pairs and print a line for each; the exit status is 1 where a home was broken."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets_tests.faults.pairs", description=__doc__)
    parser.add_argument("--pairs", type=int, default=50)
    n_pairs, broken = parser.parse_args(arguments).pairs, 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, n_pairs + 1):
            wrong = pair(Home(Path(folder) / str(number), Path(folder) / "nowhere"), "run", "weekly", "--week", WEEK)
            print(f"{number:>4}  {wrong or 'whole'}", flush=True)
            broken += bool(wrong)
    print(f"{n_pairs} pairs: {broken} homes broken")
    return int(broken > 0)


def pair(home: Home, *command: str) -> list[str]:
    """Start a command twice at once in a home that is not there yet; what is wrong with it, or with what both say."""
    home.folder.mkdir(parents=True)
    logs = [home.folder / f"{number}.txt" for number in range(2)]
    streams = [path.open("wb") for path in logs]
    running = [home.start(*command, log=stream) for stream in streams]
    for process, stream in zip(running, streams, strict=True):
        process.wait()
        stream.close()
    said = [path.read_text(errors="replace") for path in logs]
    return [f"a run says: {text}" for text in said if REFUSED not in text or "Traceback" in text] + broken_databases(home)


def broken_databases(home: Home) -> list[str]:
    """Databases of Dagster's home that are not of exactly one version."""
    told = []
    for path in sorted((home.folder / "dagster").rglob("*.db")):
        with sqlite3.connect(path) as connection:
            versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        if len(versions) != 1:
            told.append(f"{path.name} is of the versions {versions}")
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The nightly run killed at random moments from outside, over and over, while a reader polls what is served."""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb

from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import write_world
from recs_assets_tests.worlds import LONG, NEXT_WEEK, WIDE

WEEK = "2026-09-28"
# After so many kills on the same home an unhurt run must finish the work; then it starts over.
KILLS_A_HOME = 5
POLL_SECONDS = 0.05


def main(arguments: Sequence[str]) -> int:
    """Kill and look; the exit status is 1 where anybody ever saw anything but one whole version, or a run did not converge."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets_tests.faults.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        return Killing(Path(folder), options.preset, options.seed).run(options.kills)


class Killing:
    """A world, the home of a finished week, and what is served before and after the night that follows it."""

    def __init__(self, folder: Path, preset: str, seed: int) -> None:
        self.source, self.prepared, self.home = folder / "world", folder / "prepared", folder / "home"
        self.moments = random.Random(seed)
        write_world(self.source, PRESETS[preset], seed=seed)
        self.home.mkdir()
        self.finish("everything", WEEK)
        self.old = served(self.home)
        shutil.copytree(self.home, self.prepared)
        started = time.monotonic()
        self.finish("nightly", NEXT_WEEK)
        self.seconds = time.monotonic() - started
        self.new = served(self.home)
        self.seen: Counter[str] = Counter()

    def run(self, n_kills: int) -> int:
        """Kill ``n_kills`` runs; see ``main``."""
        print(f"a night takes {self.seconds:.0f} s", flush=True)
        violations = 0
        done = threading.Event()
        reader = threading.Thread(target=self._poll, args=(done,))
        self._start_over()
        reader.start()
        for number in range(n_kills):
            after = self.moments.uniform(0, self.seconds)
            ended = self._kill(after)
            found = self._found()
            violations += found == "neither"
            print(f"{number + 1:>4}  killed after {after:5.1f} s  {ended:<9} served: {found}", flush=True)
            if (number + 1) % KILLS_A_HOME == 0 or number + 1 == n_kills:
                self.finish("nightly", NEXT_WEEK)
                violations += self._found() != "new" or self._orphans() > 0
                self._start_over()
        done.set()
        reader.join()
        violations += self.seen["neither"]
        print(f"{n_kills} kills, {self.seen.total()} looks of a reader ({dict(self.seen)}): {violations} violations")
        return int(violations > 0)

    def finish(self, job: str, week: str) -> None:
        """A run that nobody disturbs; it must end well."""
        subprocess.run(self._command(job, week), env=self._environment(), check=True, capture_output=True)

    def _kill(self, after: float) -> str:
        process = subprocess.Popen(
            self._command("nightly", NEXT_WEEK), env=self._environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            return "done" if process.wait(after) == 0 else "failed"
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return "killed"

    def _found(self) -> str:
        found = served(self.home)
        return "old" if found == self.old else "new" if found == self.new else "neither"

    def _poll(self, done: threading.Event) -> None:
        while not done.wait(POLL_SECONDS):
            try:
                self.seen[self._found()] += 1
            except duckdb.Error:
                self.seen["locked"] += 1  # a writer has the file, or it is being put back

    def _orphans(self) -> int:
        folders = (self.home / "warehouse.spill", self.home / "store" / ".drafts")
        return sum(1 for folder in folders for _ in folder.iterdir())

    def _start_over(self) -> None:
        shutil.copy(self.prepared / "warehouse.duckdb", self.home / "warehouse.copy")
        (self.home / "warehouse.copy").replace(self.home / "warehouse.duckdb")
        shutil.rmtree(self.home / "store")
        shutil.copytree(self.prepared / "store", self.home / "store")

    def _command(self, job: str, week: str) -> list[str]:
        return [sys.executable, "-m", "recs_assets", "run", job, "--week", week]

    def _environment(self) -> dict[str, str]:
        dagster_home = self.home / "dagster"
        dagster_home.mkdir(exist_ok=True)
        places = {"RECS_HOME": self.home, "RECS_SOURCE": self.source, "DAGSTER_HOME": dagster_home}
        return os.environ | {name: str(path) for name, path in places.items()}


def served(home: Path) -> tuple[object, object]:
    """All rows of both served tables but for who wrote them and when."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(LONG).fetchall(), connection.execute(WIDE).fetchall()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

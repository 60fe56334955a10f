"""What can be killed: a night, a training, a rollback, and two nights at once."""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from recs_assets_tests.faults.kills.killing import KILL, UNTOUCHED, Killing, Running
from recs_assets_tests.worlds import NEXT_WEEK, WEEK

# How a run says that another one has published while it was at work.
OVERTAKEN = "Nothing was written; run again to publish on top of it."
POLL_SECONDS = 0.002


class Nightly(Killing):
    """The nightly run after a finished week."""

    def commands(self) -> list[tuple[str, ...]]:
        return [("run", "nightly", "--week", NEXT_WEEK)]


class Together(Nightly):
    """Two nightly runs of the same week at once: one of them is killed, or the other, or both."""

    def commands(self) -> list[tuple[str, ...]]:
        return super().commands() * 2

    def moments(self) -> list[float]:
        first, second = (self.random.uniform(0, self.seconds) for _ in range(2))
        return self.random.choice([[first, UNTOUCHED], [UNTOUCHED, second], [first, second]])

    def is_finished(self, ended: str) -> bool:
        return "done" in ended

    def refused(self, running: Running) -> bool:
        return OVERTAKEN in running.said


class Train(Killing):
    """The weekly run after a finished week: it serves nothing, and comes to the same bytes whenever it was killed."""

    def __init__(self, folder: Path, preset: str, seed: int, ways: Sequence[signal.Signals] = (KILL,)) -> None:
        super().__init__(folder, preset, seed, ways)
        self._expected = self._versions()

    def _versions(self) -> dict[tuple[str, str], str]:
        """The versions of all assets but the week's page, which tells of its run: its seconds, and that it was stopped."""
        return {(asset, week): version for (asset, week), version in self.home.versions().items() if asset != "release_report"}

    def goal(self) -> str:
        return "old"

    def commands(self) -> list[tuple[str, ...]]:
        return [("run", "weekly", "--week", NEXT_WEEK)]

    def violations(self) -> list[str]:
        versions = self._versions().items()
        others = [
            f"{asset} of week {week} has become {version}" for (asset, week), version in sorted(versions - self._expected.items())
        ]
        return super().violations() + others

    def left_behind(self) -> list[str]:
        missing = sorted(self._expected.keys() - self._versions().keys())
        return super().left_behind() + [f"{asset} of week {week} was not made again" for asset, week in missing]


class Rollback(Killing):
    """The command that serves an earlier version again, there and back between two published versions of a week."""

    def prepare(self) -> None:
        super().prepare()
        settings = self.home.source.with_name("dearer.yaml")
        settings.write_text("rules: {min_price: 75.0}\n")
        self.home.finish("run", "nightly", "--week", WEEK, RECS_SETTINGS=str(settings))
        versions = "SELECT publication_id FROM publications WHERE action = 'publish' ORDER BY sequence"
        self._earlier, self._later = (version for (version,) in self.home.query(versions))

    def goal(self) -> str:
        return "new" if self._is_later_served() else "old"

    def commands(self) -> list[tuple[str, ...]]:
        # Whichever is served, the command changes it; the version before needs no name.
        named = () if self._is_later_served() else ("--version", self._later)
        return [("rollback", "--week", WEEK, "--reason", "killed at random", *named)]

    def at_work(self, running: Running) -> float:
        # Most of the time goes into imports and a look at what is served: seconds count from the second session, which writes.
        sessions = self.home.folder / "warehouse.spill"
        before, made = set(os.listdir(sessions)), set()
        while running.process.poll() is None and len(made) < 2:
            time.sleep(POLL_SECONDS)
            made |= set(os.listdir(sessions)) - before
        return super().at_work(running)

    def _is_later_served(self) -> bool:
        served = "SELECT version_after FROM publications ORDER BY sequence DESC LIMIT 1"
        return self.home.query(served) == [(self._later,)]


KINDS: Mapping[str, Callable[[Path, str, int, Sequence[signal.Signals]], Killing]] = {
    "nightly": Nightly,
    "train": Train,
    "rollback": Rollback,
    "together": Together,
}

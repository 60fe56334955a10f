"""What every kind of killing shares: a world, a home, a reader who looks on, and the loop of kills and looks."""

import random
import shutil
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import duckdb

from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import write_world
from recs_assets_tests.faults.homes import Home
from recs_assets_tests.worlds import WEEK

POLL_SECONDS = 0.2
# How much of what a process said is shown.
LINES_SHOWN = 5
WHOLE = ("old", "new")
# How a process is told to end; the last way is the one that it cannot refuse.
SIGNALS = (signal.SIGINT, signal.SIGTERM)
KILL = signal.SIGKILL
# A process that obeys has ended by then, and says so; before that it is the interpreter's that has only begun.
OBEYED_WITHIN_SECONDS, BEGUN_SECONDS = 8.0, 0.3
STOPPED, NOT_PUBLISHED = "Stopped by ", "Nothing was published"
UNTOUCHED = float("inf")


class Reader:
    """Looks at what is served again and again, in a thread, and counts what it sees."""

    def __init__(self, look: Callable[[], str]) -> None:
        self.seen: Counter[str] = Counter()
        self._look = look
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._poll)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._done.wait(POLL_SECONDS):
            self.seen[self._look()] += 1


@dataclass
class Running:
    """A process at work, and the file that holds what it says."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def end(self, after: float, deadline: float, by: signal.Signals) -> str:
        """Signal it at a deadline that is ``after`` seconds from its beginning, unless it ends before; how it ended."""
        try:
            status = self.process.wait(None if after == UNTOUCHED else max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.send_signal(by)
            try:
                status = self.process.wait(OBEYED_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                return f"killed, for it did not obey {by.name} after {after:6.2f} s"
            if status not in {0, 1}:
                return f"killed by {by.name} after {after:6.2f} s"
        return "failed" if status else "done"

    def disobeyed(self, ended: str, by: signal.Signals) -> list[str]:
        """What is wrong with how it took a signal that is no kill."""
        if by == KILL or "killed" not in ended:
            return []
        told = self.log.read_text(errors="replace")
        if self.process.returncode == 128 + by and STOPPED in told and "Traceback" not in told:
            return []
        return [f"{ended}, status {self.process.returncode}: {self.said}"]

    @property
    def said(self) -> str:
        """The last lines of what it said."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LINES_SHOWN:])


class Killing(ABC):
    """A home, the work that is killed there, and what is served before and after that work.

    Attributes:
        home: where it happens.
        attacks_a_home: after so many on the same home an unhurt run must finish the work; then it starts over.
        known: what is served before (``old``) and after (``new``) the work.
        seconds: how long the work takes undisturbed, the longest time that was seen: the machine may become busier.
    """

    attacks_a_home = 5

    def __init__(self, folder: Path, preset: str, seed: int, ways: Sequence[signal.Signals] = (KILL,)) -> None:
        self.random = random.Random(seed)
        self._ways = ways
        self._looking = threading.Lock()
        self.home = Home(folder / "home", folder / "world")
        self._prepared, self._logs = folder / "prepared", folder / "logs"
        self._logs.mkdir()
        write_world(self.home.source, PRESETS[preset], seed=seed)
        self.prepare()
        self.known = {"old": self.home.served()}
        shutil.copytree(self.home.folder, self._prepared)
        self.seconds = self._undisturbed()
        self.known["new"] = self.home.served()

    def prepare(self) -> None:
        """Bring the home to where the work begins: one week has been run."""
        self.home.finish("run", "everything", "--week", WEEK)

    @abstractmethod
    def commands(self) -> list[tuple[str, ...]]:
        """The commands to start at once and to kill."""

    def moments(self) -> list[float]:
        """When to kill each command, in seconds, or ``UNTOUCHED``."""
        return [self.random.uniform(0, self.seconds)]

    def at_work(self, running: Running) -> float:
        """Wait for the moment from which seconds are counted; that moment."""
        return time.monotonic()

    def goal(self) -> str:
        """What an unhurt run would leave served now."""
        return "new"

    def refused(self, running: Running) -> bool:
        """Whether a process that failed was right to."""
        return False

    def is_finished(self, ended: str) -> bool:
        """Whether one of several has lived on and has done the work: an unhurt run would find nothing to do."""
        return False

    def violations(self) -> list[str]:
        """What is broken after a kill."""
        return self.home.violations()

    def left_behind(self) -> list[str]:
        """What is broken once an unhurt run has finished the work."""
        return [f"left behind: {orphan}" for orphan in self.home.orphans()]

    def look(self) -> str:
        """What a reader finds: ``old``, ``new``, ``locked`` while a writer has the file, or what is wrong."""
        with self._looking:
            try:
                served = self.home.served()
            except duckdb.Error as error:
                return "locked" if "Could not set lock" in str(error) else f"unreadable: {error}"
        return next((name for name, content in self.known.items() if content == served), f"neither: {served}")

    def run(self, n_kills: int) -> int:
        """Kill ``n_kills`` times; 1 where a promise was broken, else 0."""
        print(f"undisturbed it takes {self.seconds:.1f} s", flush=True)
        kills = broken = attacks = 0
        self._start_over()
        with Reader(self.look) as reader:
            while kills < n_kills:
                ended, wrong = self._attack()
                attacks, kills = attacks + 1, kills + ended.count("killed")
                seen = self.look()
                print(f"{kills:>4}  {ended}  served: {seen}", flush=True)
                wrong += self._compared(seen) + self.violations()
                if self.is_finished(ended):
                    wrong += self._missed(seen, self.goal())
                    self._start_over()
                elif attacks % self.attacks_a_home == 0 or kills >= n_kills:
                    wrong += self._converge()
                    self._start_over()
                for violation in wrong:
                    print(f"      VIOLATION: {violation}", flush=True)
                broken += len(wrong)
        broken += sum(count for name, count in reader.seen.items() if name not in {*WHOLE, "locked"})
        print(f"{kills} kills, {reader.seen.total()} looks of a reader ({dict(reader.seen)}): {broken} violations")
        return int(broken > 0)

    def _attack(self) -> tuple[str, list[str]]:
        """Start the work and kill it; how that went, which of its processes failed unkilled, and which did not obey a signal."""
        before, moments, by = self.look(), self.moments(), self.random.choice(self._ways)
        if by != KILL:
            moments = [max(moment, BEGUN_SECONDS) for moment in moments]
        all_running = self._start(self.commands())
        started = self.at_work(all_running[0])
        endings: dict[int, str] = {}
        for number in sorted(range(len(moments)), key=moments.__getitem__):
            endings[number] = all_running[number].end(moments[number], started + moments[number], by)
        failed = [one for number, one in enumerate(all_running) if endings[number] == "failed" and not self.refused(one)]
        wrong = [f"a run failed by itself: {one.said}" for one in failed]
        wrong += [text for number, one in enumerate(all_running) for text in one.disobeyed(endings[number], by)]
        if len(moments) == 1 and NOT_PUBLISHED in all_running[0].said and self.look() != before:
            wrong.append(f"it has published, and says that it has not: {all_running[0].said}")
        return " | ".join(f"{endings[number]:<21}" for number in range(len(moments))), wrong

    def _converge(self) -> list[str]:
        """Run unhurt; what is wrong after it."""
        goal = self.goal()
        (running,) = self._start(self.commands()[:1])
        started = self.at_work(running)
        status = running.process.wait()
        self.seconds = max(self.seconds, time.monotonic() - started)
        failed = [f"the unhurt run ended with {status}: {running.said}"] if status else []
        return failed + self._missed(self.look(), goal) + self.violations() + self.left_behind()

    def _missed(self, seen: str, goal: str) -> list[str]:
        return [] if seen == goal else [f"after an unhurt run not {goal} is served but {seen}"]

    def _start_over(self) -> None:
        # A reader in the middle of a look would lend the file that is being replaced to the next one of this process.
        with self._looking:
            self.home.put_back(self._prepared)

    def _compared(self, seen: str) -> list[str]:
        return [] if seen in WHOLE else [f"no whole version is served: {seen}"]

    def _start(self, commands: Sequence[tuple[str, ...]]) -> list[Running]:
        started = []
        for number, command in enumerate(commands):
            path = self._logs / f"{number}.txt"
            with path.open("wb") as log:
                started.append(Running(self.home.start(*command, log=log), path))
        return started

    def _undisturbed(self) -> float:
        all_running = self._start(self.commands())
        started = self.at_work(all_running[0])
        failed = [one for one in all_running if one.process.wait() and not self.refused(one)]
        if failed:
            raise RuntimeError(f"{self.commands()} does not even end well undisturbed: {failed[0].said}")
        return time.monotonic() - started

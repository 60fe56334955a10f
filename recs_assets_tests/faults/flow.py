"""The whole served flow: a fault at every point of a nightly run, in the command that people run, and the run after it."""

import shutil
import signal
from pathlib import Path

from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import write_world
from recs_assets.fault_points import ARMED_BY
from recs_assets_tests.faults.homes import Home
from recs_assets_tests.faults.walk import CONVERGED, NOT_REACHED, Case, Ending, Outcome
from recs_assets_tests.worlds import NEXT_WEEK, WEEK

OPERATION = "nightly"
# The others end a process in one of these two ways, and are walked operation by operation.
FLOW_WAYS = ("kill", "raise")
NIGHT = ("run", "nightly", "--week", NEXT_WEEK)


class Flow:
    """A tiny world whose first week has been run, and what is served before and after the night that follows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prepared = Home(folder / "prepared", folder / "world")
        write_world(self._prepared.source, PRESETS["tiny"], seed=1)
        self._prepared.finish("run", "everything", "--week", WEEK)
        after = self._copy("after")
        after.finish(*NIGHT)
        self._known = {"old": self._prepared.served(), "new": after.served()}

    def outcomes(self, point: str) -> list[Outcome]:
        """What came of a fault at a point, a way each; of a point that the night does not pass the first way alone."""
        outcomes: list[Outcome] = []
        for way in FLOW_WAYS:
            outcomes.append(self._outcome(Case(OPERATION, point, way)))
            if outcomes[-1].verdict == NOT_REACHED:
                break
        return outcomes

    def _outcome(self, case: Case) -> Outcome:
        home, ending = self._copy(str(case)), None
        armed = f"{case.point}:{case.way}"
        try:
            ended = home.run(*NIGHT, **{ARMED_BY: armed})
            ending = Ending(ended.returncode, ended.stdout, self._served_version(home))
            assert home.violations() == []
            if f"fault {armed}" not in ending.said:
                assert (ending.exit_code, ending.version_left) == (0, "new"), ending
                return Outcome(case, ending, NOT_REACHED)
            self._check(case, ending, home)
        except Exception as error:
            return Outcome(case, ending, f"BROKEN: {error!r}")
        finally:
            shutil.rmtree(home.folder)
        return Outcome(case, ending, CONVERGED)

    def _check(self, case: Case, ending: Ending, home: Home) -> None:
        # A step that a disk failed is tried again, and what it had published before is there then.
        expected = {"kill": {-signal.SIGKILL}, "raise": {0, 1}}[case.way]
        assert ending.exit_code in expected, ending
        if ending.exit_code == 1:
            assert f"the disk failed at {case.point}" in ending.said, ending
        again = home.run(*NIGHT)
        assert again.returncode == 0, again.stdout
        assert self._served_version(home) == "new", "the next run did not converge"
        assert home.violations() == []
        assert home.orphans() == []

    def _served_version(self, home: Home) -> str:
        served = home.served()
        names = [name for name, known in self._known.items() if known == served]
        assert names, f"what is served is no whole version: {served}"
        return names[0]

    def _copy(self, name: str) -> Home:
        home = Home(self._folder / name, self._prepared.source)
        shutil.copytree(self._prepared.folder, home.folder)
        return home

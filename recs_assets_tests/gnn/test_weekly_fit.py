"""The whole weekly fit, in processes of their own."""

import datetime as dt
import os
import subprocess
import sys

from recs_assets.asset_files import GRAPH
from recs_assets.gnn.snapshots import microseconds
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import WEEK


def test_two_processes_fit_the_same_bits_whatever_their_environment_says_of_threads(first_run: Run) -> None:
    file = first_run.place.store.current("hetero_graph", WEEK).path(GRAPH)
    newest = microseconds(dt.datetime(2026, 9, 7, tzinfo=dt.UTC))
    command = [sys.executable, "-m", "recs_assets_tests.gnn.fit_in_process", str(file), str(newest)]
    hashes = {
        subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": threads}, capture_output=True, text=True, check=True).stdout
        for threads in ("1", "2")
    }
    assert len(hashes) == 1

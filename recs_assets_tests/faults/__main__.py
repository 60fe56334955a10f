"""The whole fault walk as a table: operation, point and way, how the process ended, what a reader found, and the verdict."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from recs_assets.fault_points import POINTS
from recs_assets_tests.faults.flow import Flow
from recs_assets_tests.faults.gcp import Cluster
from recs_assets_tests.faults.gcp_walk import all_faults, walk
from recs_assets_tests.faults.operations import prepare
from recs_assets_tests.faults.walk import CONVERGED, NOT_REACHED, Case, Outcome, cases, check, suffer
from recs_assets_tests.resources.store import places
from recs_assets_tests.stand_ins import servers
from recs_assets_tests.stand_ins.environment import UnavailableError
from recs_assets_tests.stand_ins.places import new_places


def main(arguments: Sequence[str]) -> int:
    """Try all cases and print a line for each; the exit status is 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets_tests.faults", description=__doc__)
    parser.add_argument("--only", default="", help="how the names of the points to try begin, as publish or store.pointer")
    only = parser.parse_args(arguments).only
    outcomes: list[Outcome] = []
    print(f"{'operation':<16}{'point':<20}{'way':<15}{'ended':<12}{'a reader found':<20}then")
    with tempfile.TemporaryDirectory() as folder:
        for column in (operations, cluster, nights):
            for outcome in column(Path(folder) / column.__name__, only):
                print(outcome, flush=True)
                outcomes.append(outcome)
    tried = [outcome for outcome in outcomes if outcome.verdict != NOT_REACHED]
    lost_nothing = sum(outcome.verdict == CONVERGED for outcome in tried)
    broken = len(tried) - lost_nothing
    print(f"{len(tried)} faults: {lost_nothing} lost nothing, {broken} broke a promise.")
    return int(broken > 0)


def operations(folder: Path, only: str) -> Iterator[Outcome]:
    """Every operation by itself, at every point that it passes, in every way."""
    prepare(folder / "prepared")
    for number, case in enumerate(cases()):
        if case.point.startswith(only):
            yield _outcome(case, folder / "prepared", folder / str(number))


def _outcome(case: Case, prepared: Path, home: Path) -> Outcome:
    ending, verdict = None, CONVERGED
    try:
        ending = suffer(case, prepared, home)
        check(case, ending, home)
    except Exception as error:
        verdict = f"BROKEN: {error!r}"
    return Outcome(case, ending, verdict)


def cluster(folder: Path, only: str) -> Iterator[Outcome]:
    """The same operations with BigQuery and a bucket, stood in for, killed and failing at every point that they pass."""
    faults = [(point, way) for point, way in all_faults() if point.startswith(only)]
    if not faults:
        return
    try:
        with servers.storage_server(folder) as storage, servers.bigquery_server(folder, storage.objects) as bigquery:
            at = Cluster(new_places(bigquery), places.bucket(folder / "cluster", storage))
            yield from walk(at, faults)
    except UnavailableError as reason:
        print(f"BigQuery's side was not tried: {reason}")


def nights(folder: Path, only: str) -> Iterator[Outcome]:
    """Whole nightly runs, at every point that they pass."""
    folder.mkdir()
    flow = Flow(folder)
    # A failed step waits before it is tried again: another night can use the core meanwhile.
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for outcomes in pool.map(flow.outcomes, [point for point in POINTS if point.startswith(only)]):
            yield from outcomes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

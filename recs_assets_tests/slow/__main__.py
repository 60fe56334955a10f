"""Are people served exactly what a plain, slow computation gives them, one at a time, from the same files?"""

import argparse
import sys
import time
from collections.abc import Sequence

import duckdb
import numpy as np

from recs_assets import settings_file, targets
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.store import Store
from recs_assets.settings import Settings
from recs_assets_tests.slow.comparison import TIE, Agreement, agreement, served_lists, serving
from recs_assets_tests.slow.world import World

PROGRESS_USERS = 100


def main(arguments: Sequence[str]) -> int:
    """Compare and print; the exit status is 1 where a list differs by more than rounding, or there is nothing to compare."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets_tests.slow", description=__doc__)
    parser.add_argument("--week", required=True, help="its Monday, as 2011-09-26")
    parser.add_argument("--users", type=int, default=1000, help="half of them from people with events, half from all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    settings, store = settings_file.load(), targets.current().store()
    try:
        compared = compare(store, settings, options.week, options.users, options.seed)
    except (OSError, StoreError, ValueError, duckdb.Error) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return report(compared)


def compare(store: Store, settings: Settings, week: str, n_users: int, seed: int) -> list[Agreement]:
    """How the lists of some people agree, with the progress on the screen."""
    if store.current("recommendations", week).manifest.provenance.settings_hash != settings.hash:
        print("The list was made with other settings: if it differs, name in RECS_SETTINGS the file that it was made with.")
    slow = serving(store, week, settings)
    users = sample(slow.world, n_users, seed)
    served = served_lists(targets.home() / "warehouse.duckdb", store, week, [slow.world.users[user] for user in users])
    compared: list[Agreement] = []
    started = time.monotonic()
    for user in users:
        compared.append(agreement(served[slow.world.users[user]], slow.listed(user)))
        if not compared[-1].rounding:
            print(f"The list of person {len(compared)} of the sample ({slow.world.stratum(user)}) differs: {compared[-1]}.")
        if len(compared) % PROGRESS_USERS == 0:
            seconds, same = (time.monotonic() - started) / len(compared), sum(one.same for one in compared)
            print(f"{len(compared):,} of {len(users):,} people, {seconds:.2f} s each: {same:,} lists are identical.", flush=True)
    return compared


def sample(world: World, n_users: int, seed: int) -> list[int]:
    """Distinct people: half of them from those with events where there are so many, the rest from all others."""
    generator = np.random.default_rng(seed)
    active = generator.permutation(np.unique(world.events.user))[: n_users // 2]
    others = generator.permutation(np.setdiff1d(np.arange(len(world.users)), active))
    return [*active.tolist(), *others[: n_users - len(active)].tolist()]


def report(compared: Sequence[Agreement]) -> int:
    """Print what came out; the exit status."""
    same, rounding = sum(one.same for one in compared), sum(one.rounding and not one.same for one in compared)
    beyond = sum(not one.rounding for one in compared)
    largest = max((one.largest_difference for one in compared), default=0.0)
    print(f"{same:,} of {len(compared):,} lists hold the same parts in the same order.")
    print(f"{rounding:,} differ by parts whose scores are within {TIE:g} of each other, {beyond:,} beyond that.")
    print(f"The largest difference of a final score is {largest:.1e}.")
    return int(beyond > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""How often towers that know nothing are kept, by the decision itself, in simulated worlds of several sizes.

python -m recs_assets_tests.benchmarks.towers_without_effect --worlds 1000
"""

import argparse
import sys
from functools import partial
from multiprocessing import Pool

import numpy as np
from scipy.stats import binomtest

from recs_assets import settings_file
from recs_assets.gnn.towers.validation import earned
from recs_assets_tests.simulated_towers import World, no_effect

MOST_KEPT = 0.01
# As many people as the validation weeks of a tiny log, of the small planted world and of UCI Online Retail have.
WORLDS = [World(n_users, n_parts=60, n_epochs=6) for n_users in (50, 200, 800)]


def kept(world: World, seed: int) -> tuple[bool, float]:
    """Whether a world's towers are kept, and how strongly it speaks for them."""
    shown = earned(*no_effect(world, np.random.default_rng(seed)), settings_file.load().towers.confidence)
    return (any(shown.scales.values()), shown.nll.z) if shown else (False, 0.0)


def main() -> int:
    """Print how often, by number of people; the exit status is 1 where it is more than one time in a hundred beyond chance."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets_tests.benchmarks.towers_without_effect", description=__doc__)
    parser.add_argument("--worlds", type=int, default=1000, help="of each size (default: 1000)")
    options = parser.parse_args()
    too_often = False
    print("people   kept              99% interval      1st percentile of z")
    with Pool() as pool:
        for world in WORLDS:
            outcomes = pool.map(partial(kept, world), range(options.worlds))
            n_kept, strengths = sum(one for one, _ in outcomes), [strength for _, strength in outcomes]
            interval = binomtest(n_kept, options.worlds).proportion_ci(0.99, method="exact")
            too_often |= interval.low > MOST_KEPT
            share, range_of = f"{n_kept} of {options.worlds}", f"{interval.low:.2%} to {interval.high:.2%}"
            print(f"{world.n_users:>6}   {share:<16}  {range_of:<16}  {np.percentile(strengths, 1):+.2f}", flush=True)
    return int(too_often)


if __name__ == "__main__":
    sys.exit(main())

"""How long the metrics of a whole production list take: 475,000 users, 20 parts each, three values of K.

    OMP_NUM_THREADS=1 .venv/bin/python -m recs_assets_tests.benchmarks.per_user_metrics

Measured on one core of a loaded two-core machine: 0.7 to 3.4 s.
"""

import time

import numpy as np
import pandas as pd

from recs_assets.ranking import metrics

N_USERS, N_PARTS, LENGTH, KS = 475_000, 25_000, 20, (4, 10, 20)


def main() -> None:
    """Print the seconds and what was found in them."""
    generator = np.random.default_rng(1)
    ranked = pd.DataFrame(
        {
            "profile": np.repeat(np.arange(N_USERS), LENGTH),
            "product": generator.integers(0, N_PARTS, N_USERS * LENGTH),
            "rank": np.tile(np.arange(1, LENGTH + 1), N_USERS),
        }
    )
    user = np.repeat(np.arange(N_USERS), 1 + generator.poisson(1.0, N_USERS))
    listed = ranked["product"].to_numpy()[user * LENGTH + generator.integers(0, LENGTH, len(user))]
    bought = np.where(generator.random(len(user)) < 0.1, listed, generator.integers(0, N_PARTS, len(user)))
    held_out = pd.DataFrame({"profile": user, "product": bought})
    started = time.perf_counter()
    measured = metrics.per_user(ranked, held_out, KS)
    seconds = time.perf_counter() - started
    print(f"{len(measured):,} users, {len(ranked):,} listed and {len(held_out):,} held-out parts, K = {KS}: {seconds:.1f} s")
    print(measured.mean().round(4).to_string())


if __name__ == "__main__":
    main()

"""Gate 1 in planted worlds without signal, one a seed: no model has anything to learn there, and none may pass.

python -m recs_assets_tests.benchmarks.no_signal --seeds 20
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import write_world
from recs_assets.gates.promotion import PASS
from recs_assets.resources.store.store import Store
from recs_assets_tests.faults.homes import Home
from recs_assets_tests.worlds import WEEK


def main() -> int:
    """Print what the gate decides in each world; the exit status is 1 where it passes."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets_tests.benchmarks.no_signal", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    options = parser.parse_args()
    decisions: Counter[str] = Counter()
    for seed in range(1, options.seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            home = Home(Path(folder) / "home", Path(folder) / "world")
            write_world(home.source, PRESETS[options.preset], seed=seed, no_signal=True)
            home.finish("run", "weekly", "--week", WEEK)
            store = Store(home.folder / "store")
            decision, towers = (store.current(*of).facts for of in (("offline_metrics", WEEK), ("trained_model", WEEK)))
            decisions[decision["decision"]] += 1
            print(f"seed {seed:>2}: {decision['decision']}, scale of the towers {towers['towers_scale']}", flush=True)
    print(", ".join(f"{name} {count}" for name, count in decisions.most_common()))
    return int(decisions[PASS] > 0)


if __name__ == "__main__":
    sys.exit(main())

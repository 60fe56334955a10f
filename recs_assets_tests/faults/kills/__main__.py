"""Work killed at random moments from outside, over and over, while a reader polls what is served."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from recs_assets.demo.presets import PRESETS
from recs_assets_tests.faults.kills.killing import KILL, SIGNALS
from recs_assets_tests.faults.kills.kinds import KINDS

WAYS = {"kill": (KILL,), "signal": SIGNALS}


def main(arguments: Sequence[str]) -> int:
    """Kill and look; the exit status is 1 where anybody ever saw anything but one whole version, or a run did not converge."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets_tests.faults.kills", description=__doc__)
    parser.add_argument("--what", choices=sorted(KINDS), default="nightly")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--by", choices=sorted(WAYS), default="kill", help="a signal is Ctrl-C or SIGTERM, and is to be obeyed")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        return KINDS[options.what](Path(folder), options.preset, options.seed, WAYS[options.by]).run(options.kills)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Fits a week in a process of its own and prints a hash of all weights.

python -m recs_assets_tests.gnn.fit_in_process FILE MOMENT
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from recs_assets import settings_file
from recs_assets.gnn import graph
from recs_assets.gnn.checkpoints import Checkpoints
from recs_assets.gnn.snapshots import DAY_MICROSECONDS
from recs_assets.gnn.weekly_fit import fit_week


def main(file: str, newest: str) -> None:
    """Fit on three snapshots, the newest of which validates."""
    settings = settings_file.load()
    options = settings.model.model_copy(update={"steps": 10, "validation_weeks": 1})
    towers = settings.towers.model_copy(update={"epochs": 2})
    settings = settings.model_copy(update={"model": options, "towers": towers})
    moments = [int(newest) - 7 * DAY_MICROSECONDS * back for back in (2, 1, 0)]
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit_week(graph.load(Path(file)), moments, settings, checkpoints=Checkpoints(Path(folder), "only"))
    assert fitted.towers is not None
    weights = [*fitted.channels.model.state_dict().values(), *fitted.towers.residual.towers.state_dict().values()]
    print(hashlib.sha256(b"".join(values.numpy().tobytes() for values in weights)).hexdigest())


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Fits a week in a process of its own and prints a hash of all weights.

python -m recs_assets_tests.gnn.fit_in_process FILE MOMENT
"""

import datetime as dt
import hashlib
import sys
import tempfile
from pathlib import Path

from recs_assets import settings_file
from recs_assets.gnn import graph
from recs_assets.gnn.checkpoints import Checkpoints
from recs_assets.gnn.weekly_fit import fit_week
from recs_assets.week_split import WeekSplit
from recs_assets.weeks import ONE_WEEK


def main(file: str, newest: str) -> None:
    """Fit on three snapshots, the newest of which validates."""
    settings = settings_file.load()
    options = settings.model.model_copy(update={"steps": 10, "validation_weeks": 1, "ease": True})
    towers = settings.towers.model_copy(update={"epochs": 2})
    settings = settings.model_copy(update={"model": options, "towers": towers})
    moments = [dt.datetime.fromisoformat(newest) - ONE_WEEK * back for back in (2, 1, 0)]
    split = WeekSplit(moments, moments[-1:], [moments[-1] + ONE_WEEK], ONE_WEEK)
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit_week(graph.load(Path(file)), split, settings, checkpoints=Checkpoints(Path(folder), "only"))
    assert fitted.towers is not None
    weights = [*fitted.channels.model.state_dict().values(), *fitted.towers.residual.towers.state_dict().values()]
    print(hashlib.sha256(b"".join(values.numpy().tobytes() for values in weights)).hexdigest())


if __name__ == "__main__":
    main(*sys.argv[1:])

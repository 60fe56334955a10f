"""The whole weekly fit: what it learns from before the validation weeks, and the same bits in every process."""

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from recs_assets.asset_files import GRAPH
from recs_assets.gnn.channels import examples
from recs_assets.gnn.channels.examples import Example
from recs_assets.gnn.channels.split_examples import split_examples
from recs_assets.gnn.snapshots import DAY_MICROSECONDS, microseconds
from recs_assets.week_split import split_weeks
from recs_assets.weeks import week_of
from recs_assets_tests.conftest import Run
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import AS_OF, PRODUCTS, world
from recs_assets_tests.worlds import WEEK


def test_two_processes_fit_the_same_bits_whatever_their_environment_says_of_threads(first_run: Run) -> None:
    file = first_run.place.store.current("hetero_graph", WEEK).path(GRAPH)
    newest = "2026-09-07T00:00+00:00"
    command = [sys.executable, "-m", "recs_assets_tests.gnn.fit_in_process", str(file), newest]
    # BLAS, which makes EASE's weights, works with as many threads as definitions let it.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    hashes = {
        subprocess.run(command, env=environment | {"OMP_NUM_THREADS": threads}, capture_output=True, text=True, check=True).stdout
        for threads in ("1", "2")
    }
    assert len(hashes) == 1


def _targets(examples: Sequence[Example]) -> dict[int, list[str]]:
    """The parts among the targets of each snapshot, by its days before ``AS_OF``."""
    parts = {}
    for example in examples:
        days = (microseconds(AS_OF) - example.moment) // DAY_MICROSECONDS
        parts[days] = [PRODUCTS[product] for product in example.candidates.indices[np.flatnonzero(example.targets)]]
    return parts


@pytest.mark.parametrize(
    ("horizon_days", "training", "before_validation"),
    [
        (7, {14: ["p2"], 7: ["p1"]}, {14: ["p2"]}),
        (3, {10: ["p2"], 3: ["p1"]}, {10: ["p2"]}),
        (14, {21: ["p2"], 14: ["p1", "p2"]}, {21: ["p2"]}),
    ],
)
def test_whatever_the_horizon_a_part_bought_in_the_validation_week_validates_and_is_not_learned_before(
    horizon_days: int, training: dict[int, list[str]], before_validation: dict[int, list[str]]
) -> None:
    # The evaluation week begins with AS_OF. One person buys p2 the week before the validation week, p1 in it, p4 after it.
    settings = five_users.settings(
        model={"horizon_days": horizon_days, "training_weeks": 3, "validation_weeks": 1}, evaluation={"weeks": 1}
    )
    data = world([("u4", "p2", "order", 10), ("u4", "p1", "order", 3), ("u4", "p4", "order", -1)], [("u4", "v1", None)])
    split = split_weeks(week_of("2026-03-02", dt.datetime(2026, 4, 1, tzinfo=dt.UTC)), settings)
    of_split = split_examples(data, split, settings)
    assert _targets(of_split.training) == training
    assert _targets(of_split.before_validation) == before_validation
    assert _targets(of_split.validation) == {7: ["p1"]}


def test_where_fits_learn_from_samples_the_validation_weeks_are_whole_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of the three candidates of u4, p1, p2 and p4, a fit has room for two, and the validation week for all that are left.
    monkeypatch.setattr(examples, "FEWEST_CANDIDATES", 1)
    settings = five_users.settings(
        model={"training_weeks": 3, "validation_weeks": 1, "max_entries_per_snapshot": 2, "seed": 2}, evaluation={"weeks": 1}
    )
    data = world([("u4", "p2", "order", 10), ("u4", "p1", "order", 3)], [("u4", "v1", None)])
    split = split_weeks(week_of("2026-03-02", dt.datetime(2026, 4, 1, tzinfo=dt.UTC)), settings)
    of_split = split_examples(data, split, settings)
    assert any(not example.is_whole for example in of_split.training)
    assert [example.is_whole for example in of_split.validation] == [True]
    # Bought a week before, p2 is no candidate any more.
    assert [example.candidates.nnz for example in of_split.validation] == [2]
    assert _targets(of_split.validation) == {7: ["p1"]}

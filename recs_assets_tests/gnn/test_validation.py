"""What a change has to show on the validation weeks, on people counted by hand."""

import numpy as np
import pytest

from recs_assets.gnn.validation import Comparison, Figures, compare, recall_of
from recs_assets_tests.gnn.planted import planted

USERS, WEEKS = np.arange(40), np.arange(40) % 4
BEFORE = Figures(np.full(40, 5.0), np.full(40, 0.5))


def _compared(nll: float | np.ndarray, recall: float | np.ndarray = 0.5) -> Comparison:
    return compare(BEFORE, Figures(np.zeros(40) + nll, np.zeros(40) + recall), USERS, WEEKS, confidence=0.99)


@pytest.mark.parametrize(
    ("nll", "recall", "helps"),
    [
        (4.9, 0.5, True),
        (5.0, 1.0, False),  # Recall@K proves nothing
        (5.1, 0.5, False),
        (np.where(WEEKS == 2, 5.01, 4.0), 0.5, False),  # one week speaks against it
        (np.where(USERS < 4, 4.9, 5.0), 0.5, False),  # four of forty people are no evidence
        (4.9, np.where(USERS < 3, 0.0, 0.5), True),  # three people may be chance,
        (4.9, np.where(USERS < 12, 0.0, 0.5), False),  # twelve are not
    ],
)
def test_a_change_helps_when_nll_falls_beyond_chance_in_every_week_and_recall_does_not(
    nll: float | np.ndarray, recall: float | np.ndarray, helps: bool
) -> None:
    assert _compared(nll, recall).helps is helps


def test_the_difference_of_each_week_stands_beside_that_of_all() -> None:
    shown = _compared(5.0 - 0.1 * WEEKS)
    assert shown.weeks == pytest.approx([0.0, -0.1, -0.2, -0.3])
    assert shown.nll.mean == pytest.approx(-0.15)
    assert shown.recall.lift == 0.0


def test_recall_counts_the_held_out_parts_among_the_ten_best() -> None:
    # The first person takes the best and the eleventh of 12 parts, the second the third best.
    targets = np.zeros((2, 12), dtype=np.float32)
    targets[0, [0, 10]] = targets[1, 2] = 1.0
    example = planted(np.zeros((2, 12, 1), dtype=np.float32), targets, np.zeros((2, 3), dtype=np.float32))
    assert recall_of(-np.tile(np.arange(12.0), 2), example).tolist() == [0.5, 1.0]

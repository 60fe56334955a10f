"""Arrays that lie in a file: the same values in the same order, and memory for what is being read alone."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from recs_assets.gnn.spilled import let_go, spilled

MIB = 2**20


def _mapped_mib() -> float:
    """What of this process's memory is pages of files."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssFile:"))
    return int(line.split()[1]) / 1024


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_spilled_array_has_the_same_values_side_by_side_as_before_and_leaves_nothing_behind(order: str, tmp_path: Path) -> None:
    array = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32, order="F" if order == "F" else "C")
    kept = spilled(array, tmp_path)
    assert kept.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert kept.dtype == np.float32
    assert kept.strides == array.strides
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="read-only"):
        kept[0, 0] = 0


def test_what_is_let_go_takes_no_memory_and_is_read_again(tmp_path: Path) -> None:
    kept = spilled(np.ones((4 * MIB, 4), dtype=np.float32, order="F"), tmp_path)
    before = _mapped_mib()
    assert kept.sum() == 16 * MIB
    assert _mapped_mib() - before > 60  # of 64
    let_go(kept)
    assert _mapped_mib() - before < 4
    assert kept[:, 3].sum() == 4 * MIB
    assert _mapped_mib() - before < 20  # a column is a quarter


def test_an_array_in_memory_stays_as_it_is() -> None:
    array = np.arange(6, dtype=np.float32)
    let_go(array)
    assert array.tolist() == [0, 1, 2, 3, 4, 5]


def test_what_another_process_is_sent_of_it_is_what_it_is_asked_for(tmp_path: Path) -> None:
    kept = spilled(np.ones((1000, 2), dtype=np.float32), tmp_path)
    nothing = pickle.dumps(kept[:, :0])
    assert len(nothing) < 1000
    assert pickle.loads(nothing).shape == (1000, 0)

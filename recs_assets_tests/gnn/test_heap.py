"""What the C library keeps of freed arrays goes back to the system."""

from pathlib import Path

import numpy as np

from recs_assets.gnn import heap

MIB = 2**20


def _resident_mib() -> float:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) / 1024


def test_arrays_freed_between_others_take_no_memory_any_more() -> None:
    raises_the_size_from_which_arrays_lie_apart = np.ones(30 * MIB, dtype=np.uint8)
    del raises_the_size_from_which_arrays_lie_apart
    heap.trim()
    before, large, small = _resident_mib(), [], []
    for _ in range(20):
        large.append(np.ones(10 * MIB, dtype=np.uint8))
        small.append(np.ones(MIB, dtype=np.uint8))
    assert _resident_mib() - before > 180
    del large
    kept = _resident_mib() - before
    heap.trim()
    assert kept > 100  # else there is nothing to give back, and no need to
    assert _resident_mib() - before < 40  # the small ones stay
    assert len(small) == 20

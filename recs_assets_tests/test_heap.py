"""What the C library keeps of freed arrays goes back to the system."""

from pathlib import Path

import numpy as np

from recs_assets import heap

MIB = 2**20


def lay_on_the_heap() -> None:
    """Let all arrays of up to 30 MiB lie there from now on, where others may hold up what they leave."""
    raises_the_size_from_which_arrays_lie_apart = np.ones(30 * MIB, dtype=np.uint8)
    del raises_the_size_from_which_arrays_lie_apart
    heap.trim()


def resident_mib() -> float:
    """Of this process, files aside."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) / 1024


def test_arrays_freed_between_others_take_no_memory_any_more() -> None:
    lay_on_the_heap()
    before, large, small = resident_mib(), [], []
    for _ in range(20):
        large.append(np.ones(10 * MIB, dtype=np.uint8))
        small.append(np.ones(MIB, dtype=np.uint8))
    assert resident_mib() - before > 180
    del large
    kept = resident_mib() - before
    heap.trim()
    assert kept > 100  # else there is nothing to give back, and no need to
    assert resident_mib() - before < 40  # the small ones stay
    assert len(small) == 20

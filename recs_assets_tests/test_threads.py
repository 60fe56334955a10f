"""The settings decide how many threads every library works with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recs_assets import threads


@pytest.mark.long
def test_settings_outrank_the_environment(tmp_path: Path) -> None:
    override = tmp_path / "one_thread.yaml"
    override.write_text("compute: {threads: 1}")
    code = """
from recs_assets import definitions
import duckdb, os, torch
with definitions.defs.resources["warehouse"].connection() as connection:
    threads = connection.execute("SELECT current_setting('threads')").fetchone()[0]
print(torch.get_num_threads(), threads, os.environ["OPENBLAS_NUM_THREADS"], os.environ["OMP_WAIT_POLICY"])
"""
    environment = os.environ | {
        "RECS_SETTINGS": str(override),
        "RECS_HOME": str(tmp_path),
        "OMP_NUM_THREADS": "2",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1", "1", "PASSIVE"]


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000\n", 16), ("200000 100000\n", 2), ("150000 100000\n", 2), ("50000 100000\n", 1), ("9900000 100000\n", 16)],
)
def test_a_container_has_as_many_cores_as_it_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    monkeypatch.setattr(threads, "QUOTA", tmp_path / "cpu.max")
    assert threads.available() == 16
    (tmp_path / "cpu.max").write_text(quota)
    assert threads.available() == expected

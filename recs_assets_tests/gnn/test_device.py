"""Where the towers compute."""

import pytest
import torch

from recs_assets.gnn.device import device_of
from recs_assets_tests.gnn.towers.one_example import tower_settings


@pytest.mark.parametrize(
    ("asked", "has_gpu", "expected"),
    [("auto", False, "cpu"), ("auto", True, "cuda"), ("cpu", True, "cpu"), ("cuda", False, "cuda")],
)
def test_a_gpu_is_used_where_there_is_one(monkeypatch: pytest.MonkeyPatch, asked: str, has_gpu: bool, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    assert device_of(tower_settings(device=asked).towers) == expected

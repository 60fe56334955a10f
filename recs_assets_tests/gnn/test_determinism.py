"""Deterministic algorithms hold for a block on a CPU, and never outlast it."""

import pytest
import torch

from recs_assets.gnn.determinism import deterministic


@pytest.mark.parametrize(("device", "expected"), [("cpu", True), ("cuda", False)])
def test_a_process_is_left_as_it_was(device: str, expected: bool) -> None:
    before = torch.are_deterministic_algorithms_enabled()
    inside: list[bool] = []

    @deterministic(device)
    def interrupted() -> None:
        inside.append(torch.are_deterministic_algorithms_enabled())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert inside == [expected]
    assert torch.are_deterministic_algorithms_enabled() is before

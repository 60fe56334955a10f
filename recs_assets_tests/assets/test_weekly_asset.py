"""What all assets share: which errors are worth a retry."""

import errno
import re

import dagster as dg
import numpy as np
import pytest

from recs_assets.assets.weekly_asset import _cancel, cause_of, weekly_asset
from recs_assets.breaches import ContractError
from recs_assets.resources.errors import PublishRefused, WarehouseError
from recs_assets_tests.test_heap import MIB, lay_on_the_heap, resident_mib


@pytest.mark.parametrize("error", [ContractError("users", "it is empty", "Load it."), ValueError("no"), PublishRefused("no")])
def test_an_error_that_comes_back_is_not_retried_and_keeps_its_words(error: Exception) -> None:
    @weekly_asset(group="raw", kinds={"table"}, pod="exporter")
    def broken(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """Breaks."""
        raise error

    with pytest.raises(dg.Failure) as raised:
        broken(dg.build_asset_context(partition_key="2026-09-28"))
    assert raised.value.description == str(error)
    assert raised.value.allow_retries is False


def test_of_a_bug_the_place_is_told_and_not_the_value_of_its_message() -> None:
    with pytest.raises(KeyError) as raised:
        {"u1": 1}["somebody@shop.test"]
    assert re.fullmatch(r"KeyError, a bug, in test_weekly_asset\.py, line \d+\.", cause_of(raised.value))
    assert cause_of(WarehouseError("the table is locked: end the other run")) == "the table is locked: end the other run"


def raised_for(error: Exception, *, is_bug: bool) -> Exception:
    @weekly_asset(group="raw", kinds={"table"}, pod="exporter")
    def unlucky(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """Fails."""
        raise error

    with pytest.raises(type(error) if is_bug else dg.RetryRequested) as raised:
        unlucky(dg.build_asset_context(partition_key="2026-09-28"))
    return raised.value


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("cut off"),
        OSError(errno.EIO, "the disk"),
        MemoryError(),
        WarehouseError("the file is locked"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte"),
    ],
)
def test_an_accident_of_the_machine_is_tried_again_twice(error: Exception) -> None:
    raised = raised_for(error, is_bug=False)
    assert isinstance(raised, dg.RetryRequested)
    assert (raised.max_retries, raised.seconds_to_wait, raised.__cause__) == (2, 15.0, error)


@pytest.mark.parametrize("error", [KeyError("k"), TypeError("t"), RuntimeError("r"), FileNotFoundError(errno.ENOENT, "gone")])
def test_a_bug_is_not_tried_again(error: Exception) -> None:
    assert raised_for(error, is_bug=True) is error


def test_a_pod_that_is_told_to_end_leaves_its_run_to_the_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(job_def=dg.job(name="nightly")(lambda: None), status=dg.DagsterRunStatus.STARTED)
        monkeypatch.setenv("DAGSTER_RUN_STEP_KEY", "user_scores.score_shard[3]")
        assert _cancel(instance, run.run_id)
        assert instance.get_run_by_id(run.run_id) == run
        monkeypatch.delenv("DAGSTER_RUN_STEP_KEY")
        assert _cancel(instance, run.run_id)
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.CANCELED  # type: ignore[union-attr]
        assert not _cancel(instance, run.run_id)


def test_what_a_step_has_freed_the_next_one_does_not_hold() -> None:
    lay_on_the_heap()
    before, small = resident_mib(), []

    @weekly_asset(group="raw", kinds={"table"}, pod="exporter")
    def large(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """Takes 200 MiB, and leaves 20 in between."""
        arrays = []
        for _ in range(20):
            arrays.append(np.ones(10 * MIB, dtype=np.uint8))
            small.append(np.ones(MIB, dtype=np.uint8))
        return dg.MaterializeResult(metadata={"taken": resident_mib() - before})

    taken = large(dg.build_asset_context(partition_key="2026-09-28"))
    assert taken.metadata["taken"] > 180
    assert resident_mib() - before < 60
    assert len(small) == 20

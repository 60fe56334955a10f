"""What all assets share: which errors are worth a retry."""

import dagster as dg
import pytest

from recs_assets.assets.weekly_asset import weekly_asset
from recs_assets.contract import ContractError
from recs_assets.resources.publishing import PublishRefused


@pytest.mark.parametrize("error", [ContractError("users", "it is empty", "Load it."), ValueError("no"), PublishRefused("no")])
def test_an_error_that_comes_back_is_not_retried_and_keeps_its_words(error: Exception) -> None:
    @weekly_asset(group="raw", kinds={"table"})
    def broken(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """Breaks."""
        raise error

    with pytest.raises(dg.Failure) as raised:
        broken(dg.build_asset_context(partition_key="2026-09-28"))
    assert raised.value.description == str(error)
    assert raised.value.allow_retries is False


def test_an_error_of_the_moment_is_left_to_the_retries() -> None:
    @weekly_asset(group="raw", kinds={"table"})
    def unlucky(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """Is cut off."""
        raise ConnectionError("cut off")

    with pytest.raises(ConnectionError, match="cut off"):
        unlucky(dg.build_asset_context(partition_key="2026-09-28"))

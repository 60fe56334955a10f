"""What all assets share: previews without personal data, and which errors are worth a retry."""

import dagster as dg
import pyarrow as pa
import pytest

from recs_assets.assets.weekly_asset import inputs_of, parquet_of, preview, weekly_asset
from recs_assets.contract import ContractError
from recs_assets.resources.publishing import PublishRefused
from recs_assets_tests.conftest import Run


def test_a_preview_shows_five_rows_and_nothing_that_names_a_person() -> None:
    table = pa.table({"user_id": ["u"] * 9, "email": ["e"] * 9, "order_id": ["o"] * 9, "part": [*"abcdefghi"], "n": range(9)})
    shown = preview(table)
    assert [record.data for record in shown.records] == [{"part": part, "n": str(n)} for n, part in enumerate("abcde")]
    assert [(column.name, column.type) for column in shown.schema.columns] == [("part", "string"), ("n", "int64")]


def test_a_table_without_rows_has_a_preview_too() -> None:
    shown = preview(pa.table({"profile_id": pa.array([], pa.string()), "score": pa.array([], pa.float64())}))
    assert shown.records == []
    assert [column.name for column in shown.schema.columns] == ["score"]


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


def test_inputs_are_tables_under_the_names_of_their_assets(first_run: Run) -> None:
    inputs = inputs_of(first_run.place.store, "2026-09-28", "any run", ["user_nodes", "fits_edges"])
    found = {name: [path.name for path in paths] for name, paths in parquet_of(inputs).items()}
    assert found == {"user_nodes": ["user_nodes.parquet"], "fits_edges": ["fits_edges.parquet"]}

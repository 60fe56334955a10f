"""The ledger of costs on a real warehouse that is billed: rows of jobs and pods, and steps that are refused before they begin."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from recs_assets.assets import spending
from recs_assets.assets.weekly_asset import guarded, weekly_asset
from recs_assets.own_tables import VERDICTS, arrow_schema
from recs_assets.partitions import weekly
from recs_assets.report import costs
from recs_assets.resources import running
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.running import JobRecord
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets_tests.worlds import WEEK, Place, messages, tiny_settings

SETTINGS = tiny_settings()
PRICES = SETTINGS.costs.model_copy(update={"usd_per_cpu_hour": 0.36, "usd_per_gib_hour": 0.036, "usd_per_gpu_hour": 3.6})
NOW = dt.datetime(2026, 10, 6, 12, tzinfo=dt.UTC)
SIZE = {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"}
POD = {"container_config": {"resources": {"limits": SIZE}}}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "source").mkdir()
    return Place(tmp_path / "source", tmp_path / "home", SETTINGS)


@pytest.fixture
def billed(place: Place, monkeypatch: pytest.MonkeyPatch) -> DuckDBWarehouse:
    """DuckDB, as if somebody sent a bill for it."""
    monkeypatch.setattr(DuckDBWarehouse, "is_billed", True)
    return place.warehouse


def test_a_row_a_job_and_one_for_the_pod() -> None:
    step = running.Step("trained_model", WEEK, "run 1", [JobRecord("query", "user_nodes", "job 1", 2**30, 12.5, 0.25)])
    job, pod = spending.cost_rows(step, 100.0, json.dumps(POD), PRICES, NOW)
    assert (job["kind"], job["name"], job["job_id"]) == ("query", "user_nodes", "job 1")
    assert (job["bytes_billed"], job["slot_seconds"], job["cpu_seconds"], job["usd"]) == (2**30, 12.5, 0.0, 0.25)
    assert (job["experiment"], job["week"], job["run_id"]) == ("first", dt.date(2026, 9, 28), "run 1")
    # A hundred seconds of 4 cores at 0.0001, of 16 GiB at 0.00001, of a GPU at 0.001 a second.
    assert (pod["cpu_seconds"], pod["gib_seconds"], pod["gpu_seconds"]) == (400.0, 1600.0, 100.0)
    assert pod["usd"] == pytest.approx(0.04 + 0.016 + 0.1)


def spend(warehouse: DuckDBWarehouse, usd: float, name: str = "trained_model") -> None:
    """A step that sends a job, and fails after it."""

    def fail() -> None:
        with spending.noted(name, WEEK, "run 1", dict, SETTINGS, warehouse):
            running.record(JobRecord("query", "q", "job", 2**40, 1.0, usd))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


def pass_gate_1(warehouse: DuckDBWarehouse, moment: dt.datetime) -> None:
    row: dict[str, Any] = {"gate": "gate_1", "week": dt.date(2026, 9, 28), "decision": "PASS", "reason": "", "figures_json": "{}"}
    row |= {"run_id": "r", "settings_hash": "s", "judged_at": moment}
    warehouse.append("verdicts", pa.Table.from_pylist([row], schema=arrow_schema(VERDICTS)))


def test_what_a_failed_step_has_spent_counts_and_a_pass_of_gate_1_since_then_allows_more(billed: DuckDBWarehouse) -> None:
    now = dt.datetime.now(dt.UTC)
    spend(billed, 60.0)
    spend(billed, 40.0, "user_nodes")
    verdicts = spending.verdicts_on(billed, SETTINGS, now)
    assert [verdict.decision for verdict in verdicts] == ["PASS", "PASS", "FAIL"]
    with pytest.raises(ValueError, match=r"\$100\.00 spent .* \(most of it on trained_model \$60\.00, user_nodes \$40\.00\)"):
        spending.refuse(verdicts)
    for moment, decision in ((now - dt.timedelta(days=1), "FAIL"), (dt.datetime.now(dt.UTC), "PASS")):
        pass_gate_1(billed, moment)
        assert spending.verdicts_on(billed, SETTINGS, now)[2].decision == decision

    # In another month, and for another experiment, the budgets are whole again.
    assert spending.verdicts_on(billed, SETTINGS, now + dt.timedelta(days=31))[0].figures["spent_usd"] == 0
    other = SETTINGS.model_copy(update={"costs": SETTINGS.costs.model_copy(update={"experiment": "second"})})
    assert spending.verdicts_on(billed, other, now)[1].figures["spent_usd"] == 0

    with billed.session() as session:
        told = costs.render(session.rows("costs"), SETTINGS)
    (first, *_) = (line.split() for line in told.splitlines() if line.startswith("first "))
    assert first == ["first", "100.00", "2,048.00", "0.00", "0.00", "0.00"]
    assert "first may cost $1,000.00 in all (gates.max_experiment_usd), and $100.00 while gate 1 has not passed" in told


def test_no_step_begins_once_the_month_is_used_up(billed: DuckDBWarehouse, place: Place) -> None:
    begun: list[str] = []

    @weekly_asset(group="raw", kinds={"table"}, pod="exporter")
    def exported(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        store: dg.ResourceParam[Store],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult:
        """An export."""
        begun.append("exported")
        return dg.MaterializeResult()

    def run() -> dg.ExecuteInProcessResult:
        resources = {"warehouse": billed, "store": place.store, "settings": SETTINGS}
        return dg.materialize([exported], partition_key=WEEK, resources=resources, raise_on_error=False)

    assert run().success
    spend(billed, 800.0)
    told = messages(run())["exported"]
    assert "$800.00 spent this month (most of it on trained_model $800.00): gates.max_month_usd allows $800.00." in told
    assert begun == ["exported"]


@pytest.mark.parametrize(("variable", "kinds"), [(spending.IN_A_POD, ["pod"]), ("ELSEWHERE", [])])
def test_a_step_is_paid_for_by_the_size_of_its_pod_where_it_is_in_one(
    place: Place, monkeypatch: pytest.MonkeyPatch, variable: str, kinds: list[str]
) -> None:
    monkeypatch.setenv(variable, "10.0.0.1")
    monkeypatch.setenv("RECS_HOME", str(place.home))

    @dg.asset(partitions_def=weekly, op_tags={spending.POD_TAG: POD})
    @guarded
    def scored(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> None:
        """Scores, which need no table."""

    assert dg.materialize([scored], partition_key=WEEK, resources={"settings": SETTINGS}).success
    with place.warehouse.session() as session:
        rows = session.rows("costs")
    assert [(row["kind"], row["step"], row["cpu_seconds"] == 4 * row["gpu_seconds"] > 0) for row in rows] == [
        (kind, "scored", True) for kind in kinds
    ]


def test_a_local_run_costs_nothing_and_says_so(place: Place) -> None:
    assert {verdict.decision for verdict in spending.verdicts_on(place.warehouse, SETTINGS, NOW)} == {"PASS"}
    assert costs.render([], SETTINGS) == costs.NOTHING
    assert not place.home.exists()

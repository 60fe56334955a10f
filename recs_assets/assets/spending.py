"""What steps cost: noted in the ledger ``costs``, job by job and pod by pod, and held against the budgets before each step.

A step that sends no jobs and runs in no pod costs nothing: no row is written, nothing is asked. A pod is paid for from the first
line of its step to the last one, at the size that its tags ask for; what Kubernetes takes to start it is not seen here.
"""

import datetime as dt
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from recs_assets import targets
from recs_assets.gates.budget import Spent, budgets
from recs_assets.gates.verdict import FAIL, Verdict
from recs_assets.own_tables import COSTS, arrow_schema
from recs_assets.resources import running
from recs_assets.resources.errors import WarehouseError
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import CostSettings, Settings

# Kubernetes names its own address to everything that runs in a pod.
IN_A_POD = "KUBERNETES_SERVICE_HOST"
POD_TAG, GPU = "dagster-k8s/config", "nvidia.com/gpu"
HOUR_SECONDS = 3600.0
GIB = {"Ki": 2.0**-20, "Mi": 2.0**-10, "Gi": 1.0, "Ti": 2.0**10}

log = logging.getLogger(__name__)


def verdicts_on(warehouse: Warehouse, settings: Settings, now: dt.datetime) -> list[Verdict]:
    """The three budgets at a moment, by what the ledger says; where nothing is billed nothing was spent."""
    spent = _spent(warehouse, settings.costs.experiment, now) if warehouse.is_billed else Spent({}, {}, has_passed=False)
    limits = settings.gates
    return budgets(
        spent,
        max_experiment=limits.max_experiment_usd,
        max_before_gate_1=limits.max_usd_before_gate_1,
        max_month=limits.max_month_usd,
    )


def refuse(verdicts: Sequence[Verdict]) -> None:
    """Refuse to spend more where a budget is used up.

    Raises:
        ValueError: says of each what was spent, and on what.
    """
    if reasons := [verdict.reason for verdict in verdicts if verdict.decision == FAIL]:
        raise ValueError(" ".join(reasons))


@contextmanager
def noted(
    name: str,
    week: str | None,
    run_id: str,
    tags: Callable[[], Mapping[str, Any]],
    settings: Settings | None,
    warehouse: Warehouse | None,
) -> Iterator[running.Step]:
    """Be a step of a run for the block, and note what it has cost, however it ends.

    Args:
        name: of the step.
        week: the key of its week.
        run_id: of its run.
        tags: of the step, which say how large its pod is.
        settings: prices, and the experiment; ``None``: nothing is noted.
        warehouse: has the ledger; ``None``: that of the target.
    """
    started = time.monotonic()
    with running.step(name, week, run_id) as step:
        try:
            yield step
        finally:
            if settings is not None:
                pod = tags().get(POD_TAG) if IN_A_POD in os.environ else None
                rows = cost_rows(step, time.monotonic() - started, pod, settings.costs, dt.datetime.now(dt.UTC))
                if rows:
                    _note(rows, warehouse or targets.current().warehouse(settings))


def _spent(warehouse: Warehouse, experiment: str, now: dt.datetime) -> Spent:
    month_start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    with warehouse.session() as session:
        rows = session.rows("spent", experiment=experiment, month_start=month_start)
        since = min((row["since"] for row in rows if row["since"] is not None), default=None)
        passed = since is not None and session.audit("gate_1_passed", since=since)["n_passed"] > 0
    by_step = {key: {row["step"]: row[f"{key}_usd"] for row in rows} for key in ("experiment", "month")}
    return Spent(by_step["experiment"], by_step["month"], passed)


def _note(rows: Sequence[Mapping[str, Any]], warehouse: Warehouse) -> None:
    try:
        warehouse.append("costs", pa.Table.from_pylist(list(rows), schema=arrow_schema(COSTS)))
    except WarehouseError as error:  # the work is done, or its own error tells more; whoever reads the budget has to know
        usd, step = sum(row["usd"] for row in rows), rows[0]["step"]
        log.warning("$%.4f of %s could not be noted in the ledger costs: %s", usd, step, error)


def cost_rows(
    step: running.Step, seconds: float, pod: str | None, prices: CostSettings, now: dt.datetime
) -> list[dict[str, Any]]:
    """A row of the ledger for each job of a step, and one for its pod where it runs in one (the JSON of its tag)."""
    common = {
        "experiment": prices.experiment,
        "run_id": step.run_id,
        "step": step.name,
        "week": dt.date.fromisoformat(step.week) if step.week else None,
        "noted_at": now,
    }
    nothing: dict[str, Any] = dict.fromkeys(("slot_seconds", "cpu_seconds", "gib_seconds", "gpu_seconds"), 0.0)
    rows = [
        nothing
        | common
        | {
            "kind": job.kind,
            "name": job.name,
            "job_id": job.job_id,
            "bytes_billed": job.bytes_billed,
            "slot_seconds": job.slot_seconds,
            "usd": job.usd,
        }
        for job in list(step.jobs)
    ]
    if pod is not None:
        rows.append(nothing | common | {"kind": "pod", "name": step.name, "bytes_billed": 0} | _pod(pod, seconds, prices))
    return rows


def _pod(pod: str, seconds: float, prices: CostSettings) -> dict[str, Any]:
    size = json.loads(pod)["container_config"]["resources"]["limits"]
    memory = str(size["memory"])
    cpu_seconds, gpu_seconds = seconds * float(size["cpu"]), seconds * float(size.get(GPU, 0))
    gib_seconds = seconds * float(memory[:-2]) * GIB[memory[-2:]]
    usd = (
        cpu_seconds * prices.usd_per_cpu_hour + gib_seconds * prices.usd_per_gib_hour + gpu_seconds * prices.usd_per_gpu_hour
    ) / HOUR_SECONDS
    name = os.environ.get("HOSTNAME")
    return {"cpu_seconds": cpu_seconds, "gib_seconds": gib_seconds, "gpu_seconds": gpu_seconds, "usd": usd, "job_id": name}

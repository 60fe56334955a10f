"""What Dagster knows of a run, for the page of its week; and that page where the run has failed before its own."""

import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any

import dagster as dg

from recs_assets import targets
from recs_assets.asset_files import RELEASE_REPORT
from recs_assets.report import page
from recs_assets.report.facts import Step, gather
from recs_assets.resources.errors import WarehouseError
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.objects import BucketError
from recs_assets.weeks import week_of

log = logging.getLogger(__name__)


def report_failure(
    instance: dg.DagsterInstance, run: dg.DagsterRun, failures: Mapping[str, str], resources: Mapping[str, Any]
) -> None:
    """Make the page of the week of a run that has failed, and so has not come to its own.

    Args:
        instance: of the run.
        run: which has ended.
        failures: the steps that failed, with their causes.
        resources: settings, warehouse and store of the project.
    """
    if "dagster/partition" not in run.tags:  # a rollback is of no week
        return
    warehouse, store, settings = (resources[name] for name in ("warehouse", "store", "settings"))
    week = week_of(run.tags["dagster/partition"], dt.datetime.now(dt.UTC))
    origin = Provenance(week.as_of, {}, settings.hash, targets.code_version(), run.run_id)
    try:
        facts = gather(warehouse, store, settings, week.key, steps=steps_of(instance, run.run_id), failures=failures)
        with store.draft("release_report", week.key, origin) as new:
            new.path(RELEASE_REPORT).write_text(page.html(facts))
    except (
        BucketError,
        OSError,
        StoreError,
        WarehouseError,
    ) as error:  # what broke the run may break the page: the run has told of it
        log.warning("the page of week %s could not be made: %s", week.key, error)


def steps_of(instance: dg.DagsterInstance, run_id: str) -> list[Step]:
    """What each step of a run that has made an asset took, in their order."""
    made: dict[str, dict[str, Any]] = {}
    for record in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        event = record.get_dagster_event()
        shown = event.step_materialization_data.materialization.metadata
        made[str(event.step_key)] = {name: value.value for name, value in shown.items()}
    return [
        Step(name, shown["seconds"], shown.get("bytes billed"), shown.get("estimated dollars"))
        for name, shown in made.items()
        if "seconds" in shown
    ]

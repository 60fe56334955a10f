"""What Dagster knows of a run, for the page of its week; and that page where the run has failed before its own."""

import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any

import dagster as dg

from recs_assets import targets
from recs_assets.alerts import first_words
from recs_assets.asset_files import RELEASE_REPORT
from recs_assets.report import page
from recs_assets.report.facts import Step, gather
from recs_assets.resources.errors import WarehouseError
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.objects import BucketError
from recs_assets.weeks import week_of

# The tag that names the week of a run.
PARTITION = "dagster/partition"

log = logging.getLogger(__name__)


def report_failure(instance: dg.DagsterInstance, run: dg.DagsterRun, resources: Mapping[str, Any]) -> None:
    """Make the page of the week of a run that has failed, and so has not come to its own.

    Args:
        instance: of the run.
        run: which has ended.
        resources: settings, warehouse and store of the project.
    """
    if PARTITION not in run.tags:  # a rollback is of no week
        return
    warehouse, store, settings = (resources[name] for name in ("warehouse", "store", "settings"))
    week = week_of(run.tags[PARTITION], dt.datetime.now(dt.UTC))
    origin = Provenance(week.as_of, {}, settings.hash, targets.code_version(), run.run_id)
    try:
        steps, failures = steps_of(instance, run.run_id), failures_of(instance, run)
        facts = gather(warehouse, store, settings, week.key, steps=steps, failures=failures)
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


def failures_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, str]:
    """The steps of a run that failed, each with its cause in a few words that name no value."""
    events = [record.get_dagster_event() for record in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)]
    return {str(event.step_key): _cause(event.step_failure_data) for event in events}


def _cause(failure: Any) -> str:
    """The first words of a refusal, which are ours; of any other error its class alone, for a message may hold a value."""
    refusal = failure.user_failure_data
    if refusal is not None and refusal.description:
        return first_words(refusal.description).rstrip(".")
    error = failure.error.cause or failure.error
    if error.cls_name == "DagsterAssetCheckFailedError":
        return "a check that stops the run failed, and its verdict says why"
    return str(error.cls_name)


def newest_run(instance: dg.DagsterInstance, week: str) -> tuple[list[Step], dict[str, str]]:
    """Steps and failures of the newest run for a week that has ended; neither where there is none."""
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    runs = instance.get_runs(dg.RunsFilter(statuses=ended, tags={PARTITION: week}), limit=1)
    return (steps_of(instance, runs[0].run_id), failures_of(instance, runs[0])) if runs else ([], {})

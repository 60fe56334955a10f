"""The last asset of every job: what came of the week, for people who decide on what they can see."""

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from recs_assets import targets
from recs_assets.asset_files import RELEASE_REPORT
from recs_assets.assets import verdicts
from recs_assets.assets.upkeep import retained_versions
from recs_assets.assets.weekly_asset import check, draft, week_of_run, weekly_asset
from recs_assets.gates.verdict import WARN, Verdict
from recs_assets.resources.errors import WarehouseError
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets.weeks import week_of

if TYPE_CHECKING:
    from recs_assets.report.facts import Step

log = logging.getLogger(__name__)

CHECKS = [
    check("release_report", "drawn", "The page of the week could be made."),
    check("release_report", "left_for_lists", "The rules leave enough parts to fill everybody's list."),
]


@weekly_asset(group="report", kinds={"html"}, pod="publisher", deps=[retained_versions], checks=CHECKS)
def release_report(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """What came of the week on one page: verdicts with what to do next, figures, and where they come from."""
    from recs_assets.report import page  # pandas, jinja2: 0.5 s at load
    from recs_assets.report.facts import gather

    week = week_of_run(context)
    try:
        facts = gather(warehouse, store, settings, week.key, steps=steps_of(context.instance, context.run.run_id))
        left = facts.left_for_lists or Verdict("left_for_lists", WARN, "no rule has met the parts of this week.")
        verdicts.record(context, warehouse, settings, left)
        # Made from versions of several weeks, which do not go together: the page itself names them.
        with draft(context, store, settings, week.as_of) as new:
            new.path(RELEASE_REPORT).write_text(page.html(facts))
    except Exception as error:  # the mail is out by now: whatever went wrong here must not look as if it were not
        context.log.warning(
            f"the page of week {week.key} could not be made: {error} What is served is as it is. Then: make report"
        )
        return dg.MaterializeResult(check_results=[_warning(spec.name) for spec in CHECKS])
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.md(page.markdown(facts)),
            "page": f"{new.written.address}/{RELEASE_REPORT}",
            "verdicts that do not pass": sum(verdict.decision != "PASS" for verdict in facts.judged.values()),
        },
        check_results=[dg.AssetCheckResult(check_name="drawn", passed=True), verdicts.check_result(left, left.gate)],
    )


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
    from recs_assets.report import page  # pandas, jinja2: 0.5 s at load
    from recs_assets.report.facts import gather

    warehouse, store, settings = (resources[name] for name in ("warehouse", "store", "settings"))
    week = week_of(run.tags["dagster/partition"], dt.datetime.now(dt.UTC))
    origin = Provenance(week.as_of, {}, settings.hash, targets.code_version(), run.run_id)
    try:
        facts = gather(warehouse, store, settings, week.key, steps=steps_of(instance, run.run_id), failures=failures)
        with store.draft("release_report", week.key, origin) as new:
            new.path(RELEASE_REPORT).write_text(page.html(facts))
    except (OSError, StoreError, WarehouseError) as error:  # what broke the run may break the page: the run has told of it
        log.warning("the page of week %s could not be made: %s", week.key, error)


def steps_of(instance: dg.DagsterInstance, run_id: str) -> "Sequence[Step]":
    """What each step of a run that has made an asset took, in their order."""
    from recs_assets.report.facts import Step

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


def _warning(name: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(check_name=name, passed=False, severity=dg.AssetCheckSeverity.WARN)

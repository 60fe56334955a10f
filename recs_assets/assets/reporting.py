"""The last asset of every job: what came of the week, for people who decide on what they can see."""

import dagster as dg

from recs_assets.asset_files import RELEASE_REPORT
from recs_assets.assets import verdicts
from recs_assets.assets.upkeep import retained_versions
from recs_assets.assets.weekly_asset import cause_of, check, draft, week_of_run, weekly_asset
from recs_assets.gates.verdict import WARN, Verdict
from recs_assets.report import page
from recs_assets.report.facts import gather
from recs_assets.report.runs import steps_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings

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
            f"the page of week {week.key} could not be made: {cause_of(error)} What is served is as it is. Then: make report"
        )
        return dg.MaterializeResult(check_results=[_warning(spec.name) for spec in CHECKS])
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.md(page.markdown(facts)),
            "page": f"{new.written.address}/{RELEASE_REPORT}",
            "verdicts that do not pass": sum(verdict.decision != "PASS" for verdict in facts.verdicts.values()),
        },
        check_results=[dg.AssetCheckResult(check_name="drawn", passed=True), verdicts.check_result(left, left.gate)],
    )


def _warning(name: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(check_name=name, passed=False, severity=dg.AssetCheckSeverity.WARN)

"""The weekly fit, on weeks that end before the ones it will be evaluated on."""

import datetime as dt

import dagster as dg

from recs_assets.asset_files import RESIDUAL, TOWERS
from recs_assets.assets import spending, verdicts
from recs_assets.assets.graph import hetero_graph
from recs_assets.assets.weekly_asset import ReuseConfig, check, draft, made_before, week_of_run, weekly_asset
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.lineage import inputs_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets.week_split import TOWERS_VALIDATED_ON, WeekSplit, split_weeks
from recs_assets.weeks import ONE_WEEK, monday

BUDGET_CHECKS = [
    check("trained_model", "budget_month", "This month's budget (gates.max_month_usd) is not used up."),
    check("trained_model", "budget_experiment", "The experiment's budget (gates.max_experiment_usd) is not used up."),
    check("trained_model", "budget_before_gate_1", "While gate 1 has not passed, gates.max_usd_before_gate_1 is not used up."),
]


@weekly_asset(group="model", kinds={"pytorch"}, pod="trainer", deps=[hetero_graph], checks=BUDGET_CHECKS)
def trained_model(
    context: dg.AssetExecutionContext,
    config: ReuseConfig,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """How much each kind of evidence counts, and what the attention towers add, learned from what people bought."""
    from recs_assets.steps import train_model  # torch and PyG: 4 s at load

    week = week_of_run(context)
    budgets = spending.verdicts_on(warehouse, settings, dt.datetime.now(dt.UTC))
    verdicts.record(context, warehouse, settings, *budgets)
    checks = [verdicts.check_result(verdict, verdict.gate) for verdict in budgets]
    inputs = inputs_of(store, week.key, context.run.run_id, ["hetero_graph", "user_nodes", "product_nodes"])
    split = split_weeks(week, settings)
    start = warm_start(store.newest("approved_model", up_to=week.previous), split)
    used = [*inputs.values(), *([start] if start else [])]
    as_of = inputs["hetero_graph"].as_of
    same = None if config.force else made_before(context, store, settings, as_of, used)
    if same is not None:
        return dg.MaterializeResult(metadata={"reused": same.version, "towers": same.document(RESIDUAL)}, check_results=checks)
    spending.refuse(budgets)
    context.log.info(f"towers start from {f'those approved in week {start.manifest.week}' if start else 'nothing'}")
    with store.working(f"trained_model-{week.key}") as work:
        with draft(context, store, settings, as_of, used) as new:
            trained = train_model.train(
                inputs,
                start,
                new,
                split=split,
                work=work,
                settings=settings,
                report=context.log.info,
            )
        trained.checkpoints.clear()
    shown = {"towers": trained.record, "curve": dg.MetadataValue.md(trained.plot)}
    return dg.MaterializeResult(metadata=trained.figures | shown, check_results=checks)


def warm_start(approved: Artifact | None, split: WeekSplit) -> Artifact | None:
    """The artifact whose towers this week's may start from; ``None`` where they have to start from nothing.

    When towers stopped was chosen on their own validation weeks. Had one of them a day in common with the weeks that validate
    now, those would no longer be held out.

    Args:
        approved: the newest record of what may be served.
        split: of the week that is trained.
    """
    if approved is None or TOWERS not in approved.manifest.files:
        return None
    # Towers of before this was recorded say nothing of their weeks.
    validated_on = [monday(week) for week in approved.facts.get(TOWERS_VALIDATED_ON, ())]
    return approved if validated_on and validated_on[-1] + ONE_WEEK <= split.validation[0] else None

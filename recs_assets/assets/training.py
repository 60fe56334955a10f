"""The weekly fit, on weeks that end before the ones it will be judged on."""

import datetime as dt

import dagster as dg

from recs_assets.assets.graph import hetero_graph
from recs_assets.assets.weekly_asset import draft, week_of_run, weekly_asset
from recs_assets.resources.store.lineage import inputs_of
from recs_assets.resources.store.scratch import alone_in
from recs_assets.resources.store.store import Store
from recs_assets.settings import Settings
from recs_assets.weeks import ONE_WEEK, Week


def training_moments(week: Week, settings: Settings) -> list[dt.datetime]:
    """The snapshots to learn from, oldest first: the targets of the last one end where the evaluation weeks begin."""
    horizon = dt.timedelta(days=settings.model.horizon_days)
    first_judged = week.last_complete(settings.evaluation.weeks)[0]
    return [first_judged - horizon - ONE_WEEK * back for back in range(settings.model.training_weeks - 1, -1, -1)]


@weekly_asset(group="model", kinds={"pytorch"}, deps=[hetero_graph])
def trained_model(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult:
    """How much each kind of evidence counts, and what the attention towers add, learned from what people bought."""
    from recs_assets.steps import train_model as trained  # torch and PyG: 4 s at load

    week = week_of_run(context)
    inputs = inputs_of(store, week.key, context.run.run_id, ["hetero_graph", "user_nodes", "product_nodes"])
    # Towers start from those that were approved last, which have seen no week that judges these.
    approved = store.newest("approved_model", up_to=week.previous)
    used = [*inputs.values(), *([approved] if approved else [])]
    with alone_in(store.working_folder(f"trained_model-{week.key}")) as working_folder:
        with draft(context, store, settings, inputs["hetero_graph"].as_of, used) as new:
            found = trained.train(
                inputs,
                approved,
                new,
                moments=training_moments(week, settings),
                working_folder=working_folder,
                settings=settings,
                report=context.log.info,
            )
        found.checkpoints.clear()
    return dg.MaterializeResult(
        metadata=found.figures | {"towers": dg.MetadataValue.json(found.record), "curve": dg.MetadataValue.md(found.plot)}
    )

"""The weekly fit, on weeks that end before the ones it will be judged on."""

import datetime as dt

import dagster as dg
import pyarrow as pa

from recs_assets.assets.graph import GRAPH, hetero_graph
from recs_assets.assets.weekly import draft, week_of_run, weekly_asset
from recs_assets.partitions import WEEK, Week
from recs_assets.resources.store import Store
from recs_assets.settings import Settings

MODEL = "model.pt"
VALIDATION_MODEL = "validation_model.pt"
CURVE = "curve.parquet"
WEIGHTS = "weights.json"


def training_moments(week: Week, settings: Settings) -> list[dt.datetime]:
    """The snapshots to learn from, oldest first: the targets of the last one end where the evaluation weeks begin."""
    horizon = dt.timedelta(days=settings.model.horizon_days)
    first_judged = week.last_complete(settings.evaluation.weeks)[0]
    return [first_judged - horizon - WEEK * back for back in range(settings.model.training_weeks - 1, -1, -1)]


@weekly_asset(group="model", kinds={"pytorch"}, deps=[hetero_graph])
def trained_model(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult:
    """How much each kind of evidence counts, learned from what people bought in past weeks."""
    from recs_assets.gnn import graph, model, training  # torch and PyG: 4 s at load
    from recs_assets.gnn.snapshots import microseconds

    source = store.current("hetero_graph", context.partition_key)
    week = week_of_run(context)
    moments = [microseconds(moment) for moment in training_moments(week, settings)]
    found = list(training.examples(graph.load(source.path(GRAPH)), moments, settings))
    earlier = [example for example in found if example.moment < moments[-settings.model.validation_weeks]]
    validation = training.fit(earlier, settings, report=context.log.info)
    final = training.fit(found, settings, report=context.log.info)
    with draft(context, store, settings, source.as_of, [source]) as new:
        model.save(final.model, new.path(MODEL))
        model.save(validation.model, new.path(VALIDATION_MODEL))
        new.write_table(CURVE, pa.table({"step": range(1, len(final.losses) + 1), "loss": final.losses}))
        new.write_document(WEIGHTS, final.model.named_weights())
    return dg.MaterializeResult(
        metadata={
            "users learned from": sum(example.n_users for example in found),
            "snapshots": len(found),
            "first loss": final.losses[0],
            "last loss": final.losses[-1],
            "weights": final.model.named_weights(),
        }
    )

"""Which parts go with which: what a list is helped by where no model may."""

import dagster as dg

from recs_assets.asset_files import GRAPH, PRODUCT_NODES, PRODUCT_SIMILARITIES
from recs_assets.assets.graph import hetero_graph
from recs_assets.assets.preview import table_of
from recs_assets.assets.weekly_asset import ReuseConfig, draft, made_before, weekly_asset
from recs_assets.resources.store.lineage import inputs_of
from recs_assets.resources.store.store import Store
from recs_assets.settings import Settings


@weekly_asset(group="evaluation", kinds={"parquet"}, pod="scorer", deps=[hetero_graph])
def product_similarities(
    context: dg.AssetExecutionContext,
    config: ReuseConfig,
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """Which parts go with which, from what was bought together: the fallback while no model has passed."""
    # torch and pandas: 5 s at load
    from recs_assets.gnn import graph
    from recs_assets.gnn.snapshots import microseconds, snapshot
    from recs_assets.steps.similar_parts import similar_parts, with_ids

    inputs = inputs_of(store, context.partition_key, context.run.run_id, ["hetero_graph", "product_nodes"])
    source = inputs["hetero_graph"]
    made = None if config.force else made_before(context, store, settings, source.as_of, inputs.values())
    if made is None:
        past = snapshot(graph.load(source.path(GRAPH)), microseconds(source.as_of), settings.events)
        products = inputs["product_nodes"].table(PRODUCT_NODES)
        with draft(context, store, settings, source.as_of, inputs.values()) as new:
            new.write_table(PRODUCT_SIMILARITIES, with_ids(similar_parts(past, settings), products["product_id"]))
        made = new.written
    return dg.MaterializeResult(metadata=table_of(made, PRODUCT_SIMILARITIES) | {"version": made.version})

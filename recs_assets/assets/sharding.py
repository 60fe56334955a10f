"""``user_scores`` in several steps, a pod each where steps are pods: what is passed between them goes through the store.

Only for ``scoring.shards`` above 1; ``serving.user_scores`` does the same in one step, with the same files to the bit.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from recs_assets import pods
from recs_assets.asset_files import USER_SCORES
from recs_assets.assets import serving
from recs_assets.assets.weekly_asset import draft, guarded
from recs_assets.partitions import weekly
from recs_assets.resources.store.lineage import check_related, inputs_of
from recs_assets.resources.store.store import Store
from recs_assets.settings import Settings

SHARD = "user_scores_shard_{}"
WAITS_FOR = ("hetero_graph", "approved_model")
ON_POD = pods.op_tags("scorer")
ONE_STEP = next(iter(serving.user_scores.specs))


@dg.op(ins={asset: dg.In(dg.Nothing) for asset in WAITS_FOR}, out=dg.DynamicOut(dg.Nothing), tags=ON_POD)
def split_profiles(settings: dg.ResourceParam[Settings]) -> Iterator[dg.DynamicOutput[None]]:
    """One step a shard."""
    for shard in range(settings.scoring.shards):
        yield dg.DynamicOutput(None, mapping_key=str(shard))


@dg.op(ins={"shard": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing), tags=ON_POD)
@guarded
def score_shard(context: dg.OpExecutionContext, store: dg.ResourceParam[Store], settings: dg.ResourceParam[Settings]) -> None:
    """The scores of the profiles of one shard, as an artifact of its own."""
    shard = int(context.get_mapping_key() or 0)
    to_score = serving.to_be_scored(context, store, settings)
    inputs = [*to_score.inputs.values(), to_score.approved]
    as_of = to_score.inputs["hetero_graph"].as_of
    with draft(context, store, settings, as_of, inputs, name=SHARD.format(shard)) as new:
        n_rows = new.write_tables(USER_SCORES, to_score.scores(settings, shard, settings.scoring.shards))
    context.log.info(f"shard {shard} of {settings.scoring.shards}: {n_rows:,} rows")


@dg.op(ins={"shards": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing), tags=ON_POD)
@guarded
def merge_shards(
    context: dg.OpExecutionContext, store: dg.ResourceParam[Store], settings: dg.ResourceParam[Settings]
) -> dg.Output[None]:
    """The scores of all shards in the order of the profiles."""
    from recs_assets.steps.score_profiles import merged  # torch and pandas: 5 s at load

    to_score = serving.to_be_scored(context, store, settings)
    names = [SHARD.format(shard) for shard in range(settings.scoring.shards)]
    shards = inputs_of(store, context.partition_key, context.run.run_id, names)
    check_related({**to_score.inputs, "approved_model": to_score.approved, **shards})
    is_model = to_score.served["source"] == "blend"
    scores = merged(list(shards.values()), to_score.profiles, to_score.product_ids) if is_model else to_score.scores(settings)
    return dg.Output(None, metadata=serving.write_scores(context, store, settings, to_score, scores))


@dg.graph_asset(
    name="user_scores",
    ins={asset: dg.AssetIn(dagster_type=dg.Nothing) for asset in WAITS_FOR},
    partitions_def=weekly,
    group_name=ONE_STEP.group_name,
    kinds=ONE_STEP.kinds,
    owners=ONE_STEP.owners,
    metadata=ONE_STEP.metadata,
    description=ONE_STEP.description,
)
def user_scores(hetero_graph: Any, approved_model: Any) -> Any:
    """See ``serving.user_scores``."""
    shards = split_profiles(hetero_graph=hetero_graph, approved_model=approved_model)
    return merge_shards(shards=shards.map(lambda shard: score_shard(shard=shard)).collect())

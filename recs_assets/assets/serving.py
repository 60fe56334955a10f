"""Scores of every profile, from SQL and from the approved model; people who own the same vehicles share one profile."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pyarrow as pa

from recs_assets.approved_models import newest_approved
from recs_assets.asset_files import (
    EXPORT_NAMES,
    FITS_EDGES,
    GRAPH,
    MODEL,
    PRODUCT_NODES,
    PROFILES,
    SQL_SCORES,
    TOWERS,
    USER_NODES,
    USER_SCORES,
)
from recs_assets.assets.approval import approved_model
from recs_assets.assets.evaluation import misfit_of
from recs_assets.assets.graph import hetero_graph
from recs_assets.assets.preview import table_of
from recs_assets.assets.weekly_asset import draft, weekly_asset
from recs_assets.gates.promotion import served_by
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.lineage import inputs_of, parquet_of, profile_tables
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings

NO_SCORES = pa.schema(
    [("profile_id", pa.string()), ("product_id", pa.string()), ("score", pa.float64()), ("channels", pa.string())]
)


@weekly_asset(group="serving", kinds={"sql", "parquet"}, pod="exporter", deps=[hetero_graph])
def sql_scores(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """Today's recommendations: what fits, ranked by popularity in three tiers (SQL v5.17)."""
    from recs_assets.steps.sql_baseline import v5_17_parameters  # torch and pandas: 5 s at load

    inputs = inputs_of(store, context.partition_key, context.run.run_id, [*EXPORT_NAMES, "hetero_graph"])
    source = inputs.pop("hetero_graph")
    tables = parquet_of(inputs) | profile_tables(source)
    has_fitment = inputs["fits_edges"].n_rows(FITS_EDGES) > 0
    with warehouse.session(tables) as session, draft(context, store, settings, source.as_of, [source, *inputs.values()]) as new:
        session.export("v5_17", new.path(SQL_SCORES), as_of=source.as_of, **v5_17_parameters(settings, has_fitment=has_fitment))
    return dg.MaterializeResult(metadata=table_of(new.written, SQL_SCORES))


@weekly_asset(group="serving", kinds={"pytorch", "parquet"}, pod="scorer", deps=[hetero_graph, approved_model])
def user_scores(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult:
    """The approved model's best parts for every profile, from the graph as it stands now."""
    to_score = to_be_scored(context, store, settings)
    return dg.MaterializeResult(metadata=write_scores(context, store, settings, to_score, to_score.scores(settings)))


@dataclass(frozen=True)
class ToScore:
    """What the scores of a week are made from.

    Attributes:
        approved: the newest record of what may be served.
        inputs: hetero_graph, user_nodes and product_nodes.
        served: what serves, and from which week; see ``served_by``.
    """

    approved: Artifact
    inputs: Mapping[str, Artifact]
    served: Mapping[str, Any]

    @property
    def profiles(self) -> pa.Table:
        """Columns profile_id and user_id, in the order of the profiles."""
        return self.inputs["hetero_graph"].table(PROFILES)

    @property
    def product_ids(self) -> pa.ChunkedArray:
        """By index in the graph."""
        return self.inputs["product_nodes"].table(PRODUCT_NODES)["product_id"]

    def scores(self, settings: Settings, shard: int = 0, shards: int = 1) -> Iterable[pa.Table]:
        """What the model says, of all profiles or of those of a shard; no rows where none serves."""
        from recs_assets.steps import score_profiles as profiles  # torch and pandas: 5 s at load

        if self.served["source"] != "blend":
            return [NO_SCORES.empty_table()]
        source, approved = self.inputs["hetero_graph"], self.approved
        return profiles.scores(
            graph_file=source.path(GRAPH),
            model_file=approved.path(MODEL),
            towers_file=approved.path(TOWERS) if TOWERS in approved.manifest.files else None,
            as_of=source.as_of,
            profiles=self.profiles,
            user_ids=self.inputs["user_nodes"].table(USER_NODES, columns=["user_id"])["user_id"],
            product_ids=self.product_ids,
            settings=settings,
            shard=shard,
            shards=shards,
        )


def to_be_scored(context: dg.AssetExecutionContext | dg.OpExecutionContext, store: Store, settings: Settings) -> ToScore:
    """What the run's week is scored with.

    Raises:
        StoreError: nothing was approved yet, or an input is not there.
    """
    approved = newest_approved(store, context.partition_key)
    inputs = inputs_of(store, context.partition_key, context.run.run_id, ["hetero_graph", "user_nodes", "product_nodes"])
    is_model = approved.facts["source"] == "blend"
    return ToScore(approved, inputs, served_by(approved.facts, misfit_of(approved, settings) if is_model else []))


def write_scores(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    store: Store,
    settings: Settings,
    to_score: ToScore,
    scores: Iterable[pa.Table],
) -> dict[str, Any]:
    """Write the week's ``user_scores``; what a person is shown of them."""
    source, served = to_score.inputs["hetero_graph"], to_score.served
    inputs = [*to_score.inputs.values(), to_score.approved]
    with draft(context, store, settings, source.as_of, inputs, name="user_scores") as new:
        new.write_tables(USER_SCORES, scores)
        new.facts |= served
    if "stepped_down" in served:
        context.log.warning(f"{served['source']} serves: {served['stepped_down']} Set them back, or train again.")
    return table_of(new.written, USER_SCORES) | {"model of week": str(served["model_week"]), "serving": served["source"]}

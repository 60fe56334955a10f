"""Is the model better than today's SQL on held-out weeks, and what may be served after that?"""

import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg
import pyarrow as pa

from recs_assets.asset_files import (
    ALPHA_CURVE,
    CEILING,
    GRAPH,
    METRICS,
    METRICS_BY_RELEVANCE,
    MODEL,
    PER_USER,
    PER_USER_BY_RELEVANCE,
    PRODUCT_NODES,
    PRODUCT_SIMILARITIES,
    RECORD,
    SLICES,
    TOWERS,
    USER_PROFILES,
    VALIDATION_MODEL,
    VERDICT,
)
from recs_assets.assets import verdicts
from recs_assets.assets.graph import EXPORT_NAMES, EXPORTS, hetero_graph
from recs_assets.assets.preview import preview
from recs_assets.assets.training import trained_model
from recs_assets.assets.weekly_asset import check, draft, week_of_run, weekly_asset
from recs_assets.gates.promotion import approve, gate_1, has_expired, not_worse
from recs_assets.gates.verdict import Verdict
from recs_assets.ranking.cutoff import K
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.lineage import inputs_of, parquet_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets.week_split import TOWERS_VALIDATED_ON, WeekSplit, split_weeks
from recs_assets.weeks import ONE_WEEK, key_of, monday

if TYPE_CHECKING:
    from recs_assets.steps.evaluate_systems import Evaluated

# The file of each table of an evaluation; metrics and per_user go by the relevance that gates.
FILES = {
    "metrics": METRICS,
    "per_user": PER_USER,
    "metrics_by_relevance": METRICS_BY_RELEVANCE,
    "per_user_by_relevance": PER_USER_BY_RELEVANCE,
    "slices": SLICES,
    "alpha_curve": ALPHA_CURVE,
    "ceiling": CEILING,
}

GATE_1 = check(
    "offline_metrics", "gate_1", "Recall@10 of the blend is above SQL's by gates.min_recall_lift at least, on held-out weeks."
)


@weekly_asset(group="evaluation", kinds={"pandas"}, deps=[trained_model, hetero_graph, *EXPORTS], checks=[GATE_1])
def offline_metrics(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """How well every system would have foreseen what people bought, and whether the model may replace SQL."""
    week = week_of_run(context)
    inputs = inputs_of(store, week.key, context.run.run_id, [*EXPORT_NAMES, "hetero_graph", "trained_model"])
    source = inputs["hetero_graph"]
    evaluated = _evaluated(inputs, warehouse, settings, split_weeks(week, settings), context.log)
    verdict = gate_1(evaluated.per_user, min_lift=settings.gates.min_recall_lift)
    verdicts.record(context, warehouse, settings, verdict)
    with draft(context, store, settings, source.as_of, inputs.values()) as new:
        for table, file in FILES.items():
            new.write_table(file, pa.Table.from_pandas(getattr(evaluated, table), preserve_index=False))
        document = verdict.to_dict()
        new.write_document(VERDICT, document | document.pop("figures") | {"alpha": evaluated.alpha})
        new.facts |= {"decision": verdict.decision, "alpha": evaluated.alpha}
    systems = headline(new.written.table(METRICS))
    return dg.MaterializeResult(
        metadata={
            "decision": verdict.decision,
            "reason": verdict.reason,
            "alpha": evaluated.alpha,
            "systems": preview(systems, rows=systems.num_rows),
        },
        check_results=[verdicts.check_result(verdict, GATE_1.name)],
    )


def _evaluated(
    inputs: Mapping[str, Artifact], warehouse: Warehouse, settings: Settings, split: WeekSplit, log: dg.DagsterLogManager
) -> "Evaluated":
    """Every system on the held-out weeks; nothing at all where there is no model, or nobody to evaluate it on."""
    # torch and pandas: 5 s at load
    from recs_assets.gnn import graph
    from recs_assets.steps.evaluate_systems import Evaluator, NobodyToEvaluateError, nothing_evaluated

    model, source = inputs["trained_model"], inputs["hetero_graph"]
    if MODEL not in model.manifest.files:
        log.warning(f"week {model.manifest.week}: nothing is evaluated, because {model.facts['reason']}")
        return nothing_evaluated()
    exports = parquet_of({name: inputs[name] for name in EXPORT_NAMES})
    evaluator = Evaluator(graph.load(source.path(GRAPH)), warehouse, exports, settings, log.info)
    try:
        return evaluator.evaluate(
            model_file=model.path(MODEL),
            validation_file=model.path(VALIDATION_MODEL),
            towers_file=model.path(TOWERS) if TOWERS in model.manifest.files else None,
            validation_weeks=split.validation,
            evaluation_weeks=split.evaluation,
            population_shares=population_shares(source.table(USER_PROFILES)),
        )
    except NobodyToEvaluateError as nobody:
        log.warning(f"week {model.manifest.week}: nothing is evaluated, because {nobody}")
        return nothing_evaluated()


def population_shares(profiles: pa.Table) -> dict[str, float]:
    """Share of all users in each stratum, from the column ``stratum``."""
    counts = profiles["stratum"].value_counts().to_pylist()
    return {row["values"]: row["counts"] / profiles.num_rows for row in counts}


def headline(metrics: pa.Table) -> pa.Table:
    """Recall@10 of every system over all users, best first."""
    frame = metrics.to_pandas().query(f"stratum == 'all' and k == {K} and metric == 'recall'")
    return pa.Table.from_pandas(frame.sort_values("value", ascending=False)[["system", "value", "users"]], preserve_index=False)


class ApprovalConfig(dg.Config):
    """What a launch of ``approved_model`` may ask for: this week's model in spite of its gate, and why."""

    override_reason: str | None = None


@weekly_asset(group="evaluation", kinds={"pytorch"}, deps=[offline_metrics, trained_model])
def approved_model(
    context: dg.AssetExecutionContext,
    config: ApprovalConfig,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """What may be served from now on: this week's model if it passed, else the last one that did, else a fallback."""
    week = week_of_run(context)
    inputs = inputs_of(store, week.key, context.run.run_id, ["offline_metrics", "trained_model"])
    measured = inputs["offline_metrics"]
    per_user = measured.table(PER_USER).to_pandas()
    verdict = gate_1(per_user, min_lift=settings.gates.min_recall_lift)
    trained = inputs["trained_model"]
    previous = newest_standing(store, week.previous, overridden_since=week.key)
    record = approve(
        verdict,
        similarity_not_worse=not_worse(per_user, "similarity", "sql"),
        week=week.key,
        alpha=measured.facts["alpha"],
        has_model=MODEL in trained.manifest.files,
        previous=previous.facts if previous else None,
        override_reason=config.override_reason,
    )
    # The same rule again, on the same figures: nobody is promoted by launching this asset alone.
    reason = record.get("override_reason") or verdict.reason
    verdicts.record(context, warehouse, settings, Verdict("approval", verdict.decision, reason, record))
    with draft(context, store, settings, measured.as_of, inputs.values()) as new:
        if record["source"] == "blend":
            weights = trained if previous is None or record["model_week"] == week.key else previous
            for name in sorted({MODEL, TOWERS} & set(weights.manifest.files)):
                shutil.copyfile(weights.path(name), new.path(name))
            new.facts |= {name: weights.facts[name] for name in {TOWERS_VALIDATED_ON} & set(weights.facts)}
        new.write_document(RECORD, record)
        new.facts |= record
    return dg.MaterializeResult(metadata={name: str(value) for name, value in record.items()})


def newest_standing(store: Store, up_to: str, *, overridden_since: str) -> Artifact | None:
    """The newest record of what may be served, but for overrides of weeks before ``overridden_since``: they have expired."""
    newest = store.newest("approved_model", up_to=up_to)
    while newest is not None and has_expired(newest.facts, overridden_since=overridden_since):
        newest = store.newest("approved_model", up_to=key_of(monday(newest.manifest.week) - ONE_WEEK))
    return newest


@weekly_asset(group="evaluation", kinds={"parquet"}, deps=[hetero_graph])
def product_similarities(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult:
    """Which parts go with which, from what was bought together: the fallback while no model has passed."""
    # torch and pandas: 5 s at load
    from recs_assets.gnn import graph
    from recs_assets.gnn.snapshots import microseconds, snapshot
    from recs_assets.steps.similar_parts import similar_parts, with_ids

    inputs = inputs_of(store, context.partition_key, context.run.run_id, ["hetero_graph", "product_nodes"])
    source = inputs["hetero_graph"]
    past = snapshot(graph.load(source.path(GRAPH)), microseconds(source.as_of), settings.events)
    products = inputs["product_nodes"].table(PRODUCT_NODES)
    similar = with_ids(similar_parts(past, settings), products["product_id"])
    with draft(context, store, settings, source.as_of, inputs.values()) as new:
        new.write_table(PRODUCT_SIMILARITIES, similar)
    return dg.MaterializeResult(metadata={"dagster/row_count": similar.num_rows, "preview": preview(similar)})

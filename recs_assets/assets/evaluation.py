"""Is the model better than today's SQL? Judged on held-out weeks; and what may be served after that."""

import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from recs_assets.assets import verdicts
from recs_assets.assets.graph import EXPORT_NAMES, EXPORTS, GRAPH, USER_PROFILES, hetero_graph
from recs_assets.assets.training import MODEL, TOWERS, VALIDATION_MODEL, trained_model, training_moments
from recs_assets.assets.weekly_asset import check, draft, inputs_of, parquet_of, preview, week_of_run, weekly_asset
from recs_assets.gates import promotion as gates
from recs_assets.partitions import WEEK, Week, key_of, monday
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings

if TYPE_CHECKING:
    from recs_assets.steps.evaluate_systems import Judged

PER_USER, VERDICT, RECORD = "per_user.parquet", "verdict.json", "record.json"
# metrics and per_user go by the relevance that gates.
TABLES = ("metrics", "per_user", "metrics_by_relevance", "per_user_by_relevance", "slices", "alpha_curve", "ceiling")

GATE_1 = check("offline_metrics", "gate_1", "Recall@10 of the blend is at least 5% above SQL on held-out weeks.")
SERVING_SYSTEMS = {"blend": "the model blended with SQL", "similarity": "SQL with similar parts added", "sql": "SQL v5.17"}


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
    judged = _judged(inputs, warehouse, settings, week, context.log)
    verdict = gates.gate_1(judged.per_user, min_lift=settings.gates.min_recall_lift)
    verdicts.record(context, warehouse, settings, verdict)
    with draft(context, store, settings, source.as_of, inputs.values()) as new:
        for name in TABLES:
            new.write_table(f"{name}.parquet", pa.Table.from_pandas(getattr(judged, name), preserve_index=False))
        document = verdict.to_dict()
        new.write_document(VERDICT, document | document.pop("figures") | {"alpha": judged.alpha})
        new.facts |= {"decision": verdict.decision, "alpha": judged.alpha}
    return dg.MaterializeResult(
        metadata={
            "decision": verdict.decision,
            "reason": verdict.reason,
            "alpha": judged.alpha,
            "systems": preview(headline(new.written.table("metrics.parquet")), rows=len(SERVING_SYSTEMS) + 30),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=GATE_1.name,
                passed=verdict.decision == gates.PASS,
                metadata={"decision": verdict.decision, "reason": verdict.reason},
            )
        ],
    )


def _judged(
    inputs: Mapping[str, Artifact], warehouse: Warehouse, settings: Settings, week: Week, log: dg.DagsterLogManager
) -> "Judged":
    """Every system on the held-out weeks; nothing at all where there is no model or nobody to judge it by."""
    from recs_assets.gnn import graph
    from recs_assets.steps import evaluate_systems as judging  # torch and pandas: 5 s at load

    model, source = inputs["trained_model"], inputs["hetero_graph"]
    if MODEL not in model.manifest.files:
        log.warning(f"week {week.key}: nothing is judged, because {model.facts['reason']}")
        return judging.nothing_judged()
    exports = parquet_of({name: inputs[name] for name in EXPORT_NAMES})
    judge = judging.Judge(graph.load(source.path(GRAPH)), warehouse, exports, settings, log.info)
    try:
        return judge.judge(
            model_file=model.path(MODEL),
            validation_file=model.path(VALIDATION_MODEL),
            towers_file=model.path(TOWERS) if TOWERS in model.manifest.files else None,
            validation_weeks=training_moments(week, settings)[-settings.model.validation_weeks :],
            evaluation_weeks=week.last_complete(settings.evaluation.weeks),
            population_shares=population_shares(source.table(USER_PROFILES)),
        )
    except judging.NobodyToJudgeError as nobody:
        log.warning(f"week {week.key}: nothing is judged, because {nobody}")
        return judging.nothing_judged()


def population_shares(profiles: pa.Table) -> dict[str, float]:
    """Share of all users in each stratum, from the column ``stratum``."""
    counts = profiles["stratum"].value_counts().to_pylist()
    return {row["values"]: row["counts"] / profiles.num_rows for row in counts}


def headline(metrics: pa.Table) -> pa.Table:
    """Recall@10 of every system over all users, best first."""
    frame = metrics.to_pandas().query("stratum == 'all' and k == 10 and metric == 'recall'")
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
    verdict = gates.gate_1(per_user, min_lift=settings.gates.min_recall_lift)
    record, weights = approve(
        verdict,
        similarity_not_worse=gates.not_worse(per_user, "similarity", "sql"),
        week=week.key,
        alpha=measured.facts["alpha"],
        trained=inputs["trained_model"],
        previous=newest_standing(store, week.previous, overridden_since=week.key),
        override_reason=config.override_reason,
    )
    # The same rule again, on the same figures: nobody is promoted by launching this asset alone.
    reason = record.get("override_reason") or verdict.reason
    verdicts.record(context, warehouse, settings, gates.Verdict("approval", verdict.decision, reason, record))
    with draft(context, store, settings, measured.as_of, inputs.values()) as new:
        if weights is not None:
            for name in sorted({MODEL, TOWERS} & set(weights.manifest.files)):
                shutil.copyfile(weights.path(name), new.path(name))
        new.write_document(RECORD, record)
        new.facts |= record
    return dg.MaterializeResult(metadata={name: str(value) for name, value in record.items()})


def newest_standing(store: Store, up_to: str, *, overridden_since: str) -> Artifact | None:
    """The newest record of what may be served, but for overrides of weeks before ``overridden_since``: they have expired."""
    found = store.newest("approved_model", up_to=up_to)
    while found is not None and found.facts.get("override_reason") and found.manifest.week < overridden_since:
        found = store.newest("approved_model", up_to=key_of(monday(found.manifest.week) - WEEK))
    return found


def approve(
    verdict: gates.Verdict,
    *,
    similarity_not_worse: bool,
    week: str,
    alpha: dict[str, float],
    trained: Artifact,
    previous: Artifact | None,
    override_reason: str | None = None,
) -> tuple[dict[str, Any], Artifact | None]:
    """The record of what may be served, and the artifact whose weights to copy (``None`` for a rung without a model).

    The ladder: this week's model if gate 1 passed, or somebody overrides it for this week and says why; else the last
    approved one, kept; else similar parts added to SQL if that was not worse than SQL; else SQL alone.

    Raises:
        ValueError: an override without a reason, of a week that has no model, or of one without a weight of SQL in the blend.
    """
    record: dict[str, Any] = {"week": week, "decision": verdict.decision, "reason": verdict.reason}
    if override_reason is not None:
        if not override_reason.strip():
            raise ValueError(f"week {week}: an override needs a written reason. Say in override_reason why, or leave it out.")
        if MODEL not in trained.manifest.files:
            raise ValueError(f"week {week} has no model that an override could approve. Launch without override_reason.")
        if not alpha:
            raise ValueError(f"week {week} has a model that nobody could be judged by. Launch without override_reason.")
        record |= {"override_reason": override_reason.strip()}
    if verdict.decision == gates.PASS or override_reason is not None:
        return record | {"source": "blend", "model_week": week, "alpha": alpha}, trained
    if previous is not None and previous.facts["source"] == "blend":
        kept = {name: previous.facts[name] for name in ("source", "model_week", "alpha")}
        return record | kept, previous
    fallback = "similarity" if similarity_not_worse else "sql"
    return record | {"source": fallback, "model_week": None, "alpha": None}, None


@weekly_asset(group="evaluation", kinds={"parquet"}, deps=[hetero_graph])
def product_similarities(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult:
    """Which parts go with which, from what was bought together: the fallback while no model has passed."""
    from recs_assets.gnn import graph
    from recs_assets.gnn.snapshots import microseconds, snapshot
    from recs_assets.steps import compared_systems as systems  # torch and pandas: 5 s at load

    inputs = inputs_of(store, context.partition_key, context.run.run_id, ["hetero_graph", "product_nodes"])
    source = inputs["hetero_graph"]
    past = snapshot(graph.load(source.path(GRAPH)), microseconds(source.as_of), settings.events)
    products = inputs["product_nodes"].table("product_nodes.parquet")
    similar = systems.with_ids(systems.similar_parts(past, settings), products["product_id"])
    with draft(context, store, settings, source.as_of, inputs.values()) as new:
        new.write_table("product_similarities.parquet", similar)
    return dg.MaterializeResult(metadata={"dagster/row_count": similar.num_rows, "preview": preview(similar)})

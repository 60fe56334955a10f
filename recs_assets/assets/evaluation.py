"""Is the model better than today's SQL on held-out weeks, and what may be served after that?"""

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pyarrow as pa

from recs_assets.asset_files import (
    ALPHA_CURVE,
    CEILING,
    EVIDENCE,
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
    USER_NODES,
    USER_PROFILES,
    VALIDATION_MODEL,
    VERDICT,
)
from recs_assets.assets import verdicts
from recs_assets.assets.graph import EXPORT_NAMES, EXPORTS, hetero_graph
from recs_assets.assets.preview import preview, preview_of
from recs_assets.assets.training import trained_model
from recs_assets.assets.weekly_asset import ReuseConfig, check, draft, made_before, week_of_run, weekly_asset
from recs_assets.gates.promotion import approve, gate_1, has_expired, not_worse, still_standing, unfit
from recs_assets.gates.verdict import FAIL, Verdict
from recs_assets.ranking.cutoff import K
from recs_assets.resources.store.artifact import Artifact, Draft
from recs_assets.resources.store.lineage import inputs_of, parquet_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets.week_split import TOWERS_VALIDATED_ON, WeekSplit, split_weeks
from recs_assets.weeks import ONE_WEEK, Week, key_of, monday

if TYPE_CHECKING:
    import pandas as pd

    from recs_assets.steps.evaluate_systems import Evaluated
    from recs_assets.steps.kept_model import KeptModel

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
    config: ReuseConfig,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """How well every system would have foreseen what people bought, and whether the model may replace SQL."""
    week = week_of_run(context)
    inputs = inputs_of(store, week.key, context.run.run_id, [*EXPORT_NAMES, "hetero_graph", "trained_model"])
    before, kept = store.newest("offline_metrics", up_to=week.previous), kept_from(store, week)
    earlier = {"evidence_from": before and before.reference, "kept": kept and kept.reference}
    as_of = inputs["hetero_graph"].as_of
    measured = None if config.force else made_before(context, store, settings, as_of, inputs.values())
    if measured is None or {name: measured.facts[name] for name in earlier} != earlier:
        misfit = misfit_of(kept, settings)
        evaluated = _evaluated(inputs, None if misfit else kept, warehouse, settings, split_weeks(week, settings), context.log)
        people = inputs["user_nodes"].table(USER_NODES, columns=["user_id"])["user_id"].to_pylist()
        evidence = _evidence(before, kept, evaluated.per_user, settings, week, people)
        with draft(context, store, settings, as_of, inputs.values()) as new:
            new.facts |= {**earlier, "kept_misfit": misfit}
            _write(new, evaluated, evidence, settings)
        measured = new.written
    verdict = _promotion(measured.table(PER_USER).to_pandas(), measured.table(EVIDENCE).to_pandas(), settings)
    verdicts.record(context, warehouse, settings, verdict)
    systems = headline(measured.table(METRICS))
    return dg.MaterializeResult(
        metadata={
            "decision": verdict.decision,
            "reason": verdict.reason,
            "alpha": measured.facts["alpha"],
            "version": measured.version,
            "systems": preview(systems, rows=systems.num_rows),
        },
        check_results=[verdicts.check_result(verdict, GATE_1.name)],
    )


def _write(new: Draft, evaluated: "Evaluated", evidence: "pd.DataFrame", settings: Settings) -> None:
    """The tables of an evaluation, and its verdict."""
    for table, file in FILES.items():
        new.write_table(file, pa.Table.from_pandas(getattr(evaluated, table), preserve_index=False))
    new.write_table(EVIDENCE, pa.Table.from_pandas(evidence, preserve_index=False))
    verdict = _promotion(evaluated.per_user, evidence, settings)
    document = verdict.to_dict()
    new.write_document(VERDICT, document | document.pop("figures") | {"alpha": evaluated.alpha})
    new.facts |= {"decision": verdict.decision, "alpha": evaluated.alpha, "relevance": settings.evaluation.relevance}


def _evidence(
    before: Artifact | None,
    kept: Artifact | None,
    per_user: "pd.DataFrame",
    settings: Settings,
    week: Week,
    people: Collection[str],
) -> "pd.DataFrame":
    """Of all held-out weeks, each as it was first evaluated; earlier weeks count if a hit means now what it meant then.

    Of somebody who is not among ``people`` any more it does not say who it was.
    """
    from recs_assets.ranking.evidence import gathered_all, nothing_gathered, without_names  # pandas: 0.4 s at load

    earlier = nothing_gathered()
    if before and EVIDENCE in before.manifest.files and before.facts["relevance"] == settings.evaluation.relevance:
        earlier = before.table(EVIDENCE).to_pandas()
    gathered = gathered_all(earlier, per_user, week=week.key, kept_week=kept.facts["model_week"] if kept else None)
    return without_names(gathered, people)


def _promotion(per_user: "pd.DataFrame", evidence: "pd.DataFrame", settings: Settings) -> Verdict:
    from recs_assets.ranking.evidence import of_system  # pandas: 0.4 s at load

    limits = settings.gates
    return gate_1(
        per_user,
        min_lift=limits.min_recall_lift,
        evidence=of_system(evidence, "blend"),
        yearly_risk=limits.max_false_promotions,
    )


def _evaluated(
    inputs: Mapping[str, Artifact],
    kept: Artifact | None,
    warehouse: Warehouse,
    settings: Settings,
    split: WeekSplit,
    log: dg.DagsterLogManager,
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
            towers_file=_towers_of(model),
            validation_weeks=split.validation,
            evaluation_weeks=split.evaluation,
            population_shares=population_shares(source.table(USER_PROFILES)),
            kept=_loaded(kept, settings) if kept else None,
        )
    except NobodyToEvaluateError as nobody:
        log.warning(f"week {model.manifest.week}: nothing is evaluated, because {nobody}")
        return nothing_evaluated()


def _loaded(kept: Artifact, settings: Settings) -> "KeptModel":
    from recs_assets.steps.kept_model import load_kept  # torch: 4 s at load

    return load_kept(kept.facts["model_week"], kept.facts["alpha"], kept.path(MODEL), _towers_of(kept), settings)


def misfit_of(kept: Artifact | None, settings: Settings) -> list[str]:
    """The settings in which an approved model differs from the ones asked for, in words; see ``kept_model.misfit``."""
    from recs_assets.steps.kept_model import misfit  # torch: 4 s at load

    return misfit(kept.path(MODEL), _towers_of(kept), settings) if kept else []


def _towers_of(model: Artifact) -> Path | None:
    return model.path(TOWERS) if TOWERS in model.manifest.files else None


def kept_from(store: Store, week: Week) -> Artifact | None:
    """What is served with a model from an earlier week, and would stay if this week's model did not pass."""
    previous = newest_standing(store, week.previous, overridden_since=week.key)
    return previous if previous is not None and previous.facts["source"] == "blend" else None


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
    per_user, evidence = (measured.table(name).to_pandas() for name in (PER_USER, EVIDENCE))
    verdict, trained = _promotion(per_user, evidence, settings), inputs["trained_model"]
    previous = newest_standing(store, week.previous, overridden_since=week.key)
    kept = _kept_verdict(kept_from(store, week), evidence, measured.facts["kept_misfit"])
    record = approve(
        verdict,
        similarity_not_worse=not_worse(per_user, "similarity", "sql"),
        week=week.key,
        alpha=measured.facts["alpha"],
        has_model=MODEL in trained.manifest.files,
        previous=previous.facts if previous else None,
        kept=kept,
        override_reason=config.override_reason,
    )
    # The same rule again, on the same figures: nobody is promoted by launching this asset alone.
    reason = record.get("override_reason") or verdict.reason
    approval = Verdict("approval", verdict.decision, reason, record)
    verdicts.record(context, warehouse, settings, approval, *([kept] if kept else []))
    with draft(context, store, settings, measured.as_of, inputs.values()) as new:
        if record["source"] == "blend":
            weights = trained if previous is None or record["model_week"] == week.key else previous
            for name in sorted({MODEL, TOWERS} & set(weights.manifest.files)):
                shutil.copyfile(weights.path(name), new.path(name))
            new.facts |= {name: weights.facts[name] for name in {TOWERS_VALIDATED_ON} & set(weights.facts)}
        new.write_document(RECORD, record)
        new.facts |= record
    return dg.MaterializeResult(metadata={name: str(value) for name, value in record.items()})


def _kept_verdict(kept: Artifact | None, evidence: "pd.DataFrame", misfit: list[str]) -> Verdict | None:
    """May what is served from an earlier week stay? Not on evidence against it, nor where the settings no longer fit it."""
    from recs_assets.ranking.evidence import of_system  # pandas: 0.4 s at load

    if kept is None:
        return None
    model_week = kept.facts["model_week"]
    if misfit:
        return Verdict("kept_model", FAIL, unfit(model_week, misfit), {"misfit": misfit})
    return still_standing(of_system(evidence, "kept", model_week), model_week)


def newest_standing(store: Store, up_to: str, *, overridden_since: str) -> Artifact | None:
    """The newest record of what may be served, but for overrides of weeks before ``overridden_since``: they have expired."""
    newest = store.newest("approved_model", up_to=up_to)
    while newest is not None and has_expired(newest.facts, overridden_since=overridden_since):
        newest = store.newest("approved_model", up_to=key_of(monday(newest.manifest.week) - ONE_WEEK))
    return newest


@weekly_asset(group="evaluation", kinds={"parquet"}, deps=[hetero_graph])
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
    first, rows = preview_of(made, PRODUCT_SIMILARITIES), made.n_rows(PRODUCT_SIMILARITIES)
    return dg.MaterializeResult(metadata={"dagster/row_count": rows, "version": made.version, "preview": first})

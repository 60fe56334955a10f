"""Is the model better than today's SQL on held-out weeks?"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pyarrow as pa

from recs_assets.approved_models import kept_from
from recs_assets.asset_files import (
    ALPHA_CURVE,
    CEILING,
    EVIDENCE,
    EXPORT_NAMES,
    GRAPH,
    METRICS,
    METRICS_BY_RELEVANCE,
    MODEL,
    PER_USER,
    PER_USER_BY_RELEVANCE,
    SLICES,
    TOWERS,
    USER_NODES,
    USER_PROFILES,
    VALIDATION_MODEL,
    VERDICT,
)
from recs_assets.assets import verdicts
from recs_assets.assets.figures import figures_of
from recs_assets.assets.graph import hetero_graph
from recs_assets.assets.mail import mail_events
from recs_assets.assets.preview import preview, table_of
from recs_assets.assets.training import trained_model
from recs_assets.assets.weekly_asset import ReuseConfig, check, draft, made_before, week_of_run, weekly_asset
from recs_assets.cutoff import K
from recs_assets.gates.promotion import gate_1
from recs_assets.gates.verdict import Verdict
from recs_assets.resources.store.artifact import Artifact, Draft
from recs_assets.resources.store.lineage import export_tables, inputs_of, parquet_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets.week_split import WeekSplit, split_weeks
from recs_assets.weeks import ONE_WEEK, Week

if TYPE_CHECKING:
    import pandas as pd

    from recs_assets.steps.evaluated import Evaluated
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


@weekly_asset(
    group="evaluation", kinds={"pandas"}, pod="scorer", deps=[trained_model, hetero_graph, mail_events], checks=[GATE_1]
)
def offline_metrics(
    context: dg.AssetExecutionContext,
    config: ReuseConfig,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """How well every system would have foreseen what people bought, and whether the model may replace SQL."""
    week = week_of_run(context)
    inputs = inputs_of(store, week.key, context.run.run_id, [*EXPORT_NAMES, "hetero_graph", "trained_model", "mail_events"])
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
    verdict = promotion_of(measured, settings)
    verdicts.record(context, warehouse, settings, verdict)
    systems, relevances = headline(measured.table(METRICS)), by_relevance(measured.table(METRICS_BY_RELEVANCE))
    return dg.MaterializeResult(
        metadata=table_of(measured, METRICS)
        | {
            "decision": verdict.decision,
            "reason": verdict.reason,
            **figures_of(verdict, measured.table(METRICS)),
            "alpha": measured.facts["alpha"],
            "version": measured.version,
            "systems": preview(systems, rows=systems.num_rows),
            "relevances": preview(relevances, rows=relevances.num_rows),
        },
        check_results=[verdicts.check_result(verdict, GATE_1.name)],
    )


def _write(new: Draft, evaluated: "Evaluated", evidence: "pd.DataFrame", settings: Settings) -> None:
    """The tables of an evaluation, and its verdict."""
    for table, file in FILES.items():
        new.write_table(file, pa.Table.from_pandas(getattr(evaluated, table), preserve_index=False))
    new.write_table(EVIDENCE, pa.Table.from_pandas(evidence, preserve_index=False))
    verdict = promotion(evaluated.per_user, evidence, evaluated.per_user_by_relevance, settings)
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


def promotion_of(measured: Artifact, settings: Settings) -> Verdict:
    """Gate 1 on an ``offline_metrics``; ``approved_model`` asks it again."""
    per_user, evidence, by_relevance = (measured.table(name).to_pandas() for name in (PER_USER, EVIDENCE, PER_USER_BY_RELEVANCE))
    return promotion(per_user, evidence, by_relevance, settings)


def promotion(per_user: "pd.DataFrame", evidence: "pd.DataFrame", by_relevance: "pd.DataFrame", settings: Settings) -> Verdict:
    """Gate 1 on an evaluation and the evidence so far."""
    from recs_assets.ranking.evidence import of_system  # pandas: 0.4 s at load

    limits = settings.gates
    return gate_1(
        per_user,
        min_lift=limits.min_recall_lift,
        evidence=of_system(evidence, "blend"),
        by_mail=by_relevance[~by_relevance["relevance"].isin(["order", "any"])],
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
    from recs_assets.steps.cohort import population_shares
    from recs_assets.steps.evaluate_systems import Evaluator, NobodyToEvaluateError
    from recs_assets.steps.evaluated import nothing_evaluated
    from recs_assets.steps.mail_relevance import mail_relevance

    model, source = inputs["trained_model"], inputs["hetero_graph"]
    if MODEL not in model.manifest.files:
        log.warning(f"week {model.manifest.week}: nothing is evaluated, because {model.facts['reason']}")
        return nothing_evaluated()
    exports = export_tables(inputs)
    with_mail = exports | parquet_of({"mail_events": inputs["mail_events"]})
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
            by_mail=mail_relevance(
                warehouse,
                with_mail,
                start=split.evaluation[0],
                end=split.evaluation[-1] + ONE_WEEK,
                min_click_seconds=settings.rollout.min_click_seconds,
            ),
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


def headline(metrics: pa.Table) -> pa.Table:
    """Recall@10 of every system over all users, best first."""
    return pa.Table.from_pandas(
        _of_all(metrics).sort_values("value", ascending=False)[["system", "value", "users"]], preserve_index=False
    )


def by_relevance(metrics: pa.Table) -> pa.Table:
    """Recall@10 of SQL and the blend over all users by what counts as found: columns relevance, sql, blend, users."""
    frame = _of_all(metrics)
    sql, blend = (frame[frame["system"] == system].set_index("relevance") for system in ("sql", "blend"))
    shown = {"sql": sql["value"], "blend": blend["value"].reindex(sql.index), "users": sql["users"]}
    return pa.Table.from_pydict({"relevance": sql.index.tolist()} | {name: column.tolist() for name, column in shown.items()})


def _of_all(metrics: pa.Table) -> "pd.DataFrame":
    frame: pd.DataFrame = metrics.to_pandas()
    return frame[(frame["stratum"] == "all") & (frame["k"] == K) & (frame["metric"] == "recall")]

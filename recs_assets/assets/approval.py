"""What may be served from now on, after the model of the week has been evaluated."""

import shutil
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from recs_assets.approved_models import kept_from, newest_standing
from recs_assets.asset_files import EVIDENCE, MODEL, PER_USER, RECORD, TOWERS
from recs_assets.assets import verdicts
from recs_assets.assets.evaluation import offline_metrics, promotion_of
from recs_assets.assets.training import trained_model
from recs_assets.assets.weekly_asset import draft, week_of_run, weekly_asset
from recs_assets.gates.promotion import approve, not_worse, still_standing, unfit
from recs_assets.gates.verdict import FAIL, Verdict
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.lineage import inputs_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets.week_split import TOWERS_VALIDATED_ON

if TYPE_CHECKING:
    import pandas as pd


class ApprovalConfig(dg.Config):
    """What a launch of ``approved_model`` may ask for: this week's model in spite of its gate, and why."""

    override_reason: str | None = Field(None, description="Why this week's model is promoted in spite of gate 1; it is recorded.")


@weekly_asset(group="evaluation", kinds={"pytorch"}, pod="scorer", deps=[offline_metrics, trained_model])
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
    verdict, trained = promotion_of(measured, settings), inputs["trained_model"]
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
    return dg.MaterializeResult(metadata={name: value for name, value in record.items() if value is not None})


def _kept_verdict(kept: Artifact | None, evidence: "pd.DataFrame", misfit: list[str]) -> Verdict | None:
    """May what is served from an earlier week stay? Not on evidence against it, nor where the settings no longer fit it."""
    from recs_assets.ranking.evidence import of_system  # pandas: 0.4 s at load

    if kept is None:
        return None
    model_week = kept.facts["model_week"]
    if misfit:
        return Verdict("kept_model", FAIL, unfit(model_week, misfit), {"misfit": misfit})
    return still_standing(of_system(evidence, "kept", model_week), model_week)

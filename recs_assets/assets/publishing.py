"""From lists to the table that the email system reads: staged, audited, then published in one step."""

import datetime as dt
import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import dagster as dg

from recs_assets import targets
from recs_assets.asset_files import FITS_EDGES, PROFILE_LISTS, SQL_SCORES, STAGED
from recs_assets.assets import verdicts
from recs_assets.assets.auditing import (
    AUDIT_CHECKS,
    Staged,
    audit_parameters,
    audit_results,
    audit_row,
    breaches,
)
from recs_assets.assets.evaluation import approved_model, product_similarities
from recs_assets.assets.graph import EXPORT_NAMES, EXPORTS, hetero_graph
from recs_assets.assets.preview import preview_of
from recs_assets.assets.serving import newest_approved, profile_tables, sql_scores, user_scores
from recs_assets.assets.weekly_asset import draft, week_of_run, weekly_asset
from recs_assets.gates.publication import audit, required_users, users_served
from recs_assets.gates.verdict import FAIL, PASS
from recs_assets.resources.publishing import Publication, PublishRefused
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.lineage import check_related, inputs_of, parquet_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Mount, Warehouse
from recs_assets.settings import Settings

READ = [*EXPORT_NAMES, "hetero_graph", "sql_scores", "user_scores", "product_similarities"]
# Until an A/B test assigns arms, everybody is in the same one.
ARM = "all"

log = logging.getLogger(__name__)


@weekly_asset(
    group="serving",
    kinds={"sql", "table"},
    deps=[sql_scores, user_scores, product_similarities, approved_model, hetero_graph, *EXPORTS],
    checks=[*AUDIT_CHECKS, *verdicts.LIST_CHECKS],
)
def recommendations(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """Everybody's ranked list, staged beside the served table and audited against every rule."""
    from recs_assets.steps import rank_lists as lists  # torch and pandas: 5 s at load

    week, run_id = week_of_run(context), context.run.run_id
    day = week.start.date()
    with warehouse.session() as session:
        publications = session.read("last_publications").to_pylist()
    # Publishing expects what is served now: a run that is overtaken while it works is refused.
    served = next((row["publication_id"] for row in publications if row["week"] == day), None)
    approved, inputs = newest_approved(store, week.key), inputs_of(store, week.key, run_id, READ)
    check_related(inputs | {"approved_model": approved})
    rung, alpha, model_week = (approved.facts[name] for name in ("source", "alpha", "model_week"))
    tables = read_tables(inputs)
    as_of, slots, staged = inputs["hetero_graph"].as_of, settings.rules.slots, Staged.of_run(run_id, day)
    # Whole before the audit: a run whose audit comes to no verdict must not leave publishing with the tables of a run before it.
    with draft(context, store, settings, as_of, [*inputs.values(), approved]) as new:
        new.write_tables(PROFILE_LISTS, lists.profile_recommendations(inputs, source=rung, alpha=alpha, settings=settings))
        tables["profile_recommendations"] = [new.folder / PROFILE_LISTS]
        found = stage(warehouse, tables, staged, week=day, as_of=as_of, model_week=model_week, run_id=run_id, slots=slots)
        model = {"model_week": model_week, "model_version": approved.reference}
        new.write_document(STAGED, {**asdict(staged), **found, **model, "replaces": served})
    has_fitment = inputs["fits_edges"].n_rows(FITS_EDGES) > 0
    tables |= {"profile_recommendations": [new.written.path(PROFILE_LISTS)], "staged": staged.long_table}
    with warehouse.session(tables) as session:
        found |= session.audit("audit", week=day, as_of=as_of, **audit_parameters(settings, has_fitment=has_fitment))
        found |= session.audit("reasons", as_of=as_of, **settings.reasons.model_dump())
        drift, overlap = verdicts.list_verdicts(session, settings, publications, day)
    required = required_users(settings.gates, publications, day)
    # A list whose scores collapsed must not be published by launching the next asset alone either.
    collapsed = {"collapsed_scores": 1} if drift.decision == FAIL else {}
    verdict = audit(breaches(found) | collapsed, n_users=found["n_users"], required_users=required)
    if verdict.decision != PASS:
        # Dagster's own error names the checks that failed, and neither the figures nor what to do.
        advice = "Mend the source or the rule, then materialize recommendations again."
        context.log.error(f"recommendations of week {week.key} are not published: {verdict.reason} {advice}")
    warehouse.append("audits", audit_row(staged, day, found, verdict, run_id), replace={"audit_id": staged.audit_id})
    served_from, enough = verdicts.rung(approved.facts, week.key), users_served(found["n_users"], required)
    verdicts.record(context, warehouse, settings, verdict, enough, drift, overlap, served_from)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": found["n_rows"],
            "users": found["n_users"],
            "source": rung,
            "model of week": str(model_week),
            "audit": verdict.decision,
            "reason": verdict.reason,
            "preview": preview_of(new.written, PROFILE_LISTS),
        },
        check_results=[
            *audit_results(found, required),
            *(verdicts.check_result(judged, judged.gate) for judged in (drift, overlap, served_from)),
        ],
    )


def read_tables(inputs: Mapping[str, Artifact]) -> dict[str, Mount]:
    """What lists are expanded from and audited against: the exports, the profiles, and SQL's scores."""
    exports = parquet_of({name: inputs[name] for name in EXPORT_NAMES})
    scores = {"sql_scores": [inputs["sql_scores"].path(SQL_SCORES)]}
    return {**exports, **profile_tables(inputs["hetero_graph"]), **scores}


def stage(
    warehouse: Warehouse,
    tables: Mapping[str, Mount],
    staged: Staged,
    *,
    week: dt.date,
    as_of: dt.datetime,
    model_week: str | None,
    run_id: str,
    slots: int,
) -> dict[str, Any]:
    """Write both tables of a run beside the served ones: the lists of all people, and the mail made from them.

    Returns:
        Their hashes, and how many rows and users the lists have.
    """
    now = dt.datetime.now(dt.UTC)
    with warehouse.session(tables) as session:
        rows = session.stage(
            staged.long_table,
            "recommendations",
            week=week,
            arm=ARM,
            model_week=dt.date.fromisoformat(model_week) if model_week else None,
            run_id=run_id,
            scored_at=now,
        )
    log.info("%s rows of lists are staged", f"{rows:,}")
    with warehouse.session({**tables, "staged": staged.long_table}) as session:
        rows = session.stage(
            staged.wide_table,
            "final_vehicle_recommendations",
            week=week,
            as_of=as_of,
            slots=slots,
            generated_at=now,
            pipeline_version=f"recs_assets {targets.code_version()}",
        )
    log.info("%s mails are staged; the audit begins", f"{rows:,}")
    with warehouse.session({"staged": staged.long_table, "mail": staged.wide_table}) as session:
        return session.audit("content_hash", week=week) | session.audit("mail_hash", slots=slots)


class PublishConfig(dg.Config):
    """What a launch of ``published_recommendations`` may ask for."""

    replace_older_week: bool = False
    reason: str = "scheduled"


@weekly_asset(group="serving", kinds={"table"}, deps=[recommendations])
def published_recommendations(
    context: dg.AssetExecutionContext,
    config: PublishConfig,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """The table that the email system reads, swapped in whole, and only if its audit passed."""
    day = week_of_run(context).start.date()
    # Of two runs at once the other may have staged last: its tables are not audited yet, and are its own to publish.
    listed = inputs_of(store, context.partition_key, context.run.run_id, ["recommendations", *READ])["recommendations"]
    if listed.manifest.provenance.settings_hash != settings.hash:
        raise PublishRefused(
            f"week {day}: the list was made with settings {listed.manifest.provenance.settings_hash}, and they are "
            f"{settings.hash} now. Materialize recommendations for the week again."
        )
    staged = listed.document(STAGED)
    with warehouse.session() as session:
        newest = max((row["week"] for row in session.read("last_publications").to_pylist()), default=day)
    if newest > day and not config.replace_older_week:
        reason = f"week {newest} is served; set replace_older_week in the launch to rewrite week {day} all the same"
        context.log.warning(f"not published: {reason}")
        return dg.MaterializeResult(metadata={"published": False, "reason": reason})
    publication = Publication(
        publication_id=staged["audit_id"].replace("audit", "publication"),
        week=day,
        long_table=staged["long_table"],
        wide_table=staged["wide_table"] if newest <= day else None,
        audit_id=staged["audit_id"],
        content_hash=staged["content_hash"],
        mail_hash=staged["mail_hash"] if newest <= day else None,
        expected_version=staged["replaces"],
        run_id=context.run.run_id,
        model_week=dt.date.fromisoformat(staged["model_week"]) if staged["model_week"] else None,
        model_version=staged["model_version"],
        settings_hash=settings.hash,
        n_rows=staged["n_rows"],
        n_users=staged["n_users"],
        published_at=dt.datetime.now(dt.UTC),
        reason=config.reason,
    )
    published = warehouse.publish(publication, kept_versions=settings.publish.kept_versions)
    return dg.MaterializeResult(metadata={name: str(value) for name, value in asdict(published).items()})

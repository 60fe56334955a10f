"""From lists to the table that the email system reads: staged, audited, then published in one step."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import dagster as dg
from pydantic import Field

from recs_assets.asset_files import LIST_INPUTS, PROFILE_LISTS, STAGED
from recs_assets.assets import verdicts
from recs_assets.assets.auditing import AUDIT_CHECKS, audit_results, audit_row, audited, reasons_given
from recs_assets.assets.preview import ROWS, preview, schema
from recs_assets.assets.rollout import rollout_assignment
from recs_assets.assets.serving import sql_scores, user_scores
from recs_assets.assets.similarities import product_similarities
from recs_assets.assets.staging import Ingredients, ingredients_of, lists_of_arms, stage
from recs_assets.assets.weekly_asset import check, draft, week_of_run, weekly_asset
from recs_assets.gates import publication as gates
from recs_assets.gates.verdict import PASS
from recs_assets.own_tables import RECOMMENDATIONS
from recs_assets.resources.errors import PublishRefused
from recs_assets.resources.holding import Hold
from recs_assets.resources.publishing import Publication, Published
from recs_assets.resources.store.lineage import inputs_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings


@weekly_asset(
    group="serving",
    kinds={"sql", "table"},
    pod="publisher",
    deps=[sql_scores, user_scores, product_similarities, rollout_assignment],
    checks=[*AUDIT_CHECKS, *verdicts.LIST_CHECKS],
    metadata={"dagster/column_schema": schema(RECOMMENDATIONS)},
)
def recommendations(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """Everybody's ranked list, staged beside the served table and audited against every rule."""
    week, run_id = week_of_run(context), context.run.run_id
    day, publications = week.start.date(), _last_publications(warehouse)
    ingredients = ingredients_of(store, week.key, run_id)
    # Whole before the audit begins: without a verdict, publishing must not take the tables of an earlier run for this one's.
    with draft(context, store, settings, ingredients.as_of, ingredients.artifacts) as new:
        new.write_tables(PROFILE_LISTS, lists_of_arms(ingredients, settings))
        staged = stage(warehouse, ingredients, new.folder / PROFILE_LISTS, settings, week=day, run_id=run_id)
        new.write_document(STAGED, staged.document() | _expectations(ingredients, publications, day))
    tables = {"staged": staged.tables.long_table, "mail": staged.tables.wide_table}
    with warehouse.session(ingredients.tables(new.written.file(PROFILE_LISTS)) | tables) as session:
        audit = audited(session, staged, settings, publications, ingredients, day)
        reasons = reasons_given(session, settings, day)
    if audit.verdict.decision != PASS:
        # Dagster's own error names the checks that failed, and neither the figures nor what to do.
        advice = "Fix the source or the rule, then materialize recommendations again."
        context.log.error(f"recommendations of week {week.key} are not published: {audit.verdict.reason} {advice}")
    warehouse.append("audits", audit_row(staged, audit, day, run_id), replace={"audit_id": staged.tables.audit_id})
    served = gates.served_source(ingredients.served, week.key)
    listed = (audit.users, audit.drift, audit.overlap, audit.reach, audit.coverage)
    verdicts.record(context, warehouse, settings, audit.verdict, *listed, served)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": staged.n_rows,
            "users": staged.n_users,
            "source": ingredients.source,
            "model of week": str(ingredients.model_week),
            "people whose address is a placeholder": audit.n_placeholders,
            "audit": audit.verdict.decision,
            "reason": audit.verdict.reason,
            **reasons,
            "preview": preview(new.written.head(PROFILE_LISTS, ROWS)),
        },
        check_results=[*audit_results(staged, audit), verdicts.check_result(served, served.gate)],
    )


def _last_publications(warehouse: Warehouse) -> list[dict[str, Any]]:
    with warehouse.session() as session:
        rows: list[dict[str, Any]] = session.read("last_publications").to_pylist()
    return rows


def _expectations(ingredients: Ingredients, publications: Sequence[Mapping[str, Any]], week: dt.date) -> dict[str, str | None]:
    """What the record of a staged list says of its model, and which version it expects to replace.

    That is the one that is served now: a run that is overtaken while it works is refused.
    """
    served = next((row["publication_id"] for row in publications if row["week"] == week), None)
    return {"model_week": ingredients.served["model_week"], "model_version": ingredients.approved.reference, "replaces": served}


class PublishConfig(dg.Config):
    """What a launch of ``published_recommendations`` may ask for."""

    replace_older_week: bool = Field(False, description="Rewrite what is served of a week before the newest one.")
    reason: str = Field("scheduled", description="Why it is published; it stays in the ledger publications.")


HOLD_CHECK = check("published_recommendations", "hold", "Nobody holds publishing.")


@weekly_asset(
    group="serving",
    kinds={"table"},
    pod="publisher",
    deps=[recommendations],
    checks=[HOLD_CHECK],
    metadata={"dagster/column_schema": schema(RECOMMENDATIONS)},
)
def published_recommendations(
    context: dg.AssetExecutionContext,
    config: PublishConfig,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """The table that the email system reads, swapped in whole, and only if its audit passed."""
    day = week_of_run(context).start.date()
    # Of two runs at once the other may have staged last: only that run may publish those tables.
    listed = inputs_of(store, context.partition_key, context.run.run_id, ["recommendations", *LIST_INPUTS])["recommendations"]
    if listed.manifest.provenance.settings_hash != settings.hash:
        raise PublishRefused(
            f"week {day}: the list was made with settings {listed.manifest.provenance.settings_hash}, and they are "
            f"{settings.hash} now. Materialize recommendations for the week again."
        )
    newest = max((row["week"] for row in _last_publications(warehouse)), default=day)
    if newest > day and not config.replace_older_week:
        reason = (
            f"week {newest} is served; to rewrite week {day} all the same: make publish WEEK={day} REPLACE=1 REASON=... "
            "(replace_older_week in a launch)"
        )
        context.log.warning(f"not published: {reason}")
        held = _hold_verdict(context, warehouse, settings, warehouse.held(dt.datetime.now(dt.UTC)))
        return dg.MaterializeResult(metadata={"published": False, "reason": reason}, check_results=[held])
    publication = _publication(
        listed.document(STAGED), day, is_mailed=newest <= day, run_id=context.run.run_id, settings=settings, reason=config.reason
    )
    published = warehouse.publish(publication, kept_versions=settings.publish.kept_versions)
    hold = published if isinstance(published, Hold) else None
    if not isinstance(published, Hold):
        context.log.info(_told(published))
    metadata = {"outcome": "held"} if isinstance(published, Hold) else _shown(published)
    return dg.MaterializeResult(metadata=metadata, check_results=[_hold_verdict(context, warehouse, settings, hold)])


def _shown(published: Published) -> dict[str, Any]:
    """Its figures as numbers, and everything else as text."""
    shown = {name: value if isinstance(value, int) else str(value) for name, value in asdict(published).items()}
    return shown | {"dagster/row_count": published.n_rows}


def _hold_verdict(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: Settings, hold: Hold | None
) -> dg.AssetCheckResult:
    verdict = gates.hold(str(hold) if hold else None)
    verdicts.record(context, warehouse, settings, verdict)
    if hold is not None:
        context.log.warning(f"week {context.partition_key} is not published: {hold}")
    return verdicts.check_result(verdict, HOLD_CHECK.name)


def _told(published: Published) -> str:
    """What happened, in a sentence."""
    version, since = published.version_after, f"{published.published_at:%Y-%m-%d %H:%M} UTC"
    if published.outcome != "published":
        return f"week {published.week} is unchanged: version {version} is served since {since}"
    mail = "the mail stays as it was" if published.n_mailed is None else f"{published.n_mailed:,} mails"
    return f"week {published.week}: version {version} is served, {published.n_users:,} users, {mail}"


def _publication(
    staged: Mapping[str, Any], week: dt.date, *, is_mailed: bool, run_id: str, settings: Settings, reason: str
) -> Publication:
    """The staged tables as what is to be published; without the mail where a newer week is mailed by now."""
    return Publication(
        publication_id=staged["audit_id"].replace("audit", "publication"),
        week=week,
        long_table=staged["long_table"],
        wide_table=staged["wide_table"] if is_mailed else None,
        audit_id=staged["audit_id"],
        content_hash=staged["content_hash"],
        mail_hash=staged["mail_hash"] if is_mailed else None,
        expected_version=staged["replaces"],
        run_id=run_id,
        model_week=dt.date.fromisoformat(staged["model_week"]) if staged["model_week"] else None,
        model_version=staged["model_version"],
        settings_hash=settings.hash,
        n_rows=staged["n_rows"],
        n_users=staged["n_users"],
        published_at=dt.datetime.now(dt.UTC),
        reason=reason,
        mail=settings.mail,
    )

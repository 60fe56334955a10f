"""The dates of the source as exports judge them: checks in the UI, verdicts in the ledger."""

import datetime as dt

import dagster as dg

from recs_assets.assets import verdicts
from recs_assets.assets.weekly_asset import check
from recs_assets.gates import dates
from recs_assets.gates.verdict import Verdict
from recs_assets.resources.warehouse import Session, Warehouse
from recs_assets.settings import Settings
from recs_assets.weeks import ONE_WEEK, Week

CHECKS = {
    "users": [check("user_nodes", "created_at", "created_at says since when people are known, and not when they were loaded.")],
    "products": [
        check("product_nodes", "created_at", "created_at says since when parts are sold, and not when they were loaded.")
    ],
    "ownership": [check("owns_edges", "added_at", "Garages existed in the weeks that are learned from.")],
}


def judged(
    context: dg.AssetExecutionContext, warehouse: Warehouse, session: Session, settings: Settings, table: str, week: Week
) -> list[dg.AssetCheckResult]:
    """The dates of a table's rows ``classified``, judged and written to the ledger; none of a table without a check for them.

    Raises:
        ContractError: they are those of a load.
    """
    if table not in CHECKS:
        return []
    verdict = _added_at(session, settings, week) if table == "ownership" else _created_at(session, settings, table, week)
    verdicts.record(context, warehouse, settings, verdict)
    dates.refuse_load_times(table, week.key, verdict)
    return [verdicts.check_result(verdict, spec.name) for spec in CHECKS[table]]


def _created_at(session: Session, settings: Settings, table: str, week: Week) -> Verdict:
    return dates.created_at(
        table,
        session.audit("seen_before", as_of=week.as_of),
        max_later_share=settings.source.max_later_created_share,
        max_reset_share=settings.gates.max_reset_created,
    )


def _added_at(session: Session, settings: Settings, week: Week) -> Verdict:
    middle = (settings.evaluation.weeks + settings.model.training_weeks // 2) * ONE_WEEK
    return dates.added_at(
        session.audit("garage_dates", moment=week.as_of - middle),
        days=middle // dt.timedelta(days=1),
        min_share=settings.gates.min_old_garages,
    )

"""What exports check of the source while they clean it: checks in the UI, verdicts in the ledger."""

import datetime as dt
from collections.abc import Sequence

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from recs_assets.assets import verdicts
from recs_assets.assets.weekly_asset import check
from recs_assets.gates import catalogue, coverage, dates
from recs_assets.gates.verdict import Verdict
from recs_assets.plain_text import plain
from recs_assets.resources.warehouse import Session, Warehouse
from recs_assets.settings import Settings
from recs_assets.weeks import ONE_WEEK, Week

ASSETS = {"users": "user_nodes", "vehicles": "vehicle_nodes", "products": "product_nodes", "ownership": "owns_edges"}
DESCRIPTIONS = {
    "users": {"created_at": "created_at says since when people are known, and not when they were loaded."},
    "vehicles": {},
    "products": {
        "created_at": "created_at says since when parts are sold, and not when they were loaded.",
        "universal": "Parts flagged as universal name no vehicles of their own.",
    },
    "ownership": {"added_at": "Garages existed in the weeks that are learned from."},
}
# By source table, in the order of their verdicts.
CHECKS = {
    table: [
        *(check(ASSETS[table], name, text) for name, text in texts.items()),
        check(ASSETS[table], "ties", "Rows of one key have an order: few differ from another one of their moment."),
    ]
    for table, texts in DESCRIPTIONS.items()
}
RULES = check("product_nodes", "rules", "No rule keeps most parts out of every list, and excluded part types are met with.")


def checked(
    context: dg.AssetExecutionContext, warehouse: Warehouse, session: Session, settings: Settings, table: str, week: Week
) -> list[dg.AssetCheckResult]:
    """The rows ``classified`` of a table, checked and written to the ledger; nothing of a table without checks.

    Raises:
        ContractError: their dates are those of a load.
    """
    if table not in CHECKS:
        return []
    given: list[Verdict] = []
    if table in ("users", "products"):
        given.append(_created_at(session, settings, table, week))
    if table == "products":
        share = settings.gates.max_overruled_universal
        given.append(coverage.universal(session.audit("overruled_universal"), max_share=share))
    if table == "ownership":
        given.append(_added_at(session, settings, week))
    given.append(dates.ties(table, session.audit("tied_rows"), max_share=settings.source.max_tied_share))
    verdicts.record(context, warehouse, settings, *given)
    for verdict in given:
        dates.refuse_load_times(table, week.key, verdict)
    return [verdicts.check_result(verdict, spec.name) for verdict, spec in zip(given, CHECKS[table], strict=True)]


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


def checked_rules(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: Settings, parts: pa.Table, reasons: Sequence[str | None]
) -> dg.AssetCheckResult:
    """What the rules leave of the parts, checked and written to the ledger."""
    types = {plain(name) for name in pc.unique(parts["part_type"]).drop_null().to_pylist()}
    excluded = settings.rules.excluded_part_types or ()
    n_unmatched = sum(plain(name) not in types for name in excluded)
    share = settings.gates.max_left_out_by_a_rule
    verdict = catalogue.left_out(reasons, n_excluded_types=len(excluded), n_unmatched=n_unmatched, max_share=share)
    verdicts.record(context, warehouse, settings, verdict)
    return verdicts.check_result(verdict, RULES.name)

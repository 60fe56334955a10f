"""What became of the mail: the log of its events, cleaned."""

import datetime as dt

import dagster as dg
import pyarrow as pa

from recs_assets.asset_files import MAIL_EVENTS
from recs_assets.assets import verdicts
from recs_assets.assets.cleaning import checks_of, cleaned, moments, result
from recs_assets.assets.exports import user_nodes
from recs_assets.assets.preview import table_of
from recs_assets.assets.raw import raw_email_events
from recs_assets.assets.weekly_asset import check, draft, week_of_run, weekly_asset
from recs_assets.breaches import ContractError
from recs_assets.resources.store.lineage import inputs_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings

NO_EVENTS = pa.schema(
    [(name, pa.string()) for name in ("user_id", "send_id", "event_type")]
    + [("event_ts", pa.timestamp("us", "UTC")), ("product_id", pa.string())]
)
READABLE = check("mail_events", "contract", "The log of the mail can be read.")


@weekly_asset(
    group="rollout",
    kinds={"sql", "parquet"},
    pod="exporter",
    deps=[raw_email_events, user_nodes],
    checks=[*checks_of("mail_events"), READABLE],
)
def mail_events(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """What became of each mail, lookback_days back."""
    week = week_of_run(context)
    parameters = moments(week) | {"orders_start": week.as_of - dt.timedelta(days=settings.lookback_days)}
    try:
        log = cleaned(context, warehouse, store, settings, "email_events", references=["user_nodes"], parameters=parameters)
    except ContractError as error:
        # A log that cannot be read decides nothing, and stops no list.
        context.log.warning(f"{error} No experiment is looked at tonight, and the mail goes on.")
        inputs = inputs_of(store, week.key, context.run.run_id, ["raw_email_events", "user_nodes"])
        with draft(context, store, settings, week.as_of, inputs.values()) as new:
            new.write_tables(MAIL_EVENTS, [NO_EVENTS.empty_table()])
        unread = [
            dg.AssetCheckResult(check_name=each.name, passed=False, severity=verdicts.WARNING) for each in mail_events.check_specs
        ]
        return dg.MaterializeResult(metadata=table_of(new.written, MAIL_EVENTS), check_results=unread)
    return result(log, [dg.AssetCheckResult(check_name=READABLE.name, passed=True)])

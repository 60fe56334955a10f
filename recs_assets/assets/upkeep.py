"""The last step of every job: what nobody needs any more goes, so that a year of nights takes no more room than a season."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from recs_assets import targets
from recs_assets.assets.approval import approved_model
from recs_assets.assets.publishing import published_recommendations
from recs_assets.assets.weekly_asset import cause_of, check, weekly_asset
from recs_assets.report.asked import forget_pages, old_pages
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings

PRUNED_CHECK = check("retained_versions", "pruned", "What nobody needs any more could be removed.")


@weekly_asset(
    group="upkeep",
    kinds={"table", "parquet"},
    pod="publisher",
    deps=[published_recommendations, approved_model],
    checks=[PRUNED_CHECK],
)
def retained_versions(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """What is served, can be restored or is needed by the next runs; everything else has gone."""
    from recs_assets.steps.remove_superfluous import prune  # pandas, where evidence has to be written anew

    now, run_id = dt.datetime.now(dt.UTC), context.run.run_id
    try:
        gone = prune(warehouse, store, settings, now=now, run_id=run_id)
        old = old_runs(context.instance, settings, now)
        forget_runs(context.instance, old)
        pages = old_pages(targets.home(), settings, now)
        forget_pages(pages)
    except Exception as error:  # the mail is out by now: whatever went wrong here must not look as if it were not
        advice = "What is served is as it was. Look at the cause, then: make prune"
        context.log.warning(f"nothing more is removed: {cause_of(error)} {advice}")
        return _result({}, dg.AssetCheckResult(check_name=PRUNED_CHECK.name, passed=False, severity=dg.AssetCheckSeverity.WARN))
    if gone is None:
        context.log.info("another run is at work on the same files: the next run removes what nobody needs")
        return _result({"outcome": "left to the next run"}, dg.AssetCheckResult(check_name=PRUNED_CHECK.name, passed=True))
    figures = {
        "versions removed": len(gone.versions),
        "megabytes removed": round(gone.n_bytes / 1e6, 2),
        "tables removed": len(gone.tables),
        "runs removed": len(old),
        "pages removed": len(pages),
    }
    return _result(figures, dg.AssetCheckResult(check_name=PRUNED_CHECK.name, passed=True))


def old_runs(instance: dg.DagsterInstance, settings: Settings, now: dt.datetime) -> list[str]:
    """The runs of the event log that are older than ``retention.days``.

    One of that age has ended, whatever the log says: a run that was killed has never said so.
    """
    before = now - dt.timedelta(days=settings.retention.days)
    return [record.dagster_run.run_id for record in instance.get_run_records(dg.RunsFilter(created_before=before))]


def forget_runs(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    """Remove runs from the event log, with what their steps printed and their checks found."""
    storage: Any = instance.event_log_storage
    for run_id in run_ids:
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        instance.delete_run(run_id)
        # Dagster takes the rows out of a run's own file and leaves the file, as large as it was; and it keeps checks for ever.
        if storage.is_run_sharded:
            for ending in ("", "-wal", "-shm"):
                Path(f"{storage.path_for_shard(run_id)}{ending}").unlink(missing_ok=True)
        with storage.index_connection() as connection:
            connection.exec_driver_sql(f"DELETE FROM asset_check_executions WHERE run_id = '{run_id}'")


def _result(figures: Mapping[str, int | float | str], checked: dg.AssetCheckResult) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=dict(figures), check_results=[checked])

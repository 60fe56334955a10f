"""Runs as the command line launches them: a job, or some assets, for a week, with what they may be asked for."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import dagster as dg

from recs_assets import watch
from recs_assets.report.runs import report_failure
from recs_assets.resources.errors import WarehouseError
from recs_assets.resources.warehouse import Warehouse
from recs_assets.run_origin import OF_COMMAND, shown_in_the_ui
from recs_assets.weeks import ONE_WEEK, key_of

JOBS = ("everything", "weekly", "nightly")
# Assets that are launched by themselves, by the name of the target that does it.
SELECTIONS: Mapping[str, Sequence[str]] = {
    "approve": ["approved_model"],
    "publish": ["recommendations", "published_recommendations"],
}
REUSING = ("trained_model", "offline_metrics", "product_similarities")


@dataclass(frozen=True)
class Wishes:
    """What a launch asks for beyond its week.

    Attributes:
        force: compute again what is there already, from the same inputs.
        reason: why, for the ledger.
        replace_older_week: rewrite the served rows of a week though a newer one is served.
        lost_columns: source tables that may have lost columns.
    """

    force: bool = False
    reason: str | None = None
    replace_older_week: bool = False
    lost_columns: Sequence[str] = ()


def launch(project: ModuleType, name: str, week: str, wishes: Wishes, instance: dg.DagsterInstance) -> bool:
    """Run a job, or a selection of assets, for a week; whether it ended well.

    Raises:
        ValueError: something is asked for without its reason, or the week is none of those of the settings.
    """
    settings = project.defs.resources["settings"]
    if reason := settings.schedules.outside(week):
        raise ValueError(reason)
    job, selection = project.defs.resolve_implicit_global_asset_job_def(), None
    if name in SELECTIONS:
        selection = [dg.AssetKey(asset) for asset in SELECTIONS[name]]
    else:
        job = project.defs.resolve_job_def(name)
    steps = SELECTIONS.get(name) or [node.name for node in job.nodes]
    config = {"loggers": {"console": {}}, "ops": _config(name, steps, wishes)}
    with shown_in_the_ui(instance, job):
        result = job.execute_in_process(
            partition_key=week,
            instance=instance,
            raise_on_error=False,
            asset_selection=selection,
            tags=OF_COMMAND,
            run_config=config,
        )
    run = result.dagster_run
    if not result.success:
        watch.note_unevaluated(instance, run)
        report_failure(instance, run, project.defs.resources)
    watch.tell(instance, run, settings, project.defs.resources["store"].location.local)
    return bool(result.success)


def _config(name: str, steps: Sequence[str], wishes: Wishes) -> dict[str, Any]:
    reason = (wishes.reason or "").strip()
    if not reason and (name in SELECTIONS or wishes.lost_columns or wishes.replace_older_week):
        raise ValueError("this needs a reason; it stays in the ledger. Say it with REASON=...")
    config: dict[str, dict[str, Any]] = {}
    if wishes.force:
        config |= {step: {"force": True} for step in REUSING}
    config |= {f"raw_{table}": {"accept_lost_columns_reason": reason} for table in wishes.lost_columns}
    if name == "approve":
        config["approved_model"] = {"override_reason": reason}
    publishing = {"reason": reason} if reason else {}
    config["published_recommendations"] = publishing | {"replace_older_week": wishes.replace_older_week}
    return {step: {"config": values} for step, values in config.items() if step in steps}


def refuse_old_source(warehouse: Warehouse, now: dt.datetime) -> None:
    """Refuse to serve the week in progress from a source whose newest event is more than a week old.

    Raises:
        ValueError: names the newest event, and the week to serve instead.
    """
    try:
        with warehouse.session() as session:
            newest = session.audit("newest_event", now=now)["newest_event"]
    except (WarehouseError, ValueError):
        return  # what is wrong with the source the run itself says best
    if newest is None or newest >= now - ONE_WEEK:
        return
    raise ValueError(
        f"the newest event of the source is of {newest:%Y-%m-%d %H:%M} UTC, {(now - newest).days} days ago: there is nothing "
        f"new to serve in week {key_of(now)}. For the week of that event: make nightly WEEK={key_of(newest)}. If events "
        "should have come since, look at their load."
    )

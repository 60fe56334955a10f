"""What is worth an alert: a run that failed, checks that warn, a night that has not come, a disk that fills up."""

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from recs_assets import targets
from recs_assets.alerts import Alert, send
from recs_assets.disk import free_gib
from recs_assets.report.runs import PARTITION, failures_of, report_failure
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.run_origin import OF_COMMAND
from recs_assets.settings import Settings
from recs_assets.weeks import key_of

# Checks that warn and block nothing, and what they say to somebody who is not looking.
WARNINGS = {
    ("published_recommendations", "hold"): ("hold", "Publishing is on hold: the lists were made and checked, and not published."),
    ("recommendations", "source"): ("fallback", "No model serves as it should: the lists come from a fallback."),
    ("retained_versions", "pruned"): ("pruning", "What nobody needs any more could not be removed, and the disk will fill up."),
}
EVENT = dg.DagsterEventType
NOT_EVALUATED = "Not evaluated: "
SHOWN_CAUSES = 3
# A night's run may end so long before the hour by which it is expected.
NIGHT = dt.timedelta(hours=12)
SECONDS_BETWEEN_LOOKS = 300


def failure_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Alert | None:
    """The alert of a run that has failed."""
    if instance.get_run_by_id(run.run_id).status != dg.DagsterRunStatus.FAILURE:  # type: ignore[union-attr]
        return None
    failed = [one for one in _evaluated(instance, run) if one.blocking and not one.passed]
    checks = [f"{one.asset_key.to_user_string()} ({one.check_name})" for one in failed]
    return _alert_of(run, "run failed", _told(instance, run, checks))


def states_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, Alert | None]:
    """What a run found of states that last, by the kind of alert; ``None`` where all is well."""
    has_passed = {(one.asset_key.to_user_string(), one.check_name): one.passed for one in _evaluated(instance, run)}
    return {
        kind: None if has_passed[check] else _alert_of(run, kind, text)
        for check, (kind, text) in WARNINGS.items()
        if check in has_passed
    }


def tell(instance: dg.DagsterInstance, run: dg.DagsterRun, settings: Settings, folder: Path) -> None:
    """Send the alerts that a run which has ended gives cause for, and that of the disk of ``folder``."""
    if failure := failure_of(instance, run):
        send(failure, settings.alerts)
    tell_of_states(instance, states_of(instance, run) | low_disk(folder, settings), settings, dt.datetime.now(dt.UTC))


def tell_of_states(
    instance: dg.DagsterInstance, states: Mapping[str, Alert | None], settings: Settings, now: dt.datetime
) -> None:
    """Send an alert of each state once a day while it lasts; of one that has ended in between, at once."""
    storage, today = instance.daemon_cursor_storage, f"{now:%Y-%m-%d}"
    keys = {kind: f"recs_assets alert: {kind}" for kind in states}
    told = dict(storage.get_cursor_values(set(keys.values())))
    for kind, alert in states.items():
        if alert is None:
            told[keys[kind]] = ""
        elif told.get(keys[kind]) != today and send(alert, settings.alerts):
            told[keys[kind]] = today
    if told:
        storage.set_cursor_values(told)


def _told(instance: dg.DagsterInstance, run: dg.DagsterRun, checks: list[str]) -> str:
    """Which steps failed of what; each cause once."""
    causes: dict[str, list[str]] = {}
    for step, cause in failures_of(instance, run).items():
        causes.setdefault(cause, []).append(step)
    told = [f"{', '.join(steps)}: {cause}." for cause, steps in list(causes.items())[:SHOWN_CAUSES]]
    said = [f"Checks that failed: {', '.join(sorted(checks))}."] if checks else []
    name = "some assets" if run.job_name.startswith("__") else run.job_name
    return " ".join([f"{name} failed, and nothing was published by it.", *told, *said])


def _evaluations(instance: dg.DagsterInstance, run_id: str) -> Iterable[dg.AssetCheckEvaluation]:
    for record in instance.all_logs(run_id, of_type=EVENT.ASSET_CHECK_EVALUATION):
        yield record.get_dagster_event().asset_check_evaluation_data


def _evaluated(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[dg.AssetCheckEvaluation]:
    """Those of the run itself, without what ``note_unevaluated`` has noted."""
    return [one for one in _evaluations(instance, run.run_id) if not (one.description or "").startswith(NOT_EVALUATED)]


def _alert_of(run: dg.DagsterRun, kind: str, text: str) -> Alert:
    week = run.tags.get(PARTITION)
    report = f"make report WEEK={week}, " if week else ""
    look = f"Look at: {report}make status, and run {run.run_id} in Dagster's event log."
    return Alert(kind, text, look, week, run.run_id)


def note_unevaluated(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Show checks that a failed run has not come to as not evaluated: Dagster would paint them as failed."""
    evaluated = {one.asset_check_key for one in _evaluations(instance, run.run_id)}
    for record in instance.all_logs(run.run_id, of_type=EVENT.ASSET_CHECK_EVALUATION_PLANNED):
        planned: Any = record.get_dagster_event().event_specific_data
        if planned.asset_check_key in evaluated:
            continue
        evaluation = dg.AssetCheckEvaluation(
            asset_key=planned.asset_key,
            check_name=planned.check_name,
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{NOT_EVALUATED}run {run.run_id} ended before it.",
            partition=run.tags.get(PARTITION),
        )
        # An event of the run itself: one without a run may be there once a check and week.
        event = dg.DagsterEvent(EVENT.ASSET_CHECK_EVALUATION.value, run.job_name, event_specific_data=evaluation)
        instance.report_dagster_event(event, run.run_id)


def low_disk(folder: Path, settings: Settings) -> dict[str, Alert | None]:
    """Whether runs have less room left than they ask for, as a state; see ``states_of``."""
    free, wanted = free_gib(folder), settings.compute.min_free_disk_gib
    text = f"The disk that runs write to has {free:.2f} GiB left, and compute.min_free_disk_gib asks for {wanted:g}."
    return {"low disk": Alert("low disk", text, "Make room there, or: make prune.") if free < wanted else None}


def due_before(settings: Settings, now: dt.datetime) -> dt.datetime | None:
    """The last moment by which a night was expected to have published; ``None`` where none is."""
    time = settings.alerts.published_by_time
    if time is None:
        return None
    due = dt.datetime.combine(now.date(), time, dt.UTC)
    return due - dt.timedelta(days=due > now)


def missed_night(warehouse: Warehouse, due: dt.datetime) -> Alert | None:
    """An alert where no night has come as far as publishing that was expected to by ``due``."""
    begun = due - NIGHT
    with warehouse.session() as session:
        last = session.audit("last_publishing", week=dt.date.fromisoformat(key_of(begun)))["judged_at"]
    if last is not None and last >= begun:
        return None
    text = f"No run has come as far as publishing by {due:%Y-%m-%d %H:%M} UTC, and what was served before still is."
    return Alert("missed night", text, "Look at: make status; then: make nightly.", key_of(due))


def missed(warehouse: Warehouse, settings: Settings, now: dt.datetime, cursor: str | None) -> tuple[Alert | None, str]:
    """The alert of the last night that was due, and a sensor's next cursor.

    Each night is asked for once, for a run may want the tables meanwhile.
    """
    due = due_before(settings, now)
    if due is None or cursor == due.isoformat():
        return None, cursor or ""
    return missed_night(warehouse, due), due.isoformat()


def sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """What looks at runs that the daemon has launched, at the clock and at the disk; runs of a command tell by themselves."""
    always = dg.DefaultSensorStatus.RUNNING

    @dg.run_failure_sensor(name="failed_run", default_status=always)
    def failed_run(
        context: dg.RunFailureSensorContext, warehouse: dg.ResourceParam[Warehouse], store: dg.ResourceParam[Store]
    ) -> None:
        """Tell of a failed run, make its page, and show the checks that it has not come to as not evaluated."""
        if OF_COMMAND.items() <= context.dagster_run.tags.items():
            return
        note_unevaluated(context.instance, context.dagster_run)
        resources = {"warehouse": warehouse, "store": store, "settings": settings}
        report_failure(context.instance, context.dagster_run, resources)
        tell(context.instance, context.dagster_run, settings, targets.home())

    @dg.run_status_sensor(name="finished_run", run_status=dg.DagsterRunStatus.SUCCESS, default_status=always)
    def finished_run(context: dg.RunStatusSensorContext) -> None:
        """Tell of what warns in a run that ended well."""
        if not OF_COMMAND.items() <= context.dagster_run.tags.items():
            tell(context.instance, context.dagster_run, settings, targets.home())

    @dg.sensor(name="clock_and_disk", minimum_interval_seconds=SECONDS_BETWEEN_LOOKS, default_status=always)
    def clock_and_disk(context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.SkipReason:
        """Tell of a night that has not come, and of a disk that is full."""
        now = dt.datetime.now(dt.UTC)
        night, cursor = missed(warehouse, settings, now, context.cursor)
        if night:
            send(night, settings.alerts)
        tell_of_states(context.instance, low_disk(targets.home(), settings), settings, now)
        context.update_cursor(cursor)
        return dg.SkipReason("looked.")

    return [failed_run, finished_run, clock_and_disk]

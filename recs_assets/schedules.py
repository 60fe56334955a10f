"""When the graph runs: the week just closed is learned from on Mondays, the week in progress is served every night."""

import datetime as dt
from typing import Any

import dagster as dg

from recs_assets.assets.approval import approved_model
from recs_assets.assets.evaluation import offline_metrics
from recs_assets.assets.mail import mail_events
from recs_assets.assets.publishing import published_recommendations, recommendations
from recs_assets.assets.raw import raw_email_events
from recs_assets.assets.reporting import release_report
from recs_assets.assets.rollout import ab_results, rollout_assignment, rollout_stage
from recs_assets.assets.serving import sql_scores, user_scores
from recs_assets.assets.similarities import product_similarities
from recs_assets.assets.training import trained_model
from recs_assets.assets.upkeep import retained_versions
from recs_assets.resources.store.store import Store
from recs_assets.settings import SchedulesSettings, Settings
from recs_assets.settings_file import SettingsError
from recs_assets.weeks import ONE_WEEK, key_of

LEARNED = [trained_model, offline_metrics, approved_model]
ROLLOUT = [raw_email_events, mail_events, ab_results, rollout_stage, rollout_assignment]
SERVED = [sql_scores, user_scores, *ROLLOUT, recommendations, published_recommendations]
RUN_TAGS = {"team": "recommendations"}
# Without it a run would use Dagster's own logger, which prints every event.
READABLE_LOG: dict[str, Any] = {"loggers": {"console": {}}}

_learned, _served = (dg.AssetSelection.assets(*assets) for assets in (LEARNED, SERVED))
_inputs = _learned.upstream() | dg.AssetSelection.assets(product_similarities)
_ending = dg.AssetSelection.assets(retained_versions, release_report)

weekly_job = dg.define_asset_job(
    "weekly",
    selection=_inputs | _learned | _ending,
    tags=RUN_TAGS,
    config=READABLE_LOG,
    description="Learn from the week just closed and decide what may be served.",
)
nightly_job = dg.define_asset_job(
    "nightly",
    selection=((_inputs | _served) - _learned) | _ending,
    tags=RUN_TAGS,
    config=READABLE_LOG,
    description="Score the week in progress with the newest approved model, audit the lists and publish them.",
)
everything_job = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.all(),
    tags=RUN_TAGS,
    config=READABLE_LOG,
    description="Every asset of one week, from the source tables to the served table.",
)


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Both schedules with their cron expressions from the settings, in UTC; running by themselves where these say so.

    Raises:
        SettingsError: an expression is none that cron knows; the message names the key.
    """
    made: list[dg.ScheduleDefinition] = []
    status = dg.DefaultScheduleStatus.RUNNING if settings.schedules.enabled else dg.DefaultScheduleStatus.STOPPED
    for name, schedule in (("weekly", _weekly), ("nightly", _nightly)):
        cron = getattr(settings.schedules, name)
        try:
            made.append(schedule(cron, status, settings.schedules))
        except dg.DagsterInvalidDefinitionError as error:
            raise SettingsError(f"schedules.{name}: '{cron}' is no cron expression; write one as '0 6 * * 1'.") from error
    return made


def _weekly(cron: str, status: dg.DefaultScheduleStatus, weeks: SchedulesSettings) -> dg.ScheduleDefinition:
    @dg.schedule(job=weekly_job, cron_schedule=cron, execution_timezone="UTC", name="weekly", default_status=status)
    def weekly_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """The week that has just closed."""
        week = key_of(context.scheduled_execution_time.astimezone(dt.UTC) - ONE_WEEK)
        if reason := weeks.outside(week):
            return dg.SkipReason(reason)
        return dg.RunRequest(run_key=f"weekly-{week}", partition_key=week)

    return weekly_schedule


def _nightly(cron: str, status: dg.DefaultScheduleStatus, weeks: SchedulesSettings) -> dg.ScheduleDefinition:
    @dg.schedule(job=nightly_job, cron_schedule=cron, execution_timezone="UTC", name="nightly", default_status=status)
    def nightly_schedule(context: dg.ScheduleEvaluationContext, store: dg.ResourceParam[Store]) -> dg.RunRequest | dg.SkipReason:
        """The week in progress, with the newest approved model."""
        moment = context.scheduled_execution_time.astimezone(dt.UTC)
        week = key_of(moment)
        if reason := weeks.outside(week):
            return dg.SkipReason(reason)
        if store.newest("approved_model", up_to=week) is None:
            return dg.SkipReason("no approved_model yet: the weekly job has to run first.")
        return dg.RunRequest(run_key=f"nightly-{moment:%Y-%m-%d}", partition_key=week)

    return nightly_schedule

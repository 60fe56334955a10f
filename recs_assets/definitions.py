"""The whole project as Dagster sees it."""

import logging

import dagster as dg

from recs_assets import settings_file, targets, threads, watch
from recs_assets.assets import (
    approval,
    evaluation,
    graph,
    mail,
    publishing,
    raw,
    reporting,
    rollout,
    serving,
    sharding,
    similarities,
    training,
    upkeep,
)
from recs_assets.console import console
from recs_assets.expectations import expected
from recs_assets.rollback_job import rollback
from recs_assets.schedules import everything_job, nightly_job, schedules, weekly_job
from recs_assets.terminal import terminal

settings = settings_file.load()
threads.limit(settings.compute.cores)
target = targets.current()
terminal()
# Dagster takes over what these loggers say, but not below the level that is Python's default.
logging.getLogger("recs_assets").setLevel(logging.INFO)

ASSETS = [
    raw.raw_users,
    raw.raw_vehicles,
    raw.raw_ownership,
    raw.raw_products,
    raw.raw_fitment,
    raw.raw_events,
    raw.raw_email_events,
    *graph.EXPORTS,
    graph.hetero_graph,
    training.trained_model,
    evaluation.offline_metrics,
    approval.approved_model,
    similarities.product_similarities,
    serving.sql_scores,
    serving.user_scores if settings.scoring.shards == 1 else sharding.user_scores,
    mail.mail_events,
    rollout.ab_results,
    rollout.rollout_stage,
    rollout.rollout_assignment,
    publishing.recommendations,
    publishing.published_recommendations,
    upkeep.retained_versions,
    reporting.release_report,
]

defs = dg.Definitions(
    assets=expected(settings.schedules, ASSETS),
    jobs=[weekly_job, nightly_job, everything_job, rollback],
    schedules=schedules(settings),
    sensors=watch.sensors(settings),
    resources={"settings": settings, "warehouse": target.warehouse(settings), "store": target.store()},
    executor=target.executor(),
    loggers={"console": console},
)

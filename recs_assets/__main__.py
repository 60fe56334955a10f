"""The commands behind the Makefile: run a job for a week, look at what it made, restore an earlier version."""

from recs_assets import interrupts

if __name__ == "__main__":
    interrupts.obey()  # the imports below take seconds

import argparse
import datetime as dt
import difflib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from recs_assets import alerts, backup, dagster_home, home_layout, launch, move_rollout, rollback, searching, targets
from recs_assets.arguments import command_line
from recs_assets.assets.weekly_asset import PRIVATE
from recs_assets.report import asked, costs
from recs_assets.report.runs import newest_run
from recs_assets.resources.errors import PublishFailed, PublishRefused, RolloutMoved, WarehouseError
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.bucket import Bucket
from recs_assets.resources.store.objects import BucketError
from recs_assets.weeks import ONE_WEEK, key_of, monday, week_of

# Errors whose message is all that a person needs; any other one shows its traceback.
REFUSALS = (
    BucketError,
    OSError,
    PublishFailed,
    PublishRefused,
    RolloutMoved,
    StoreError,
    WarehouseError,
    ValueError,
    dagster_home.HomeError,
)
# What copies a home as it is, whichever layout it has.
COPYING = ("backup", "restore")


def main(arguments: Sequence[str]) -> int:
    """Parse the command line and do what it asks; the exit status is 0 where it was done, 1 where it was not."""
    options = command_line(__doc__).parse_args(arguments)
    # Only the user may read the event log that Dagster writes, as with the steps' files.
    os.umask(PRIVATE)
    try:
        # Loading it reads the settings, and may refuse them.
        from recs_assets import definitions

        if options.command not in COPYING:
            home_layout.take(definitions.target.store(), definitions.target.warehouse(definitions.settings))
        return COMMANDS[options.command](options, definitions)
    except REFUSALS as refusal:
        print(refusal, file=sys.stderr)
        return 1


def _run(options: argparse.Namespace, project: ModuleType) -> int:
    now = dt.datetime.now(dt.UTC)
    week = options.week or key_of(now)
    first, last = week_of(week, now).start, week_of(options.to or week, now).start
    if last < first:
        raise ValueError(f"--to {options.to} lies before --week {week}: name the first week, then the last one.")
    if options.job == "nightly" and not options.week:
        try:
            launch.refuse_old_source(project.target.warehouse(project.settings), now)
        except ValueError as refusal:
            told = alerts.Alert("run refused", alerts.first_words(str(refusal)), "Look at: make status.", week)
            alerts.send(told, project.settings.alerts)
            raise
    wishes = launch.Wishes(options.force, options.reason, options.replace_older_week, options.lost_columns)
    with dagster_home.opened() as instance:
        while first <= last:
            if not launch.launch(project, options.job, key_of(first), wishes, instance):
                return 1
            first += ONE_WEEK
    return 0


def _report(options: argparse.Namespace, project: ModuleType) -> int:
    warehouse, store = project.target.warehouse(project.settings), project.target.store()
    store.location.read_on()
    measured = store.newest("offline_metrics")
    week = _week(options, asked.newest_published(warehouse), measured and measured.manifest.week)
    from recs_assets.report import facts, planted, text, yardsticks  # as definitions: what imports an asset reads the settings

    with dagster_home.opened() as instance:
        steps, failures = newest_run(instance, week)
    gathered = facts.gather(warehouse, store, project.settings, week, steps=steps, failures=failures)
    if options.page is not None:
        from recs_assets.report import page  # jinja2: 0.1 s at load

        options.page.write_text(page.html(gathered))
        print(f"the page of week {week} is in {options.page.absolute()}")
        return 0
    waiting = planted.gather(warehouse, store, project.settings, week, gathered.served)
    print(text.render(gathered, waiting, yardsticks.gather(store, project.settings, week)))
    return 0


def _asked(options: argparse.Namespace, project: ModuleType) -> int:
    week = _week(options, asked.newest_week(options.command, project))
    print("\n".join(asked.answer(options, project, week)))
    return 0


def _latest(options: argparse.Namespace, project: ModuleType) -> int:
    assets = [key.to_user_string() for key in project.defs.resolve_asset_graph().get_all_asset_keys()]
    if options.asset not in assets:
        (near,) = difflib.get_close_matches(options.asset, assets, n=1, cutoff=0)
        raise ValueError(f"there is no asset '{options.asset}'; the nearest one is '{near}'.")
    store = project.target.store()
    newest = store.newest(options.asset)
    print(store.current(options.asset, _week(options, newest and newest.manifest.week)).address)
    return 0


def _versions(options: argparse.Namespace, project: ModuleType) -> int:
    warehouse = project.target.warehouse(project.settings)
    print(rollback.listed(warehouse, _week(options, asked.newest_published(warehouse))))
    return 0


def _rollback(options: argparse.Namespace, project: ModuleType) -> int:
    warehouse = project.target.warehouse(project.settings)
    week = _week(options, asked.newest_published(warehouse))
    restored = rollback.restore(
        warehouse,
        week,
        version=options.version,
        reason=options.reason,
        run_id="command line",
        settings=project.settings,
        mail_again=options.mail,
        held_by=None if options.no_hold else options.by,
    )
    print(rollback.told(week, restored, held=not options.no_hold))
    return 0


def _week(options: argparse.Namespace, *newest: str | None) -> str:
    """The week that is named, else the newest of those that there is something of, else the one in progress."""
    week: str = options.week or max(filter(None, newest), default=key_of(dt.datetime.now(dt.UTC)))
    monday(week)
    return week


def _hold(options: argparse.Namespace, project: ModuleType) -> int:
    warehouse, now = project.target.warehouse(project.settings), dt.datetime.now(dt.UTC)
    until = dt.datetime.fromisoformat(options.until) if options.until else None
    if until is not None:
        until = until.astimezone(dt.UTC) if until.tzinfo else until.replace(tzinfo=dt.UTC)
    warehouse.hold(held_by=options.by, reason=options.reason, now=now, until=until)
    print(f"publishing is {warehouse.held(now)}.")
    return 0


def _release(options: argparse.Namespace, project: ModuleType) -> int:
    warehouse = project.target.warehouse(project.settings)
    warehouse.release(held_by=options.by, reason=options.reason, now=dt.datetime.now(dt.UTC))
    print("publishing is not on hold any more: the next run publishes its list.")
    return 0


def _rollout(options: argparse.Namespace, project: ModuleType) -> int:
    settings, now = project.settings, dt.datetime.now(dt.UTC)
    warehouse, store = project.target.warehouse(settings), project.target.store()
    if options.to is None:
        print(move_rollout.told(warehouse, store, settings, now))
    else:
        wished = {"to": options.to, "by": options.by, "reason": options.reason}
        print(move_rollout.move(warehouse, store, settings, **wished, now=now))
    return 0


def _prune(options: argparse.Namespace, project: ModuleType) -> int:
    warehouse, store, now = project.target.warehouse(project.settings), project.target.store(), dt.datetime.now(dt.UTC)
    from recs_assets.assets import upkeep
    from recs_assets.steps import remove_superfluous as step

    gone = (step.superfluous if options.dry else step.prune)(warehouse, store, project.settings, now=now)
    if gone is None:
        raise StoreError(f"another run is at work in {store}, and may read what would go. Run again when it has ended.")
    with dagster_home.opened() as instance:
        old = upkeep.old_runs(instance, project.settings, now)
        if not options.dry:
            upkeep.forget_runs(instance, old)
    runs = [f"run {run_id} in Dagster's event log" for run_id in old]
    pages = asked.old_pages(targets.home(), project.settings, now)
    if not options.dry:
        asked.forget_pages(pages)
    named = [*runs, *(f"page {page.name}" for page in pages)]
    print("\n".join([*gone.lines(), *named, f"{gone.n_bytes / 1e6:,.2f} MB {'would go' if options.dry else 'are gone'}."]))
    return 0


def _costs(options: argparse.Namespace, project: ModuleType) -> int:
    warehouse, rows = project.target.warehouse(project.settings), list[dict[str, Any]]()
    if warehouse.is_billed:
        with warehouse.session() as session:
            rows = session.rows("costs")
    print(costs.render(rows, project.settings))
    return 0


def _find(options: argparse.Namespace, project: ModuleType) -> int:
    mentions = searching.places_of(
        options.user, project.target.warehouse(project.settings), project.target.store(), targets.home()
    )
    certain, perhaps = ([one.place for one in mentions if one.is_certain is sought] for sought in (True, False))
    print("\n".join(certain) if certain else "that id lies nowhere in what is kept.")
    if perhaps:
        print("the same word or number within longer texts, where it may mean something else:", *perhaps, sep="\n  ")
    return int(bool(certain))


def _refuse_bucket(project: ModuleType) -> None:
    location = project.target.store().location
    if isinstance(location, Bucket):
        raise backup.BackupError(
            f"this copies a home on a disk, and the files of this target are in {location.address()}. Keep the bucket by its "
            "own object versioning or a transfer job, and BigQuery's tables by snapshots."
        )


def _backup(options: argparse.Namespace, project: ModuleType) -> int:
    _refuse_bucket(project)
    print(backup.write(targets.home(), options.to, project.settings))
    return 0


def _restore(options: argparse.Namespace, project: ModuleType) -> int:
    _refuse_bucket(project)
    print(backup.restore(options.source, targets.home()))
    return 0


COMMANDS = {
    "run": _run,
    "report": _report,
    "explain": _asked,
    "why-not": _asked,
    "changes": _asked,
    "latest": _latest,
    "versions": _versions,
    "rollback": _rollback,
    "hold": _hold,
    "release": _release,
    "rollout": _rollout,
    "prune": _prune,
    "costs": _costs,
    "find": _find,
    "backup": _backup,
    "restore": _restore,
}


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # All is written and closed by now. An ordinary exit would let DuckDB's binding complain, over forty lines, of objects
    # that it leaks itself once torch is in the same process.
    interrupts.leave(status)

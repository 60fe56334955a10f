"""What may be asked of ``python -m recs_assets``: its commands, and the arguments of each."""

import argparse
from pathlib import Path

from recs_assets import launch
from recs_assets.contract import SOURCE_TABLES
from recs_assets.report import asked
from recs_assets.resources.holding import os_user
from recs_assets.rollout.stages import STAGES


def command_line(description: str | None) -> argparse.ArgumentParser:
    """The parser of ``python -m recs_assets``; ``command`` of what it gives is a key of ``__main__.COMMANDS``."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets", description=description)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a job for a week, or for every week up to --to")
    run.add_argument("job", choices=[*launch.JOBS, *launch.SELECTIONS])
    run.add_argument("--week", help="its Monday, as 2011-09-26; default: this week")
    run.add_argument("--to", help="the last week of a backfill")
    run.add_argument("--force", action="store_true", help="compute again what is there from the same inputs")
    run.add_argument("--reason", help="why; it stays in the ledger")
    run.add_argument("--replace-older-week", action="store_true", help="rewrite what is served of a week before the newest one")
    run.add_argument("--lost-columns", nargs="*", default=[], choices=SOURCE_TABLES, help="tables that may have lost columns")
    show = commands.add_parser("report", help="what came of a week, for a person")
    show.add_argument("--page", type=Path, help="write it as an HTML page into this file instead")
    latest = commands.add_parser("latest", help="where an asset's newest version lies")
    latest.add_argument("asset")
    versions = commands.add_parser("versions", help="every published version of a week")
    back = commands.add_parser("rollback", help="serve an earlier version of a week again")
    hold = commands.add_parser("hold", help="stop publishing; lists are still made and audited")
    hold.add_argument("--until", help="a day or a moment in UTC, as 2011-10-03 or 2011-10-03T08:00, at which it ends by itself")
    release = commands.add_parser("release", help="lift the hold on publishing")
    move = commands.add_parser("rollout", help="where the rollout stands and what the next move needs; with --to: move it")
    move.add_argument("--to", help=f"a stage ({', '.join(STAGES)}), hold, resume or rollback")
    move.add_argument("--by", default="", help="who asks; going up needs a name")
    move.add_argument("--reason", default="", help="why; going up needs one, and it stays in the ledger")
    prune = commands.add_parser("prune", help="remove what nobody needs any more, as the last step of every run does")
    prune.add_argument("--dry", action="store_true", help="list it, and remove nothing")
    commands.add_parser("costs", help="what has been spent, by experiment, month, run and step, beside the budgets")
    search = commands.add_parser("find", help="where a person's id or address still lies; 1 where it does for certain")
    search.add_argument("--user", required=True, help="the id, or an address")
    copy = commands.add_parser("backup", help="copy the home into an empty folder, while runs are at work")
    copy.add_argument("--to", type=Path, required=True, help="the folder")
    put_back = commands.add_parser("restore", help="put a backup into a home that is empty")
    put_back.add_argument("--from", dest="source", type=Path, required=True, help="the folder of the backup")
    for command in (hold, release, back):
        command.add_argument("--reason", required=True, help="why; it stays in the ledger")
        command.add_argument("--by", default=os_user(), help="who does it; default: the user of the operating system")
    back.add_argument(
        "--no-hold", action="store_true", help="do not hold publishing: the next night publishes its own list again"
    )
    for command in (show, *asked.add_to(commands), latest, versions, back):
        command.add_argument("--week", help="default: the newest one that there is something of")
    back.add_argument("--version", help="default: the one published before the served one")
    back.add_argument("--mail", action="store_true", help="mail the week's list again, though a newer week is mailed by now")
    return parser

"""The commands for what a person asks about a week: one person's list, parts that nobody gets, what a mail changes."""

import argparse
import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from recs_assets import targets
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings

# The folder of RECS_HOME that answers are written into.
REPORTS = "reports"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> list[argparse.ArgumentParser]:
    """Declare them; each takes a week as well."""
    person = commands.add_parser("explain", help="one person's list of a week, and all that it comes from: a page")
    person.add_argument("--user", required=True, help="the id")
    person.add_argument("--to", type=Path, help="a folder for the page; default: a temporary one")
    parts = commands.add_parser("why-not", help="what became of parts in the lists of a week: a CSV and a page")
    parts.add_argument("--parts", type=Path, required=True, help="a CSV with a column product_id, or one id a line")
    mail = commands.add_parser("changes", help="what the newest mail of a week changes, published yet or not")
    return [person, parts, mail]


def newest_week(command: str, project: ModuleType) -> str | None:
    """The newest week that a command can be asked about: of a mail the newest staged one, else the newest published one."""
    listed = project.target.store().newest("recommendations") if command == "changes" else None
    return listed.manifest.week if listed else newest_published(project.target.warehouse(project.settings))


def newest_published(warehouse: Warehouse) -> str | None:
    """The newest week of which anything was published."""
    with warehouse.session() as session:
        weeks = session.read("last_publications")["week"].to_pylist()
    return max(weeks).isoformat() if weeks else None


def answer(options: argparse.Namespace, project: ModuleType, week: str) -> list[str]:
    """What to print: the answer for a terminal, and where its pages are."""
    # As definitions: what imports an asset reads the settings.
    from recs_assets.report import explain, mail_changes, served_lists, why_not

    warehouse, store, settings = project.target.warehouse(project.settings), project.target.store(), project.settings
    store.location.read_on()
    reports = targets.home() / REPORTS
    if options.command == "changes":
        changes = mail_changes.gather(warehouse, store, settings, week)
        return [*mail_changes.lines(changes), str(mail_changes.write(changes, reports))]
    named = why_not.asked_parts(options.parts) if options.command == "why-not" else []
    served = served_lists.served_lists(warehouse, store, settings, week)
    if options.command == "explain":
        explained = explain.gather(warehouse, served, settings, options.user)
        return [*explain.lines(explained), str(explain.write(explained, options.to))]
    asked = why_not.gather(warehouse, served, settings, named)
    return [*why_not.lines(asked), *map(str, why_not.write(asked, served.week, reports))]


def old_pages(home: Path, settings: Settings, now: dt.datetime) -> list[Path]:
    """Answers that are older than ``retention.days``."""
    before = (now - dt.timedelta(days=settings.retention.days)).timestamp()
    return sorted(page for page in (home / REPORTS).glob("*") if page.stat().st_mtime < before)


def forget_pages(pages: Iterable[Path]) -> None:
    """Remove answers; one that another process has removed meanwhile is gone too."""
    for page in pages:
        page.unlink(missing_ok=True)

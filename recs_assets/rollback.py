"""The versions of a week that were served: listed, and served again."""

import datetime as dt
import uuid
from typing import Any

from recs_assets.resources.errors import PublishRefused
from recs_assets.resources.publishing import Published
from recs_assets.resources.restoring import Restoration
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets.weeks import monday

# Columns of the list, in their order, with what stands over them.
SHOWN = {
    "version_after": "version",
    "action": "action",
    "published_at": "at (UTC)",
    "n_rows": "rows",
    "n_users": "users",
    "model_week": "model of week",
    "run_id": "run",
    "reason": "reason",
}


def restore(
    warehouse: Warehouse,
    week: str,
    *,
    version: str | None,
    reason: str,
    run_id: str,
    settings: Settings,
    mail_again: bool = False,
    held_by: str | None = None,
) -> Published:
    """Serve an earlier version of a week again, recorded with the reason; mailed to nobody who may not be mailed today.

    Args:
        warehouse: where it is served.
        week: its Monday, as 2011-09-26.
        version: a publication id; ``None`` is the version before the served one, with ``mail_again`` the served one.
        reason: why, for the ledger.
        run_id: who did it.
        settings: who may be mailed.
        mail_again: put it into the mail too, though a newer week is mailed by now.
        held_by: who holds publishing from then on; ``None``: the next night publishes its own list again.

    Raises:
        ValueError: no such week, or no reason.
        PublishRefused: there is nothing to restore, the version is not kept any more, or another run won.
    """
    day = monday(week).date()
    if not reason.strip():
        raise ValueError(f"a rollback of week {week} needs a reason; it stays in the ledger. Say it with REASON=...")
    restoration = Restoration(
        publication_id=f"rollback_{day:%Y%m%d}_{uuid.uuid4().hex[:12]}",
        week=day,
        version=version,
        expected_version=warehouse.served_version(day),
        run_id=run_id,
        published_at=dt.datetime.now(dt.UTC),
        reason=reason,
        mail=settings.mail,
        mail_again=mail_again,
        held_by=held_by,
    )
    return warehouse.restore(restoration)


def told(week: str, restored: Published, *, held: bool) -> str:
    """What was done, in a sentence."""
    mail = "the mail stays as it was"
    if restored.n_mailed is not None:
        mail = f"{restored.n_mailed:,} mails, without {restored.n_withheld:,} whose address may not be mailed today"
    then = (
        "Publishing is on hold now, so that no night replaces it: make release REASON=... lifts the hold."
        if held
        else "The next night publishes its own list again."
    )
    return f"week {week}: version {restored.version_after} is served again, {restored.n_rows:,} rows; {mail}. {then}"


def listed(warehouse: Warehouse, week: str) -> str:
    """Everything that was ever served for a week as a table, the oldest first, the served one marked with an arrow.

    Raises:
        ValueError: no such week.
        PublishRefused: it was never published.
    """
    with warehouse.session() as session:
        rows = session.read("publications", week=monday(week).date()).to_pylist()
    if not rows:
        raise PublishRefused(f"week {week} was never published: there are no versions to list.")
    cells = [[_cell(row[name]) for name in SHOWN] for row in rows]
    table = [list(SHOWN.values()), *cells]
    widths = [max(len(row[column]) for row in table) for column in range(len(SHOWN))]
    marks = [" "] * len(rows) + [">"]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in table)
    return "\n".join(f"{mark} {line}".rstrip() for mark, line in zip(marks, lines, strict=True))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:,}" if isinstance(value, int) else " ".join(str(value).split())

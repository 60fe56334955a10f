"""Going back: an earlier version of a week is served again, and recorded like a publication."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from recs_assets.fault_points import reached
from recs_assets.resources import holding
from recs_assets.resources.errors import PublishRefused
from recs_assets.resources.ledger import Ledger, newest_row, newest_wide, row_of
from recs_assets.resources.publishing import Published, check_expected, published
from recs_assets.resources.swapping import ADDRESSEES, make_way, swap
from recs_assets.settings import MailSettings


@dataclass(frozen=True)
class Restoration:
    """Which version of a week is to be served again.

    Attributes:
        mail: who may be mailed.
        version: ``None`` is the one published before the served one; with ``mail_again`` the served one.
        mail_again: mail it too, though a newer week is mailed by now.
        held_by: who holds publishing from now on, so that the next night does not mail its own list again; ``None``: nobody.
    """

    publication_id: str
    week: dt.date
    version: str | None
    expected_version: str | None
    run_id: str
    published_at: dt.datetime
    reason: str
    mail: MailSettings
    mail_again: bool = False
    held_by: str | None = None


def restore(ledger: Ledger, restoration: Restoration, addressees: pa.Table) -> Published:
    """Serve an earlier version of a week again, its wide table too where the mailed one is of that week or ``mail_again``.

    Publishing is held from then on, in the same transaction, where ``held_by`` says by whom.
    What is mailed again goes to ``addressees`` alone: who has opted out since, or is no user any more, gets none.

    Raises:
        PublishRefused: nothing to restore, the version is not kept any more or changed since, another run won, or the served mail
            has other columns.
    """
    if row_of(ledger, restoration.publication_id) is None and (table := _row(ledger, restoration)["wide_table"]) is not None:
        make_way(ledger, table, restoration.week)
    with ledger.temporary(ADDRESSEES, addressees.select(["email_lower"])), ledger.transaction():
        # Decided again: what was read before the transaction may have changed.
        known = row_of(ledger, restoration.publication_id)
        if known is not None:
            return published("already published", known)
        row = _row(ledger, restoration)
        if restoration.held_by is not None:
            why = f"rollback of week {restoration.week}: {restoration.reason}"
            holding.note(ledger, "set", held_by=restoration.held_by, reason=why, now=restoration.published_at)
        row = swap(ledger, row)
    reached("restore.committed")
    return published("restored", row)


def _row(ledger: Ledger, restoration: Restoration) -> dict[str, Any]:
    """The ledger row of a restoration, but for what is known of the mail only when it is there."""
    newest = newest_row(ledger, restoration.week)
    if newest is None:
        raise PublishRefused(f"week {restoration.week} was never published: there is nothing to restore.")
    check_expected(newest, restoration.expected_version, restoration.week)
    target = _target(ledger, restoration, newest)
    mailed = newest_wide(ledger)
    is_mailed = restoration.mail_again or (mailed is not None and mailed["week"] == restoration.week)
    if restoration.mail_again and target["wide_table"] is None:
        raise PublishRefused(f"week {restoration.week}: version {target['publication_id']} was published without a mail.")
    return target | {
        "sequence": ledger.rows("next_publication")[0]["sequence"],
        "publication_id": restoration.publication_id,
        "version_before": newest["version_after"],
        "version_after": target["publication_id"],
        "action": "restore",
        "run_id": restoration.run_id,
        "published_at": restoration.published_at,
        "reason": restoration.reason,
        "wide_table": target["wide_table"] if is_mailed else None,
        "mail_hash": None,
        "n_mailed": None,
        "n_withheld": None,
    }


def _target(ledger: Ledger, restoration: Restoration, newest: Mapping[str, Any]) -> dict[str, Any]:
    served = row_of(ledger, newest["version_after"]) or newest
    version = restoration.version or (newest["version_after"] if restoration.mail_again else served["version_before"])
    if version is None:
        way = _way_back(ledger, restoration.week)
        raise PublishRefused(f"week {restoration.week}: there is no version before the served one to go back to{way}.")
    target = row_of(ledger, version)
    versions = [row for row in ledger.rows("published_versions") if row["week"] == restoration.week]
    names = [row["publication_id"] for row in versions if ledger.columns(row["long_table"])]
    if target is None or target["publication_id"] not in names:
        raise PublishRefused(
            f"week {restoration.week}: version {version} is not kept; versions that can be restored: {names or 'none'}."
        )
    return target


def _way_back(ledger: Ledger, week: dt.date) -> str:
    before = ledger.rows("mailed_before", week=week)[0]["week"]
    return "" if before is None else f"; to mail the list of week {before} again: make rollback WEEK={before} MAIL=1 REASON=..."

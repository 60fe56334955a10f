"""Publishing: the statements that make an audited version the served one, the same on every engine.

A version is a staged table that stays; the ledger ``publications`` says which one is served. A publication goes through
only on a PASS audit of exactly these rows and on the version it expects to replace, and all of it is one transaction.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pyarrow as pa

from recs_assets.fault_points import reached
from recs_assets.own_tables import PUBLICATIONS
from recs_assets.resources.errors import PublishFailed, PublishRefused
from recs_assets.resources.holding import Hold, hold_in_force
from recs_assets.resources.ledger import WIDE, Ledger, mail_hash, newest_row, newest_wide, prune, row_of
from recs_assets.resources.swapping import ADDRESSEES, described, make_way, served_content, swap
from recs_assets.settings import MailSettings

Outcome = Literal["published", "restored", "unchanged", "already published"]


@dataclass(frozen=True)
class Publication:
    """What is to be served, and on which evidence.

    ``wide_table`` and ``mail_hash`` are None for a week older than the one being mailed. ``mail`` says who may be
    mailed.
    """

    publication_id: str
    week: dt.date
    long_table: str
    wide_table: str | None
    audit_id: str
    content_hash: str
    mail_hash: str | None
    expected_version: str | None
    run_id: str
    model_week: dt.date | None
    model_version: str | None
    settings_hash: str
    n_rows: int
    n_users: int
    published_at: dt.datetime
    reason: str
    mail: MailSettings


@dataclass(frozen=True)
class Published:
    """What happened, and what is served now, since ``published_at``.

    ``n_mailed`` and ``n_withheld``: rows of the mail, and rows of the version's mail that were left out because their
    addresses may not be mailed (any more); None where the mail was not touched.
    """

    outcome: Outcome
    publication_id: str
    week: dt.date
    version_before: str | None
    version_after: str
    content_hash: str
    n_rows: int
    n_users: int
    n_mailed: int | None
    n_withheld: int | None
    published_at: dt.datetime


def publish(ledger: Ledger, publication: Publication, addressees: pa.Table, *, kept_versions: int) -> Published | Hold:
    """Make a staged version the served one; its mail goes to ``addressees`` alone.

    While a hold is in force, when the transaction begins, nothing is written and the hold is what comes back.
    The same publication id again, or the content that is served already, writes nothing; what others have written to the
    served tables is no such content. The rows of both tables are read back before the transaction ends, so that no reader
    ever sees others than the audited ones.

    Raises:
        PublishRefused: no PASS audit of exactly these rows, another version is served than expected, or an earlier one again; or
            the served mail has other columns.
        PublishFailed: this publication was made before, and its rows are not the served ones any more.
    """
    if publication.wide_table is not None and not _is_over(ledger, publication):
        make_way(ledger, publication.wide_table, publication.week)
    with ledger.temporary(ADDRESSEES, addressees.select(["email_lower"])), ledger.transaction():
        done = _published_row(ledger, publication)
    reached("publish.committed")
    prune(ledger, kept_versions, publication.published_at)
    reached("publish.pruned")
    return done if isinstance(done, Hold) else published(*done)


def _is_over(ledger: Ledger, publication: Publication) -> bool:
    """Whether it was made before, or is held; the transaction looks again, and decides."""
    is_known = bool(ledger.rows("publication", publication_id=publication.publication_id))
    return is_known or hold_in_force(ledger, publication.published_at) is not None


def _published_row(ledger: Ledger, publication: Publication) -> tuple[Outcome, dict[str, Any]] | Hold:
    """Publish, unless it is served already or held; what happened, and the ledger row of what is served now."""
    known, newest = row_of(ledger, publication.publication_id), newest_row(ledger, publication.week)
    if known is not None:
        if known == newest:
            _check_untouched(ledger, known)
        elif newest is not None and newest["action"] == "restore":
            raise PublishRefused(
                f"week {publication.week}: {known['publication_id']} was published at {known['published_at']:%Y-%m-%d %H:%M:%S} "
                f"UTC, and {newest['version_after']} is served again since ({newest['reason']}). Nothing was written. To serve "
                f"it once more: make rollback WEEK={publication.week} VERSION={known['publication_id']} REASON=..."
            )
        return "already published", known
    if (hold := hold_in_force(ledger, publication.published_at)) is not None:
        return hold
    check_expected(newest, publication.expected_version, publication.week)
    _check_audit(ledger, publication)
    if newest is not None and _same_content(ledger, publication, newest):
        return "unchanged", newest
    _check_mail(ledger, publication)
    return "published", swap(ledger, _row(ledger, publication, newest))


def check_expected(newest: Mapping[str, Any] | None, expected: str | None, week: dt.date) -> None:
    """Refuse where the newest version of the week is not the expected one."""
    newest_version = None if newest is None else newest["publication_id"]
    if newest_version == expected:
        return
    if newest is None:
        raise PublishRefused(f"week {week}: version {expected} was expected to be served, but the week was never published.")
    raise PublishRefused(
        f"week {week}: run {newest['run_id']} published {newest_version} at {newest['published_at']:%Y-%m-%d %H:%M:%S} UTC, "
        f"after this run had read version {expected}. Nothing was written; run again to publish on top of it."
    )


def _check_audit(ledger: Ledger, publication: Publication) -> None:
    where = f"week {publication.week}, staged table '{publication.long_table}'"
    if not ledger.columns(publication.long_table):
        raise PublishRefused(f"{where}: there is no such table. Materialize recommendations for the week again.")
    audits = ledger.rows("audits", audit_id=publication.audit_id)
    if not audits:
        raise PublishRefused(f"{where}: there is no audit {publication.audit_id}. Audit the table, then publish.")
    audit = audits[0]
    if audit["decision"] != "PASS":
        raise PublishRefused(
            f"{where}: audit {publication.audit_id} says {audit['decision']} for {audit['n_rows']} rows of {audit['n_users']} "
            f"users: {audit['reason']} Fix the cause and materialize recommendations again."
        )
    if described(audit) != described(asdict(publication)) or audit["staged_table"] != publication.long_table:
        raise PublishRefused(
            f"{where}: audit {publication.audit_id} is of {described(audit)} in '{audit['staged_table']}', "
            f"and {described(asdict(publication))} were to be published. Audit it again."
        )
    if publication.wide_table is not None and audit["mail_hash"] != publication.mail_hash:
        raise PublishRefused(
            f"{where}: audit {publication.audit_id} is of a mail with content {audit['mail_hash']}, and one with "
            f"{publication.mail_hash} was to be published. Audit it again."
        )


def _same_content(ledger: Ledger, publication: Publication, newest: Mapping[str, Any]) -> bool:
    if newest["content_hash"] != publication.content_hash or served_content(ledger, newest["week"]) != described(newest):
        return False
    # The same parts can still come with other prices, or without the users who have left: then the mail must change.
    return publication.wide_table is None or mail_hash(ledger, WIDE) == publication.mail_hash


def _check_mail(ledger: Ledger, publication: Publication) -> None:
    if publication.wide_table is None:
        return
    week, newest = publication.week, newest_wide(ledger)
    if newest is not None and newest["week"] > week:
        raise PublishRefused(
            f"week {week}: the mail is already that of week {newest['week']}; publish an older week without a wide table."
        )
    if not ledger.columns(publication.wide_table):
        raise PublishRefused(
            f"week {week}: there is no staged wide table '{publication.wide_table}'. "
            "Materialize recommendations for the week again."
        )


def _row(ledger: Ledger, publication: Publication, newest: Mapping[str, Any] | None) -> dict[str, Any]:
    given = {name: getattr(publication, name) for name in PUBLICATIONS if hasattr(publication, name)}
    return given | {
        "n_mailed": None,
        "n_withheld": None,
        "sequence": ledger.rows("next_publication")[0]["sequence"],
        "version_before": None if newest is None else newest["version_after"],
        "version_after": publication.publication_id,
        "action": "publish",
    }


def _check_untouched(ledger: Ledger, row: Mapping[str, Any]) -> None:
    now_served, expected = served_content(ledger, row["week"]), described(row)
    if row == newest_wide(ledger):
        now_served, expected = f"{now_served} and mail {mail_hash(ledger, WIDE)}", f"{expected} and mail {row['mail_hash']}"
    if now_served != expected:
        raise PublishFailed(
            f"week {row['week']}: {now_served} are served, {expected} were published: something else has written to the served "
            f"tables. Restore version {row['version_after']}."
        )


def published(outcome: Outcome, row: Mapping[str, Any]) -> Published:
    """What happened, with what the ledger row says of it."""
    return Published(
        outcome,
        row["publication_id"],
        row["week"],
        row["version_before"],
        row["version_after"],
        row["content_hash"],
        row["n_rows"],
        row["n_users"],
        row["n_mailed"],
        row["n_withheld"],
        row["published_at"],
    )

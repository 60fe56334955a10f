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
from recs_assets.own_tables import PUBLICATIONS, RECOMMENDATIONS
from recs_assets.resources.holding import Hold, hold_in_force
from recs_assets.resources.ledger import (
    Ledger,
    content,
    mail_hash,
    newest_row,
    newest_wide,
    next_sequence,
    prune,
    row_of,
    standing,
)
from recs_assets.resources.queries import identifier
from recs_assets.settings import MailSettings

LONG, WIDE = "recommendations", "final_vehicle_recommendations"
# Who may be mailed, for as long as a transaction takes.
ADDRESSEES = "addressees"

Outcome = Literal["published", "restored", "unchanged", "already published"]


class PublishRefused(RuntimeError):  # noqa: N818 - a refusal is the gate at work, not an error of the program
    """A publication that must not happen: no audit of these rows, or another run won; the served version stays."""


class PublishFailed(RuntimeError):  # noqa: N818
    """What is served is not what was published; the message says how to restore the version before."""


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
        PublishRefused: no PASS audit of exactly these rows, another version is served than expected, or an earlier one again.
        PublishFailed: this publication was made before, and its rows are not the served ones any more.
    """
    identifier(publication.long_table)
    with ledger.transaction():
        done = _published_row(ledger, publication, addressees)
    reached("publish.committed")
    prune(ledger, kept_versions, publication.published_at)
    reached("publish.pruned")
    return done if isinstance(done, Hold) else published(*done)


def _published_row(ledger: Ledger, publication: Publication, addressees: pa.Table) -> tuple[Outcome, dict[str, Any]] | Hold:
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
    return "published", swap(ledger, _row(publication, newest, next_sequence(ledger)), addressees)


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
    audits = ledger.rows("SELECT * FROM audits WHERE audit_id = @audit_id", audit_id=publication.audit_id)
    if not audits:
        raise PublishRefused(f"{where}: there is no audit {publication.audit_id}. Audit the table, then publish.")
    audit = audits[0]
    if audit["decision"] != "PASS":
        raise PublishRefused(
            f"{where}: audit {publication.audit_id} says {audit['decision']} for {audit['n_rows']} rows of {audit['n_users']} "
            f"users: {audit['reason']} Fix the cause and materialize recommendations again."
        )
    if _described(audit) != _described(asdict(publication)) or audit["staged_table"] != publication.long_table:
        raise PublishRefused(
            f"{where}: audit {publication.audit_id} is of {_described(audit)} in '{audit['staged_table']}', "
            f"and {_described(asdict(publication))} were to be published. Audit it again."
        )
    if publication.wide_table is not None and audit["mail_hash"] != publication.mail_hash:
        raise PublishRefused(
            f"{where}: audit {publication.audit_id} is of a mail with content {audit['mail_hash']}, and one with "
            f"{publication.mail_hash} was to be published. Audit it again."
        )


def _described(rows: Mapping[str, Any]) -> str:
    return f"{rows['n_rows']} rows of {rows['n_users']} users with content {rows['content_hash']}"


def _served(ledger: Ledger, week: dt.date) -> str:
    return _described(content(ledger, LONG, week))


def _same_content(ledger: Ledger, publication: Publication, newest: Mapping[str, Any]) -> bool:
    if newest["content_hash"] != publication.content_hash or _served(ledger, newest["week"]) != _described(newest):
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
    if not ledger.columns(identifier(publication.wide_table)):
        raise PublishRefused(
            f"week {week}: there is no staged wide table '{publication.wide_table}'. "
            "Materialize recommendations for the week again."
        )


def _row(publication: Publication, newest: Mapping[str, Any] | None, sequence: int) -> dict[str, Any]:
    given = {name: getattr(publication, name) for name in PUBLICATIONS if hasattr(publication, name)}
    return given | {
        "n_mailed": None,
        "n_withheld": None,
        "sequence": sequence,
        "version_before": None if newest is None else newest["version_after"],
        "version_after": publication.publication_id,
        "action": "publish",
    }


def swap(ledger: Ledger, row: Mapping[str, Any], addressees: pa.Table) -> dict[str, Any]:
    """Put the tables of a ledger row in the place of the served ones, read them back, and write the row.

    Args:
        ledger: within a transaction.
        row: of ``publications``, but for what is known of the mail only when it is there.
        addressees: column email_lower; nobody else is in the mail.

    Returns:
        The row as it was written.

    Raises:
        PublishRefused: they are not what was audited, or nobody of the mail may be mailed.
    """
    row, action = dict(row), row["action"]
    reached(f"{action}.begun")
    if row["wide_table"] is not None:
        row |= _swap_wide(ledger, row, addressees)
        reached(f"{action}.mailed")
    columns = ", ".join(RECOMMENDATIONS)
    ledger.run(f"DELETE FROM {LONG} WHERE week = @week", week=row["week"])
    reached(f"{action}.deleted")
    ledger.run(
        f"INSERT INTO {LONG} ({columns}) SELECT {columns} FROM {identifier(row['long_table'])} WHERE week = @week",
        week=row["week"],
    )
    reached(f"{action}.inserted")
    inserted = _served(ledger, row["week"])
    if inserted != _described(row):
        raise PublishRefused(
            f"week {row['week']}: '{row['long_table']}' holds {inserted}, {_described(row)} were audited. Nothing was written. "
            "Materialize recommendations for the week again, or restore another version."
        )
    reached(f"{action}.verified")
    names = ", ".join(PUBLICATIONS)
    values = ", ".join(f"CAST(@{name} AS {kind})" for name, kind in PUBLICATIONS.items())
    ledger.run(f"INSERT INTO publications ({names}) VALUES ({values})", **{name: row[name] for name in PUBLICATIONS})
    reached(f"{action}.recorded")
    return row


def _swap_wide(ledger: Ledger, row: Mapping[str, Any], addressees: pa.Table) -> dict[str, Any]:
    """Put a version's mail in the place of the served one, but for whoever may not be mailed now; what the ledger says of it."""
    table, week = identifier(row["wide_table"]), row["week"]
    (audited,) = ledger.rows("SELECT mail_hash FROM audits WHERE audit_id = @audit_id", audit_id=row["audit_id"])
    left = standing(ledger, table, row["version_after"])
    staged, expected = mail_hash(ledger, table), left["content_hash"] if left else audited["mail_hash"]
    if staged != expected:
        raise PublishRefused(
            f"week {week}: the mail in '{table}' has content {staged}, {expected} was audited. Nothing was "
            "written. Materialize recommendations for the week again, or restore another version."
        )
    ledger.run(f"CREATE TABLE {ADDRESSEES} (email_lower STRING)")
    ledger.insert(ADDRESSEES, addressees.select(["email_lower"]))
    mailed = f"SELECT * FROM {table} WHERE email_lower IN (SELECT email_lower FROM {ADDRESSEES})"
    if ledger.columns(table) == ledger.columns(WIDE):
        ledger.run(f"DELETE FROM {WIDE} WHERE TRUE")
        ledger.run(f"INSERT INTO {WIDE} {mailed}")
    else:
        # The number of slots is a setting: with another one the wide table has other columns, and is made anew.
        ledger.run(f"DROP TABLE IF EXISTS {WIDE}")
        ledger.run(f"CREATE TABLE {WIDE} AS {mailed}")
    n_staged, n_mailed = (int(ledger.rows(f"SELECT COUNT(*) AS n FROM {name}")[0]["n"]) for name in (table, WIDE))
    if n_staged > 0 == n_mailed:
        raise PublishRefused(
            f"week {week}: none of the {n_staged:,} addresses of the mail in '{table}' may be mailed now, by the users of the "
            "source. Nothing was written. Look whether RECS_SOURCE names this store, and at its users' email and email_consent."
        )
    served = mail_hash(ledger, WIDE)
    if served != mail_hash(ledger, table, mailed):
        raise PublishRefused(f"week {week}: the mail that was written is not that of '{table}'. Nothing was written; run again.")
    ledger.run(f"DROP TABLE {ADDRESSEES}")
    return {"mail_hash": served, "n_mailed": n_mailed, "n_withheld": n_staged - n_mailed}


def _check_untouched(ledger: Ledger, row: Mapping[str, Any]) -> None:
    now_served, expected = _served(ledger, row["week"]), _described(row)
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

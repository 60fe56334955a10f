"""Publishing: the statements that make an audited version the served one, the same on every engine.

A version is a staged table that stays; the ledger ``publications`` says which one is served. A publication goes through
only on a PASS audit of exactly these rows and on the version it expects to replace, and all of it is one transaction.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from recs_assets.contract import PUBLICATIONS, RECOMMENDATIONS
from recs_assets.fault_points import reached
from recs_assets.resources.ledger import Ledger, content, newest_row, newest_wide, next_sequence, prune, row_of
from recs_assets.resources.queries import identifier

LONG, WIDE = "recommendations", "final_vehicle_recommendations"

Outcome = Literal["published", "restored", "unchanged", "already published"]


class PublishRefused(RuntimeError):  # noqa: N818 - a refusal is the gate at work, not an error of the program
    """A publication that must not happen: no audit of these rows, or another run won; the served version stays."""


class PublishFailed(RuntimeError):  # noqa: N818
    """What is served is not what was published; the message says how to restore the version before."""


@dataclass(frozen=True)
class Publication:
    """What is to be served, and on which evidence. ``wide_table`` is None for a week older than the one being mailed."""

    publication_id: str
    week: dt.date
    long_table: str
    wide_table: str | None
    audit_id: str
    content_hash: str
    expected_version: str | None
    run_id: str
    model_week: dt.date | None
    settings_hash: str
    n_rows: int
    n_users: int
    published_at: dt.datetime
    reason: str


@dataclass(frozen=True)
class Restoration:
    """Which version of a week is to be served again; ``version`` None: the one published before the served one."""

    publication_id: str
    week: dt.date
    version: str | None
    expected_version: str | None
    run_id: str
    published_at: dt.datetime
    reason: str


@dataclass(frozen=True)
class Published:
    """What happened, and what is served now."""

    outcome: Outcome
    publication_id: str
    week: dt.date
    version_before: str | None
    version_after: str
    content_hash: str
    n_rows: int
    n_users: int


def publish(ledger: Ledger, publication: Publication, *, kept_versions: int) -> Published:
    """Make a staged version the served one.

    The same publication id again, or the content that is served already, writes nothing; what others have written to the
    served tables is no such content. The rows are read back before the transaction ends, so that no reader ever sees others
    than the audited ones.

    Raises:
        PublishRefused: no PASS audit of exactly these rows, or the served version is not the expected one.
        PublishFailed: this publication was made before, and its rows are not the served ones any more.
    """
    identifier(publication.long_table)
    with ledger.transaction():
        known, newest = row_of(ledger, publication.publication_id), newest_row(ledger, publication.week)
        if known is not None:
            if known == newest:
                _check_untouched(ledger, known)
            return _published("already published", known)
        _check_expected(newest, publication.expected_version, publication.week)
        _check_audit(ledger, publication)
        if newest is not None and _same_content(ledger, publication, newest):
            return _published("unchanged", newest)
        row = _row(publication, newest, next_sequence(ledger))
        _swap(ledger, row)
    reached("publish.committed")
    prune(ledger, kept_versions, publication.published_at)
    reached("publish.pruned")
    return _published("published", row)


def restore(ledger: Ledger, restoration: Restoration) -> Published:
    """Serve an earlier version of a week again, its wide table too where the mailed one is of that week.

    Raises:
        PublishRefused: nothing to restore, the version is not kept any more or changed since, or another run won.
    """
    with ledger.transaction():
        known = row_of(ledger, restoration.publication_id)
        if known is not None:
            return _published("already published", known)
        newest = newest_row(ledger, restoration.week)
        if newest is None:
            raise PublishRefused(f"week {restoration.week} was never published: there is nothing to restore.")
        _check_expected(newest, restoration.expected_version, restoration.week)
        target = _target(ledger, restoration, newest)
        row = target | {
            "sequence": next_sequence(ledger),
            "publication_id": restoration.publication_id,
            "version_before": newest["version_after"],
            "version_after": target["publication_id"],
            "action": "restore",
            "run_id": restoration.run_id,
            "published_at": restoration.published_at,
            "reason": restoration.reason,
            "wide_table": _restorable_wide(ledger, target),
        }
        _swap(ledger, row)
    reached("restore.committed")
    return _published("restored", row)


def _check_expected(newest: Mapping[str, Any] | None, expected: str | None, week: dt.date) -> None:
    found = None if newest is None else newest["publication_id"]
    if found == expected:
        return
    if newest is None:
        raise PublishRefused(f"week {week}: version {expected} was expected to be served, but the week was never published.")
    raise PublishRefused(
        f"week {week}: run {newest['run_id']} published {found} at {newest['published_at']:%Y-%m-%d %H:%M:%S} UTC, "
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
            f"users, with the breaches {audit['violations_json']}. Mend the cause and materialize recommendations again."
        )
    if _described(audit) != _described(asdict(publication)) or audit["staged_table"] != publication.long_table:
        raise PublishRefused(
            f"{where}: audit {publication.audit_id} is of {_described(audit)} in '{audit['staged_table']}', "
            f"and {_described(asdict(publication))} were to be published. Audit it again."
        )


def _described(rows: Mapping[str, Any]) -> str:
    return f"{rows['n_rows']} rows of {rows['n_users']} users with content {rows['content_hash']}"


def _served(ledger: Ledger, week: dt.date) -> str:
    return _described(content(ledger, LONG, week))


def _same_content(ledger: Ledger, publication: Publication, newest: Mapping[str, Any]) -> bool:
    if newest["content_hash"] != publication.content_hash or _served(ledger, newest["week"]) != _described(newest):
        return False
    if publication.wide_table is None:
        return True
    # The same parts can still come with other prices, or without the users who have left: then the mail must change.
    staged, served = ledger.columns(identifier(publication.wide_table)), ledger.columns(WIDE)
    return staged == served and not (
        _missing(ledger, publication.wide_table, WIDE) or _missing(ledger, WIDE, publication.wide_table)
    )


def _missing(ledger: Ledger, left: str, right: str) -> int:
    """How many rows of ``left`` are not in ``right``, whenever they were made."""
    rows = "SELECT * EXCEPT (generated_at) FROM"
    return int(ledger.rows(f"SELECT COUNT(*) AS n FROM ({rows} {left} EXCEPT DISTINCT {rows} {right})")[0]["n"])


def _row(publication: Publication, newest: Mapping[str, Any] | None, sequence: int) -> dict[str, Any]:
    given = {name: getattr(publication, name) for name in PUBLICATIONS if hasattr(publication, name)}
    return given | {
        "sequence": sequence,
        "version_before": None if newest is None else newest["version_after"],
        "version_after": publication.publication_id,
        "action": "publish",
    }


def _swap(ledger: Ledger, row: Mapping[str, Any]) -> None:
    action = row["action"]
    reached(f"{action}.begun")
    if row["wide_table"] is not None:
        _swap_wide(ledger, row["wide_table"], row["week"])
        reached(f"{action}.mailed")
    columns = ", ".join(RECOMMENDATIONS)
    ledger.run(f"DELETE FROM {LONG} WHERE week = @week", week=row["week"])
    reached(f"{action}.deleted")
    ledger.run(
        f"INSERT INTO {LONG} ({columns}) SELECT {columns} FROM {identifier(row['long_table'])} WHERE week = @week",
        week=row["week"],
    )
    reached(f"{action}.inserted")
    found = _served(ledger, row["week"])
    if found != _described(row):
        raise PublishRefused(
            f"week {row['week']}: '{row['long_table']}' holds {found}, {_described(row)} were audited. Nothing was written. "
            "Materialize recommendations for the week again, or restore another version."
        )
    reached(f"{action}.verified")
    names = ", ".join(PUBLICATIONS)
    values = ", ".join(f"CAST(@{name} AS {kind})" for name, kind in PUBLICATIONS.items())
    ledger.run(f"INSERT INTO publications ({names}) VALUES ({values})", **{name: row[name] for name in PUBLICATIONS})
    reached(f"{action}.recorded")


def _swap_wide(ledger: Ledger, table: str, week: dt.date) -> None:
    newest = newest_wide(ledger)
    if newest is not None and newest["week"] > week:
        raise PublishRefused(
            f"week {week}: the mail is already that of week {newest['week']}; publish an older week without a wide table."
        )
    staged, served = ledger.columns(identifier(table)), ledger.columns(WIDE)
    if not staged:
        raise PublishRefused(
            f"week {week}: there is no staged wide table '{table}'. Materialize recommendations for the week again."
        )
    if served != staged:
        # The number of slots is a setting: a wide table of another one is made anew, in the same transaction.
        ledger.run(f"DROP TABLE IF EXISTS {WIDE}")
        ledger.run(f"CREATE TABLE {WIDE} AS SELECT * FROM {table}")
        return
    ledger.run(f"DELETE FROM {WIDE} WHERE TRUE")
    ledger.run(f"INSERT INTO {WIDE} SELECT * FROM {table}")


def _restorable_wide(ledger: Ledger, target: Mapping[str, Any]) -> str | None:
    newest = newest_wide(ledger)
    return target["wide_table"] if newest is not None and newest["week"] == target["week"] else None


def _target(ledger: Ledger, restoration: Restoration, newest: Mapping[str, Any]) -> dict[str, Any]:
    served = row_of(ledger, newest["version_after"])
    version = restoration.version or (served or newest)["version_before"]
    if version is None:
        raise PublishRefused(f"week {restoration.week}: there is no version before the served one to go back to.")
    target = row_of(ledger, version)
    kept = ledger.rows(
        "SELECT publication_id, long_table FROM publications WHERE week = @week AND action = 'publish' ORDER BY sequence DESC",
        week=restoration.week,
    )
    names = [row["publication_id"] for row in kept if ledger.columns(row["long_table"])]
    if target is None or target["publication_id"] not in names:
        raise PublishRefused(
            f"week {restoration.week}: version {version} is not kept; versions that can be restored: {names or 'none'}."
        )
    return target


def _check_untouched(ledger: Ledger, row: Mapping[str, Any]) -> None:
    found = _served(ledger, row["week"])
    if found != _described(row):
        raise PublishFailed(
            f"week {row['week']}: {found} are served, {_described(row)} were published: something else has written to "
            f"{LONG}. Restore version {row['version_after']}."
        )


def _published(outcome: Outcome, row: Mapping[str, Any]) -> Published:
    return Published(
        outcome,
        row["publication_id"],
        row["week"],
        row["version_before"],
        row["version_after"],
        row["content_hash"],
        row["n_rows"],
        row["n_users"],
    )

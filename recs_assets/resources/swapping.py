"""Putting a version's tables in the place of the served ones, within a transaction: rows are read back before it ends."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from recs_assets.fault_points import reached
from recs_assets.own_tables import PUBLICATIONS, RECOMMENDATIONS
from recs_assets.resources.errors import PublishRefused
from recs_assets.resources.ledger import Ledger, content, mail_hash, standing
from recs_assets.resources.queries import identifier

LONG, WIDE = "recommendations", "final_vehicle_recommendations"
# Who may be mailed, for as long as a transaction takes.
ADDRESSEES = "addressees"


def described(rows: Mapping[str, Any]) -> str:
    """Rows of a list in words: equal where they are the same list."""
    return f"{rows['n_rows']} rows of {rows['n_users']} users with content {rows['content_hash']}"


def served_content(ledger: Ledger, week: dt.date) -> str:
    """What is served of a week, as ``described``."""
    return described(content(ledger, LONG, week))


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
    inserted = served_content(ledger, row["week"])
    if inserted != described(row):
        raise PublishRefused(
            f"week {row['week']}: '{row['long_table']}' holds {inserted}, {described(row)} were audited. Nothing was written. "
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

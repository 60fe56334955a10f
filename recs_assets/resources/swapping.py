"""Putting a version's tables in the place of the served ones, within a transaction: rows are read back before it ends.

The served mail belongs to the email system, whose grants and views hang on it: it is made where it is absent, and never dropped,
replaced or altered.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from recs_assets.fault_points import reached
from recs_assets.own_tables import PUBLICATIONS, shape_of, wide_columns
from recs_assets.resources.errors import PublishRefused
from recs_assets.resources.ledger import LONG, WIDE, Ledger, content, mail_hash, standing

# Who may be mailed, for as long as a transaction takes: column email_lower.
ADDRESSEES = "addressees"


def described(rows: Mapping[str, Any]) -> str:
    """Rows of a list in words: equal where they are the same list."""
    return f"{rows['n_rows']} rows of {rows['n_users']} users with content {rows['content_hash']}"


def served_content(ledger: Ledger, week: dt.date) -> str:
    """What is served of a week, as ``described``."""
    return described(content(ledger, LONG, week))


def unlike_served(ledger: Ledger, columns: Sequence[str]) -> str | None:
    """Why a mail of such columns cannot take the place of the served one, and what brings them together; ``None``: it can."""
    served = ledger.columns(WIDE)
    lacking, surplus = set(columns) - set(served), set(served) - set(columns)
    if not served or not (lacking or surplus):
        return None
    shape, wanted = shape_of(served), shape_of(columns)
    added = {name: kind for name, kind in wide_columns(wanted["slots"], wanted["columns"]).items() if name in lacking}
    dropped = [name for name in served if name in surplus]
    keys = {"slots": "rules.slots", "columns": "mail.columns"}
    settings = [f"{key} to {json.dumps(shape[name])}" for name, key in keys.items() if shape[name] != wanted[name]]
    setting = f"Or set {' and '.join(settings)}, and materialize recommendations again. " if settings else ""
    statements = "; ".join(ledger.alterations(WIDE, added, dropped))
    return (
        f"a mail of {wanted['slots']} slots cannot take the place of that of {shape['slots']} in {WIDE}: it has the columns "
        f"{list(added) or 'none'} beside those of the table, and lacks {dropped or 'none'}. Grants and views hang on that table, "
        f"so it is never made anew. Have its owner run, then run again: {statements}. {setting}"
    )


def make_way(ledger: Ledger, wide_table: str, week: dt.date) -> None:
    """Before a transaction: make the served mail where there is none yet, of the columns of a staged one.

    Raises:
        PublishRefused: the served mail has other columns.
    """
    columns = ledger.columns(wide_table)
    if not columns:
        return  # refused within the transaction, after what is the matter more often
    if (unlike := unlike_served(ledger, columns)) is not None:
        raise PublishRefused(f"week {week}, staged table '{wide_table}': {unlike}Nothing was written.")
    shape = shape_of(columns)
    ledger.create(WIDE, wide_columns(shape["slots"], shape["columns"]))


def swap(ledger: Ledger, row: Mapping[str, Any]) -> dict[str, Any]:
    """Put the tables of a ledger row in the place of the served ones, read them back, and write the row.

    Args:
        ledger: within a transaction, with ``ADDRESSEES``: nobody else is in the mail.
        row: of ``publications``, but for what is known of the mail only when it is there.

    Returns:
        The row as it was written.

    Raises:
        PublishRefused: they are not what was audited, or nobody of the mail may be mailed.
    """
    row, action = dict(row), row["action"]
    reached(f"{action}.begun")
    if row["wide_table"] is not None:
        row |= _swap_wide(ledger, row)
        reached(f"{action}.mailed")
    ledger.run("delete_lists", week=row["week"])
    reached(f"{action}.deleted")
    ledger.run("insert_lists", {"staged": row["long_table"]}, week=row["week"])
    reached(f"{action}.inserted")
    inserted = served_content(ledger, row["week"])
    if inserted != described(row):
        raise PublishRefused(
            f"week {row['week']}: '{row['long_table']}' holds {inserted}, {described(row)} were audited. Nothing was written. "
            "Materialize recommendations for the week again, or restore another version."
        )
    reached(f"{action}.verified")
    ledger.run("insert_publication", **{name: row[name] for name in PUBLICATIONS})
    reached(f"{action}.recorded")
    return row


def _swap_wide(ledger: Ledger, row: Mapping[str, Any]) -> dict[str, Any]:
    """Put a version's mail in the place of the served one, but for whoever may not be mailed now; what the ledger says of it."""
    table, week = row["wide_table"], row["week"]
    (audited,) = ledger.rows("audits", audit_id=row["audit_id"])
    left = standing(ledger, table, row["version_after"])
    staged, expected = mail_hash(ledger, table), left["content_hash"] if left else audited["mail_hash"]
    if staged != expected:
        raise PublishRefused(
            f"week {week}: the mail in '{table}' has content {staged}, {expected} was audited. Nothing was "
            "written. Materialize recommendations for the week again, or restore another version."
        )
    shape = shape_of(ledger.columns(table))
    ledger.run("delete_mail")
    ledger.run("insert_mail", {"mail": table}, **shape)
    (mailed,) = ledger.rows("mail_difference", {"mail": table}, **shape)
    if mailed["n_staged"] > 0 == mailed["n_mailed"]:
        raise PublishRefused(
            f"week {week}: none of the {mailed['n_staged']:,} addresses of the mail in '{table}' may be mailed now, by the users "
            "of the source. Nothing was written. Look whether RECS_SOURCE names this store, and at its users' email and "
            "email_consent."
        )
    if mailed["n_other"]:
        raise PublishRefused(f"week {week}: the mail that was written is not that of '{table}'. Nothing was written; run again.")
    n_withheld = mailed["n_staged"] - mailed["n_mailed"]
    return {"mail_hash": mail_hash(ledger, WIDE), "n_mailed": mailed["n_mailed"], "n_withheld": n_withheld}

"""Erasure: whoever is no user of the source any more leaves the versions that are kept for long, served ones among them.

The ledger stays true: ``publications`` says what was published, ``erasures`` what is left of it; ``ledger.newest_row`` and its
like give a version as it stands.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recs_assets.fault_points import reached
from recs_assets.resources.ledger import LONG, WIDE, Ledger, content, mail_hash, newest_wide


class ErasureRefused(ValueError):  # noqa: N818 - nothing has failed, and nothing was erased
    """So many people would be erased that the source is the likelier cause; the message says what to look at."""


@dataclass(frozen=True)
class OfPeople:
    """A table with rows of people that was made too long ago to be kept as it is.

    Attributes:
        table: where the rows are.
        week: of its lists; ``None``: it is a mail.
        publication_id: the version that it is of.
        noted_as: the table that ledgers name for it: served lists stand for the staged ones that they were copied from.
    """

    table: str
    week: dt.date | None
    publication_id: str
    noted_as: str


def of_people(
    ledger: Ledger, served: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]], made_before: dt.datetime
) -> list[OfPeople]:
    """The served and kept tables of versions that were published before a moment.

    Args:
        ledger: of the warehouse.
        served: rows of ``served_versions.sql``.
        kept: rows of ``kept_versions.sql``.
        made_before: the moment.
    """
    versions = {row["publication_id"]: row for row in (*served, *kept) if row["published_at"] < made_before}
    tables = [OfPeople(row["long_table"], row["week"], row["publication_id"], row["long_table"]) for row in versions.values()]
    tables += [
        OfPeople(row["wide_table"], None, row["publication_id"], row["wide_table"])
        for row in versions.values()
        if row["wide_table"] is not None
    ]
    tables = [table for table in tables if ledger.columns(table.table)]
    tables += [
        OfPeople(LONG, row["week"], row["publication_id"], row["long_table"])
        for row in served
        if row["publication_id"] in versions
    ]
    mailed = newest_wide(ledger)
    if mailed is not None and mailed["published_at"] < made_before:
        tables.append(OfPeople(WIDE, None, mailed["publication_id"], WIDE))
    return tables


def erase(ledger: Ledger, gone: Mapping[OfPeople, Sequence[str]], *, now: dt.datetime, max_share: float) -> int:
    """Delete the rows of people from tables, and note what is left; the number of rows that went.

    Args:
        ledger: within a transaction.
        gone: ids of people, or addresses of a mail, by table.
        now: the moment, for the ledger.
        max_share: of a table's people; where more are gone, nothing is erased.

    Raises:
        ErasureRefused: more are gone from a table than that.
    """
    n_erased = 0
    for table, people in gone.items():
        before = _left(ledger, table)
        n_before = before["n_users"]
        _refuse_many(table.table, len(people), n_before, max_share)
        if table.week is None:
            ledger.run("erase_addresses", {"mail": table.table}, people=list(people))
        else:
            ledger.run("erase_people", {"staged": table.table}, week=table.week, people=list(people))
        reached("erase.deleted")
        left = _left(ledger, table)
        _note(ledger, table, left, n_erased=before["n_rows"] - left["n_rows"], now=now)
        n_erased += before["n_rows"] - left["n_rows"]
    return n_erased


def erase_assignments(ledger: Ledger, gone: Sequence[Mapping[str, Any]], *, max_share: float) -> int:
    """Delete people from the arms of experiments; their number.

    Args:
        ledger: within a transaction.
        gone: rows of ``gone_assigned.sql``.
        max_share: of all who have an arm; where more are gone, nobody is erased.

    Raises:
        ErasureRefused: more are gone than that.
    """
    if gone:
        _refuse_many("rollout_assignment", len(gone), gone[0]["n_people"], max_share)
        ledger.run("erase_assignments", people=[row["user_id"] for row in gone])
    return len(gone)


def _refuse_many(table: str, n_gone: int, n_people: int, max_share: float) -> None:
    if n_gone > max_share * n_people:
        raise ErasureRefused(
            f"{n_gone:,} of {n_people:,} people of '{table}' are not among the users of the source: nothing was "
            "erased. Look whether RECS_SOURCE names this store, and whether its users are all there."
        )


def _left(ledger: Ledger, table: OfPeople) -> dict[str, Any]:
    """n_rows, n_users and content_hash of what is in a table; of a mail a row is an address."""
    if table.week is not None:
        return content(ledger, table.table, table.week)
    n_rows = ledger.rows("n_rows", {"counted": table.table})[0]["n_rows"]
    return {"n_rows": n_rows, "n_users": n_rows, "content_hash": mail_hash(ledger, table.table)}


def _note(ledger: Ledger, table: OfPeople, left: Mapping[str, Any], *, n_erased: int, now: dt.datetime) -> None:
    ledger.run(
        "insert_erasure",
        sequence=ledger.rows("next_erasure")[0]["sequence"],
        erased_at=now,
        publication_id=table.publication_id,
        table_name=table.noted_as,
        n_erased=n_erased,
        **left,
    )

"""Holds: a person stops publishing until it is released, or until a moment; lists are still made and audited."""

import datetime as dt
import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from recs_assets.resources.ledger import Ledger


class HoldRefused(ValueError):  # noqa: N818 - what was asked for makes no sense, nothing has failed
    """A hold or a release that cannot be; the message says what to give instead."""


@dataclass(frozen=True)
class Hold:
    """A hold that is in force: who set it, why, since when, and when it ends by itself (``None``: never)."""

    held_by: str
    reason: str
    held_until: dt.datetime | None
    noted_at: dt.datetime

    @staticmethod
    def of(row: Mapping[str, Any]) -> "Hold":
        """A row of ``hold.sql``."""
        return Hold(row["held_by"], row["reason"], row["held_until"], row["noted_at"])

    def __str__(self) -> str:
        """Since when, by whom, why, and how it ends."""
        ends = f", until {self.held_until:%Y-%m-%d %H:%M} UTC" if self.held_until else ""
        return (
            f"held since {self.noted_at:%Y-%m-%d %H:%M} UTC by {self.held_by}{ends}, because: {self.reason}. "
            "Nothing is published meanwhile; make release REASON=... lifts it"
        )


def hold_in_force(ledger: Ledger, now: dt.datetime) -> Hold | None:
    """The hold in force, or ``None``; within a publishing transaction, what was committed before it began."""
    rows = ledger.rows("hold", now=now)
    return Hold.of(rows[0]) if rows else None


def note(
    ledger: Ledger,
    action: Literal["set", "lifted"],
    *,
    held_by: str,
    reason: str,
    now: dt.datetime,
    held_until: dt.datetime | None = None,
) -> None:
    """Add a row to the ledger ``holds``; the newest one decides.

    Args:
        ledger: within a transaction.
        action: what happens to publishing.
        held_by: who does it.
        reason: why.
        now: the moment.
        held_until: when a hold ends by itself.

    Raises:
        HoldRefused: there is no reason, a hold would be over already, or nothing is held that could be lifted.
    """
    if not reason.strip():
        raise HoldRefused("a hold and its release need a reason; it stays in the ledger. Say it with REASON=...")
    if held_until is not None and held_until <= now:
        raise HoldRefused(f"UNTIL {held_until:%Y-%m-%d %H:%M} UTC is over already. Name a later moment, or none.")
    if action == "lifted" and hold_in_force(ledger, now) is None:
        raise HoldRefused("publishing is not on hold: there is nothing to release.")
    ledger.run(
        "insert_hold",
        sequence=ledger.rows("next_hold")[0]["sequence"],
        action=action,
        held_by=held_by,
        reason=" ".join(reason.split()),
        held_until=held_until,
        noted_at=now,
    )


def os_user() -> str:
    """Who runs this process, as the operating system calls them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        return f"user {os.getuid()}"

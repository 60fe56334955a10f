"""One mailing, from being sent to being clicked: people who differ, machines that click, a sender that loses a burst."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recs_assets.demo.timeline import DAY

STAGES = ("sent", "delivered", "opened", "clicked", "unsubscribed", "complained")
SENT, DELIVERED, OPENED, CLICKED, UNSUBSCRIBED, COMPLAINED = range(len(STAGES))

DELIVERED_SHARE = 0.98
OPENING, CLICKING = (0.8, 3.2), (0.6, 4.4)
"""Beta distributions of people's chance to open a mail, a fifth in the mean, and to click in an opened one: 12%."""

SCANNED_SHARE = 0.005
"""Of addresses lie behind a scanner, which clicks every link within seconds and half the time fetches the images too."""

SCANNER_CLICKS = 3
UNSUBSCRIBED_SHARE, COMPLAINED_SHARE = 0.004, 0.0005
"""Of opened mails."""

BURST_EVERY, BURST_SHARE = 4, 0.02
"""Every fourth mailing loses a burst: so large a stretch of its recipients never gets it."""

SECOND = 1_000_000


@dataclass(frozen=True)
class Audience:
    """Whoever may be mailed, by user row: chance to open, chance to click in an opened mail, whether a scanner reads first."""

    opens: NDArray[np.float64]
    clicks: NDArray[np.float64]
    scanned: NDArray[np.bool_]

    @staticmethod
    def sampled(rng: np.random.Generator, n_users: int) -> "Audience":
        """So many people."""
        return Audience(rng.beta(*OPENING, n_users), rng.beta(*CLICKING, n_users), rng.random(n_users) < SCANNED_SHARE)


@dataclass(frozen=True)
class MailLog:
    """What was logged: user row, number of the mailing, stage and moment (microseconds) of each event."""

    user: NDArray[np.int64]
    number: NDArray[np.int64]
    stage: NDArray[np.int64]
    at: NDArray[np.int64]

    @staticmethod
    def joined(logs: "list[MailLog]") -> "MailLog":
        """Several logs as one."""
        return MailLog(*(np.concatenate([getattr(log, name) for log in logs]) for name in ("user", "number", "stage", "at")))

    def taken(self, rows: NDArray[np.bool_]) -> "MailLog":
        """Some of the rows."""
        return MailLog(self.user[rows], self.number[rows], self.stage[rows], self.at[rows])


def mailed(
    rng: np.random.Generator,
    audience: Audience,
    recipients: NDArray[np.int64],
    *,
    number: int,
    sent_at: int,
    click_factor: NDArray[np.float64],
) -> MailLog:
    """The log of one mailing.

    Args:
        rng: random numbers.
        audience: of all users.
        recipients: user rows.
        number: of the mailing; every fourth one loses a burst.
        sent_at: microseconds; mails go out within an hour.
        click_factor: what the chance to click is multiplied with, by user row: 1 + the lift for the treated.
    """
    events = [(recipients, np.full(recipients.size, SENT), sent_at + np.sort(rng.integers(3_600 * SECOND, size=recipients.size)))]
    arrived = rng.random(recipients.size) < DELIVERED_SHARE
    if number % BURST_EVERY == BURST_EVERY - 1:
        first, length = rng.integers(recipients.size), int(BURST_SHARE * recipients.size)
        arrived[first : first + length] = False
    user, delivered_at = recipients[arrived], events[0][2][arrived] + rng.integers(SECOND, 60 * SECOND, arrived.sum())
    events.append((user, np.full(user.size, DELIVERED), delivered_at))
    opened = rng.random(user.size) < audience.opens[user]
    reader, opened_at = user[opened], delivered_at[opened] + rng.integers(60 * SECOND, DAY, opened.sum())
    events.append((reader, np.full(reader.size, OPENED), opened_at))
    for stage, chance in (
        (CLICKED, audience.clicks[reader] * click_factor[reader]),
        (UNSUBSCRIBED, np.full(reader.size, UNSUBSCRIBED_SHARE)),
        (COMPLAINED, np.full(reader.size, COMPLAINED_SHARE)),
    ):
        does = rng.random(reader.size) < chance
        events.append(
            (reader[does], np.full(does.sum(), stage), opened_at[does] + rng.integers(10 * SECOND, 600 * SECOND, does.sum()))
        )
    events.extend(_scanners(rng, user[audience.scanned[user]], delivered_at[audience.scanned[user]]))
    users, stages, moments = (np.concatenate(column) for column in zip(*events, strict=True))
    return MailLog(users, np.full(users.size, number), stages, moments)


def _scanners(
    rng: np.random.Generator, user: NDArray[np.int64], delivered_at: NDArray[np.int64]
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Machines: all links of a mail within two seconds, half of them after an opening of their own."""
    fetches = rng.random(user.size) < 0.5
    opened = (user[fetches], np.full(fetches.sum(), OPENED), delivered_at[fetches] + SECOND // 2)
    links = np.repeat(np.arange(user.size), SCANNER_CLICKS)
    at = delivered_at[links] + rng.integers(SECOND, 2 * SECOND, links.size)
    return [opened, (user[links], np.full(links.size, CLICKED), at)]

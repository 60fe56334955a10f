"""The mailings of the planted world: what each held, was sent to, and what became of it; with an experiment where asked for."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recs_assets.demo.catalogue import Parts
from recs_assets.demo.mail_faults import LATE, UNEQUAL, late, unmailed
from recs_assets.demo.mailing import CLICKED, SENT, STAGES, Audience, MailLog, mailed
from recs_assets.demo.people import People
from recs_assets.demo.presets import Preset
from recs_assets.demo.tables import product_ids, timestamps, user_ids
from recs_assets.demo.timeline import DAY, END_OF_LAST_WEEK, WEEK, stream
from recs_assets.rollout.arms import bucket, treated_buckets

MAILINGS = 4
"""Weekly mailings in the log, each on the Tuesday of one of the last complete weeks."""

SLOTS = 4
"""Parts of a mail."""

SEND_AT = DAY + 15 * DAY // 24
"""Tuesday 15:00, since the Monday."""


@dataclass(frozen=True)
class Experiment:
    """A treatment that some people's mail had: those of the first buckets of a salt, from a mailing on.

    Attributes:
        salt: deals people into buckets.
        share: of them treated.
        lift: what it truly adds to the chance to click in an opened mail, 0.1 is ten percent.
        since: number of the first mailing.
        fault: what goes wrong, one of ``mail_faults.OF_LOG``.
    """

    salt: str
    share: float = 0.5
    lift: float = 0.0
    since: int = 0
    fault: str | None = None

    def treated(self, ids: list[str]) -> NDArray[np.bool_]:
        """By user row, whether somebody is."""
        limit = treated_buckets(self.share)
        return np.array([bucket(self.salt, user_id) < limit for user_id in ids])


def email_events_table(preset: Preset, people: People, parts: Parts, seed: int, experiment: Experiment | None = None) -> pa.Table:
    """The source table ``email_events``: a row ``sent`` for each part of a mail; a click names the part clicked on."""
    rng, wrong = stream(seed, "mail"), stream(seed, "mail_fault")
    ids = user_ids(preset.users)
    consenting = np.flatnonzero(people.consent)
    audience = Audience.sampled(rng, preset.users)
    treated = experiment.treated(ids.to_pylist()) if experiment else np.zeros(preset.users, dtype=bool)
    logs, held = [], []
    for number in range(MAILINGS):
        recipients = consenting[rng.random(consenting.size) < preset.mailed_share]
        factor = np.ones(preset.users)
        if experiment and number >= experiment.since:
            factor[treated] += experiment.lift
            if experiment.fault == UNEQUAL:
                recipients = unmailed(wrong, recipients, treated)
        sent_at = END_OF_LAST_WEEK - (MAILINGS - number) * WEEK + SEND_AT
        log = mailed(rng, audience, recipients, number=number, sent_at=sent_at, click_factor=factor)
        if experiment and experiment.fault == LATE:
            log = late(wrong, log, MAILINGS - 1)
        contents = rng.choice(np.flatnonzero(parts.eligible), (preset.users, SLOTS))
        log, slot = _with_parts(rng, log)
        logs.append(log)
        held.append(np.where(slot < 0, 0, contents[log.user, slot]))
    log, part = MailLog.joined(logs), np.concatenate(held)
    return mail_table(log, ids, parts=pa.array(product_ids(parts), pa.string()).take(pa.array(part)))


def mail_table(log: MailLog, ids: pa.Array, parts: pa.Array | None = None) -> pa.Table:
    """A log as the source table: with the part of every sent and clicked row, or with none."""
    named = np.isin(log.stage, (SENT, CLICKED))
    nothing = pa.nulls(log.user.size, pa.string())
    send_ids = pa.array([f"mailing-{n + 1}" for n in range(int(log.number.max(initial=0)) + 1)])
    return pa.table(
        {
            "user_id": ids.take(pa.array(log.user)),
            "send_id": send_ids.take(pa.array(log.number)),
            "event_type": pa.array(STAGES, pa.string()).take(pa.array(log.stage)),
            "event_ts": timestamps(log.at),
            "product_id": nothing if parts is None else _only(parts, named),
        }
    )


def _only(parts: pa.Array, rows: NDArray[np.bool_]) -> pa.Array:
    return parts.take(pa.array(np.arange(len(parts)), mask=~rows))


def _with_parts(rng: np.random.Generator, log: MailLog) -> tuple[MailLog, NDArray[np.int64]]:
    """The log with a sent row for each slot, and the slot of every row: a random one of a click, -1 of what names no part."""
    copies = np.where(log.stage == SENT, SLOTS, 1)
    rows = np.repeat(np.arange(log.user.size), copies)
    number_in_row = np.arange(rows.size) - np.repeat(np.cumsum(copies) - copies, copies)
    stage = log.stage[rows]
    slot = np.where(stage == SENT, number_in_row, np.where(stage == CLICKED, rng.integers(SLOTS, size=rows.size), -1))
    return MailLog(log.user[rows], log.number[rows], stage, log.at[rows]), slot

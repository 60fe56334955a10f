"""The logged mailings before any A/B test: what was sent, delivered, opened and clicked."""

import numpy as np
import pyarrow as pa

from recs_assets.demo.catalogue import Parts
from recs_assets.demo.people import People
from recs_assets.demo.presets import Preset
from recs_assets.demo.tables import product_ids, timestamps, user_ids
from recs_assets.demo.timeline import DAY, END_OF_LAST_WEEK, WEEK, stream

MAILINGS = 4
"""Weekly mailings in the log, each on the Tuesday of one of the last complete weeks."""

STAGES = ("sent", "delivered", "opened", "clicked")
STAGE_SHARES = (1.0, 0.98, 0.2, 0.12)
"""Share that reaches each stage from the one before: 98% delivered, a fifth of it opened, 12% of that clicked."""


def email_events_table(preset: Preset, people: People, parts: Parts, seed: int) -> pa.Table:
    """The source table ``email_events``; a click names the part clicked on."""
    rng = stream(seed, "mail")
    consenting = np.flatnonzero(people.consent)
    catalogue = np.flatnonzero(parts.eligible)
    pieces = []
    for mailing in range(MAILINGS):
        sent_at = END_OF_LAST_WEEK - (MAILINGS - mailing) * WEEK + DAY + 15 * DAY // 24
        user = consenting[rng.random(consenting.size) < preset.mailed_share]
        at = np.full(user.size, sent_at)
        for stage, share in enumerate(STAGE_SHARES):
            reached = rng.random(user.size) < share
            user = user[reached]
            at = at[reached] + rng.integers(DAY // 2, size=user.size)
            pieces.append((user, np.full(user.size, mailing), np.full(user.size, stage), at))
    user, number, stages, at = (np.concatenate(column) for column in zip(*pieces, strict=True))
    part = rng.choice(catalogue, size=user.size)
    return pa.table(
        {
            "user_id": user_ids(preset.users).take(pa.array(user)),
            "send_id": pa.array([f"mailing-{n + 1}" for n in range(MAILINGS)]).take(pa.array(number)),
            "event_type": pa.array(STAGES, pa.string()).take(pa.array(stages)),
            "event_ts": timestamps(at),
            "product_id": pa.array(product_ids(parts), pa.string()).take(pa.array(part, mask=stages < len(STAGES) - 1)),
        }
    )

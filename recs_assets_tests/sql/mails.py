"""Mails of a few people in two arms, and what became of them: each row is one border of what counts."""

import datetime as dt
from typing import Any

import pyarrow as pa

from recs_assets.own_tables import AUDITS, ROLLOUT, ROLLOUT_ASSIGNMENT
from recs_assets_tests.sql.rows import AS_OF, NOW, WEEK_START, days_ago, table

EXPERIMENT, SALT = "e/50%", "e"
EVENTS = {
    "user_id": "STRING",
    "send_id": "STRING",
    "event_type": "STRING",
    "event_ts": "TIMESTAMP",
    "product_id": "STRING",
}
SECOND = dt.timedelta(seconds=1)


def mail(user_id: str, send_id: str, sent_at: dt.datetime, *events: tuple[str, float]) -> list[tuple[Any, ...]]:
    """A mail that is delivered after ten seconds, and what else became of it so many seconds after that."""
    rows: list[tuple[Any, ...]] = [(user_id, send_id, "sent", sent_at, "p1"), (user_id, send_id, "sent", sent_at, "p2")]
    rows.append((user_id, send_id, "delivered", sent_at + 10 * SECOND, None))
    return rows + [(user_id, send_id, kind, sent_at + (10 + seconds) * SECOND, None) for kind, seconds in events]


TUESDAY, BEFORE = days_ago(6), days_ago(13)
MAIL_EVENTS = table(
    EVENTS,
    [
        *mail("u1", "s2", TUESDAY, ("opened", 60), ("clicked", 90), ("clicked", 95)),  # counts once
        *mail("u1", "s1", BEFORE, ("opened", 60), ("clicked", 90)),  # before the experiment
        *mail("u2", "s2", TUESDAY, ("clicked", 90)),  # never opened
        *mail("u3", "s2", TUESDAY, ("opened", 1), ("clicked", 4.999999)),  # a machine: within five seconds
        *mail("u3", "s3", TUESDAY, ("opened", 1), ("clicked", 5.0), ("unsubscribed", 100)),  # just in time
        *mail("u4", "s2", TUESDAY, ("opened", 1), ("clicked", 2), ("clicked", 300), ("complained", 400)),  # machine, then person
        *mail("u4", "s3", TUESDAY, ("clicked", 50), ("opened", 60)),  # opened afterwards
        ("u5", "s2", "sent", TUESDAY, None),  # never delivered
        *mail("u5", "s3", WEEK_START, ("opened", 60)),  # at the first moment
        ("u9", "s2", "sent", TUESDAY, None),  # of no arm
        ("u9", "s2", "clicked", AS_OF, None),  # after the end
    ],
)
ASSIGNMENT = table(
    ROLLOUT_ASSIGNMENT,
    [
        # Buckets of salt "e" as hashlib gives them: u1 2573, u2 3755, u3 5059, u4 4919, u5 6564.
        (EXPERIMENT, "u1", 2_573, "treated", NOW),
        (EXPERIMENT, "u2", 3_755, "control", NOW),  # should be treated
        (EXPERIMENT, "u3", 5_059, "control", NOW),
        (EXPERIMENT, "u4", 11, "treated", NOW),  # another bucket than its own
        (EXPERIMENT, "u5", 6_564, "control", NOW),
        (EXPERIMENT, "u5", 6_564, "treated", NOW),  # in both
        ("e/10%", "u1", 2_573, "control", NOW),  # another experiment
    ],
)
MOVES = table(
    ROLLOUT,
    [
        (n, to, to, share, "2026-02-23", "e", "2026-02-16", "s", None, "ann", "it works", "{}", days_ago(n))
        for n, (to, share) in enumerate([("shadow", 0.0), ("experiment", 0.5), ("10", 0.1)])
    ],
)
AB_MAILS = table(
    {
        "user_id": "STRING",
        "send_id": "STRING",
        "sent_at": "TIMESTAMP",
        "is_delivered": "BOOL",
        "is_clicked": "BOOL",
        "is_clicked_by_person": "BOOL",
        "is_unsubscribed": "BOOL",
        "is_complained": "BOOL",
    },
    [
        ("u1", "s1", BEFORE, True, True, True, False, False),
        ("u1", "s2", TUESDAY, True, True, True, True, False),
        ("u2", "s2", TUESDAY, True, True, False, False, True),
        ("u3", "s2", WEEK_START, False, True, True, False, False),
        ("u4", "s0", None, True, False, False, False, False),
    ],
)
AB_USERS = table(
    {
        "user_id": "STRING",
        "arm": "STRING",
        "n_sent": "INT64",
        **dict.fromkeys(
            ("delivered", "clicks", "all_clicks", "unsubscribed", "complained", "orders", "clicks_before"), "FLOAT64"
        ),
    },
    [
        ("u1", "control", 2, 2.0, 1.0, 2.0, 1.0, 0.0, 3.0, 2.0),
        ("u2", "control", 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        ("u3", "treated", 1, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0),
    ],
)
NIGHTS = table(
    AUDITS,
    [
        (f"audit{n}", WEEK_START.date(), "staged_l", "h", "m", decision, 10, 5, "{}", "so", "run", days_ago(n))
        for n, decision in enumerate(("PASS", "FAIL", "PASS"))
    ],
)
MAIL_TABLES: dict[str, pa.Table] = {
    "audits": NIGHTS,
    "mail_events": MAIL_EVENTS,
    "rollout_assignment": ASSIGNMENT,
    "rollout": MOVES,
    "ab_mails": AB_MAILS,
    "ab_users": AB_USERS,
}
MAIL_PARAMETERS: dict[str, Any] = {
    "experiment": EXPERIMENT,
    "salt": SALT,
    "treated_buckets": 5_000,
    "pre_start": days_ago(35),
    "end": AS_OF,
    "min_click_seconds": 5,
}

"""Rows of our own ledgers, as the tests of queries read them."""

import datetime as dt

import pyarrow as pa

from recs_assets.own_tables import AUDITS, COSTS, ERASURES, HOLDS, PUBLICATIONS, QUARANTINE, STAGED_TABLES, TURN, VERDICTS
from recs_assets_tests.sql.mails import EXPERIMENT
from recs_assets_tests.sql.rows import NOW, WEEK_START, days_ago, table

PUBLICATION_ROWS = table(
    PUBLICATIONS,
    [
        (
            n,
            f"publication{n}",
            week,
            None,
            f"publication{n}",
            "publish",
            "a",
            "h",
            "m",
            10 * n,
            n,
            n,
            0,
            "run",
            None,
            None,
            "s",
            NOW,
            "r",
            "l",
            "w",
        )
        for n, week in enumerate([dt.date(2026, 2, 16), dt.date(2026, 2, 23), dt.date(2026, 2, 16)], start=1)
    ],
)
ERASURE_ROWS = table(
    ERASURES,
    [
        (number, NOW, "publication1", table_name, 1, 10 - number, 5, "h")
        for number, table_name in enumerate(["staged_long", "staged_long", "staged_wide"], start=1)
    ],
)
STAGED_TABLE_ROWS = table(STAGED_TABLES, [(name, NOW) for name in ("l", "w", "staged_long_three")])
VERDICT_ROWS = table(
    VERDICTS,
    [
        (gate, WEEK_START.date(), decision, f"as {decision}", "{}", "run", "s", days_ago(number))
        for number, (gate, decision) in enumerate([("overlap", "WARN"), ("hold", "PASS"), ("hold", "WARN"), ("overlap", "PASS")])
    ]
    + [("gate_2", WEEK_START.date(), decision, "so", "{}", "r", "s", days_ago(n)) for n, decision in enumerate(("HOLD", "PASS"))]
    + [("mail_coverage", dt.date(2026, 2, day), "PASS", "fine", f'{{"n_owners": {day}}}', "run", "s", NOW) for day in (16, 23)],
)
QUARANTINE_ROWS = table(
    QUARANTINE,
    [(dt.date(2026, 2, day), "users", "address_twice", "quarantined", f"u{day}", "{}") for day in (16, 16, 23)],
)
AUDIT_ROWS = table(
    AUDITS,
    [
        (f"audit{n}", WEEK_START.date(), "staged_long", "h", "m", decision, n, n, "{}", "r", "run", days_ago(n))
        for n, decision in enumerate(("PASS", "FAIL", "PASS"))
    ],
)
HOLD_ROWS = table(
    HOLDS,
    [
        (1, "set", "ann", "wrong prices", None, days_ago(3)),
        (2, "lifted", "bob", "prices are right", None, days_ago(2)),
        (3, "set", "ann", "wrong again", NOW + dt.timedelta(days=1), days_ago(1)),
    ],
)
COST_ROWS = table(
    COSTS,
    [
        (experiment, run, step, WEEK_START.date(), kind, "q", "job", 2**30, 60.0, 7200.0, 3600.0, gpu, usd, days_ago(days))
        for experiment, run, step, kind, gpu, usd, days in [
            (EXPERIMENT, "run 1", "trained_model", "pod", 3600.0, 2.5, 40),
            (EXPERIMENT, "run 1", "user_nodes", "query", 0.0, 0.25, 40),
            (EXPERIMENT, "run 2", "user_nodes", "query", 0.0, 0.5, 0),
            ("second", "run 3", "user_nodes", "query", 0.0, 1.0, 1),
        ]
    ],
)

LEDGERS: dict[str, pa.Table] = {
    "publications": PUBLICATION_ROWS,
    "audits": AUDIT_ROWS,
    "holds": HOLD_ROWS,
    "staged_tables": STAGED_TABLE_ROWS,
    "verdicts": VERDICT_ROWS,
    "erasures": ERASURE_ROWS,
    "quarantine": QUARANTINE_ROWS,
    "costs": COST_ROWS,
    "turn": table(TURN, [("run", NOW)]),
}

"""What a mail changes, and what became of the parts that somebody asks about: the tables that reports read."""

import pyarrow as pa

from recs_assets_tests.sql.rows import table

REPORT_TABLES: dict[str, pa.Table] = {
    "mail_slots": table(
        {"email_lower": "STRING", "moment": "STRING", "slot": "INT64", "product_id": "STRING", "price": "FLOAT64"},
        [
            ("ann@example.com", "before", 0, None, None),
            ("ann@example.com", "before", 1, "p1", 100.0),
            ("ann@example.com", "before", 2, "p2", 60.0),
            ("ann@example.com", "now", 0, None, None),
            ("ann@example.com", "now", 1, "p1", 90.0),
            ("ann@example.com", "now", 2, "p3", 75.0),
            ("bob@example.com", "before", 0, None, None),
            ("bob@example.com", "before", 1, "p4", 60.0),
            ("bob@example.com", "now", 0, None, None),
            ("bob@example.com", "now", 1, "p4", 60.0),
            ("new@example.com", "now", 0, None, None),
            ("new@example.com", "now", 1, "p3", 75.0),
            ("old@example.com", "before", 0, None, None),
            ("old@example.com", "before", 1, "p1", 100.0),
        ],
    ),
    "mail_compared": table(
        {"email_lower": "STRING", "segment": "STRING"}
        | dict.fromkeys(("is_now", "is_before", "n_now", "n_before"), "INT64")
        | dict.fromkeys(("parts_now", "parts_before"), "STRING")
        | dict.fromkeys(("n_kept", "n_in_place", "n_repriced"), "INT64"),
        [
            ("ann@example.com", "warm", 1, 1, 2, 2, "p1, p3", "p1, p2", 1, 1, 1),
            ("bob@example.com", "warm", 1, 1, 1, 1, "p4", "p4", 1, 1, 0),
            ("new@example.com", "no list", 1, 0, 1, 0, "p3", None, 0, 0, 0),
            ("old@example.com", "no list", 0, 1, 0, 1, None, "p1", 0, 0, 0),
        ],
    ),
    "people": table({"user_id": "STRING"}, [("u1",), ("u2",), ("u4",)]),
    "asked": table({"product_id": "STRING"}, [("p1",), ("p2",), ("p5",), ("p6",)]),
    "asked_scores": table(
        {"profile_id": "STRING", "product_id": "STRING", "score": "FLOAT64"},
        [("garage:a", "p2", 0.25), ("user:u1", "p2", 0.125), ("user:u4", "p1", 0.75)],
    ),
    "asked_pairs": table(
        {
            "product_id": "STRING",
            "profile_id": "STRING",
            "outcome": "STRING",
            "n_users": "INT64",
            "rival_id": "STRING",
            "gap": "FLOAT64",
        },
        [
            ("p1", "garage:a", "outranked", 2, "p4", 0.25),
            ("p1", "user:u1", "outranked", 1, "p2", 0.5),
            ("p1", "user:u4", "in_slots", 1, None, None),
            ("p2", "user:u4", "far_outranked", 1, "p4", None),
        ],
    ),
}

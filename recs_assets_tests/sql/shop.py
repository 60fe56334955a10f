"""A healthy shop of a few users, parts and vehicles: the rows that the tests of queries read."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from recs_assets.own_tables import RECOMMENDATIONS, wide_columns
from recs_assets_tests.sql import bad_source
from recs_assets_tests.sql.ledgers import LEDGERS
from recs_assets_tests.sql.mails import MAIL_TABLES
from recs_assets_tests.sql.reports import REPORT_TABLES
from recs_assets_tests.sql.rows import AS_OF, NOW, WEEK_START, days_ago, source, table

USER_NODES = table(
    {"user_id": "STRING", "created_at": "TIMESTAMP"},
    [(name, None) for name in ("u1", "u2", "u3", "u4", "u5")],
)
VEHICLE_NODES = source(
    "vehicles",
    [
        ("v1", 1969, "Chevrolet", "Camaro", "V8"),
        ("v2", 1970, "Chevrolet", "Camaro", None),
        ("v3", 1970, "Chevrolet", None, None),
        ("v5", 2001, "Ford", "Mustang", "V8"),
    ],
)
VEHICLE_IDS = table(
    {"vehicle_id": "STRING", "node_id": "STRING"}, [("v1", "v1"), ("v2", "v2"), ("v3", "v3"), ("v5", "v5"), ("v5b", "v5")]
)
PRODUCT_NODES = table(
    {
        "product_id": "STRING",
        "part_type": "STRING",
        "price": "FLOAT64",
        "image_url": "STRING",
        "variant_group": "STRING",
        "is_refurbished": "BOOL",
        "is_universal": "BOOL",
        "ineligible_reason": "STRING",
        "title": "STRING",
        "brand": "STRING",
        "created_at": "TIMESTAMP",
        "is_withdrawn": "BOOL",
        "is_available": "BOOL",
    },
    [
        ("p1", "Carburetors", 100.0, "https://x/1.png", "g1", False, False, None, None, "Holley", None, False, True),
        ("p2", "Carburetors", 120.5, "https://x/2.png", "g1", None, None, None, None, "Holley", None, False, None),
        ("p3", "Gauges", 49.99, "http://x/3.png", None, True, True, None, " ", None, None, False, None),
        ("p4", "Gauges", 60.0, None, None, None, True, None, "Oil Gauge", None, None, False, None),
        ("p5", "Fluids", 60.0, None, "g2", None, True, "part type Fluids", None, None, None, False, False),
        ("p6", "Gauges", 75.0, None, None, None, True, None, None, "Autometer", AS_OF, False, None),
    ],
)
FITS_EDGES = source("fitment", [("p1", "v1"), ("p2", "v1"), ("p2", "v2"), ("p4", "v5"), ("p5", "v1")])
OWNS_EDGES = source(
    "ownership",
    [
        ("u1", "v1", 2, days_ago(200)),
        ("u1", "v2", 1, None),
        ("u2", "v1", None, days_ago(30)),
        ("u3", "v5", 1, AS_OF),
        ("u4", "v3", 1, None),
        ("u5", "v1", 1, None),
    ],
)


def edges(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows of interaction_edges: those of events, with returned_at last where it is not NULL."""
    returned_at = pa.array([row[7] if len(row) > 7 else None for row in rows], pa.timestamp("us", "UTC"))
    return source("events", [row[:7] for row in rows]).append_column("returned_at", returned_at)


INTERACTION_EDGES = edges(
    [
        ("e1", "u1", "p1", "order", days_ago(8), "o1", 1),
        ("e2", "u1", "p4", "order", days_ago(7), "o2", 1),
        ("e3", "u2", "p4", "order", days_ago(3), "o3", 2),
        ("e4", "u2", "p1", "order", days_ago(33), "o4", 1),
        ("e5", "u4", "p4", "order", days_ago(3), "o5", 1),
        ("e6", "u4", "p1", "order", days_ago(2), "o5", 1),
        ("e7", "u4", "p1", "view", days_ago(2), None, None),
        ("e8", "u4", "p6", "order", days_ago(365), "o6", 1),
        ("e9", "u4", "p6", "order", AS_OF, "o7", 1),
        ("e10", "u2", "p6", "order", days_ago(3), "o8", 1, days_ago(1)),
        ("e11", "u5", "p6", "cart", days_ago(3), None, 1, days_ago(1)),
    ],
)
# Older than the window, one of them on the border of what is excluded.
OTHER_ORDERS = table(
    {"user_id": "STRING", "product_id": "STRING", "event_ts": "TIMESTAMP", "returned_at": "TIMESTAMP"},
    [
        ("u1", "p6", days_ago(400), None),
        ("u3", "p3", days_ago(365), AS_OF),
        ("u4", "p2", days_ago(366), None),
        ("u5", "p2", AS_OF, None),
        ("u5", "p3", days_ago(9), days_ago(3)),
    ],
)
PROFILES = table(
    {"profile_id": "STRING", "user_id": "STRING", "stratum": "STRING", "n_users": "INT64"},
    [("garage:a", None, "cold", 2), ("user:u1", "u1", "warm", 1), ("user:u4", "u4", "warm", 1)],
)
PROFILE_VEHICLES = table(
    {"profile_id": "STRING", "vehicle_id": "STRING"},
    [("garage:a", "v1"), ("user:u1", "v1"), ("user:u1", "v2"), ("user:u4", "v3")],
)
USER_PROFILES = table(
    {"user_id": "STRING", "profile_id": "STRING", "stratum": "STRING", "n_events": "INT64", "n_vehicles": "INT64"},
    [("u1", "user:u1", "warm", 2, 2), ("u2", "garage:a", "cold", 0, 1), ("u5", "garage:a", "cold", 0, 1)],
)
STRATA = table(
    {"name": "STRING", "min_events": "INT64", "max_events": "INT64"}, [("cold", 0, 0), ("warm", 1, 1), ("hot", 2, 2**63 - 1)]
)
PROFILE_RECOMMENDATION_COLUMNS = {
    "profile_id": "STRING",
    "rank": "INT64",
    "product_id": "STRING",
    "final_score": "FLOAT64",
    "sql_score": "FLOAT64",
    "gnn_score": "FLOAT64",
    "source": "STRING",
    "reason_code": "STRING",
    "reason_text": "STRING",
    "reason_product_id": "STRING",
    "reason_vehicle_id": "STRING",
    "reason_count": "INT64",
    "arm": "STRING",
}


ARMS = table({"user_id": "STRING", "arm": "STRING"}, [("u1", "blend"), ("u2", "blend"), ("u5", "control")])


def explained(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows of profiles' lists: profile_id, product_id, reason_code, reason_text, reason_product_id, reason_vehicle_id, count."""
    full = [(profile, n, part, 0.5, 0.5, None, "blend", *edge, "blend") for n, (profile, part, *edge) in enumerate(rows, start=1)]
    return table(PROFILE_RECOMMENDATION_COLUMNS, full)


# Every one of them is true of this shop.
REASONS: list[tuple[Any, ...]] = [
    # Of the Camaros' owners u1 and u2 have bought p1; u4 drives a Chevrolet of unknown model.
    ("garage:a", "p1", "popular_with_vehicle", "Popular with 1969 Chevrolet Camaro owners", None, "v1", 2),
    ("garage:a", "p4", "trending", "Trending this month", None, None, 3),
    ("garage:a", "p2", "fits_vehicle", "Fits your 1969 Chevrolet Camaro", None, "v1", None),
    ("garage:a", "p6", "popular_in_store", "Bought from our store before", None, None, 1),
    ("garage:a", "p3", "universal", "A universal part", None, None, None),
    ("user:u1", "p4", "bought_together", "Bought together with your Holley p1 by 2 owners", "p1", None, 2),
    ("user:u1", "p1", "popular_with_model", "Of interest to Chevrolet Camaro owners", None, "v2", 1),
    ("user:u1", "p6", "popular_with_make", "Of interest to Chevrolet owners", None, "v2", 1),
    ("user:u1", "p2", "same_variant_group", "Another version of your Holley p1", "p1", None, None),
    ("user:u4", "p2", "same_brand", "More from Holley, like your Holley p1", "p1", None, None),
    ("user:u4", "p3", "same_part_type", "More Gauges, like your Oil Gauge", "p4", None, None),
    ("user:u4", "p6", "looked_at", "You looked at it before", None, None, None),
    ("user:u4", "p1", "popular_now", "Popular right now", None, None, 2),
    ("user:u4", "p4", "viewed_together", "Looked at by 2 people who also looked at the Holley p1", "p1", None, 2),
]
PROFILE_RECOMMENDATIONS = explained(REASONS)
SQL_SCORES = table(
    {"profile_id": "STRING", "product_id": "STRING", "pop_source": "STRING"},
    [("garage:a", "p1", "model"), ("garage:a", "p4", "global"), ("user:u1", "p9", "make")],
)
MAIL_ADDRESSES = table(
    {"user_id": "STRING", "email_lower": "STRING"},
    [("u1", "ann@example.com"), ("u2", "bob@example.com"), ("u3", "ann@example.com"), ("u5", "bob@example.com")],
)
MAIL_SLOT = ("p1", 100.0, 0.5, "https://x/1.png", "fitment", "model")
EMPTY_SLOT = (None,) * len(MAIL_SLOT)
ADDED = ("Fits your Camaro", "Carburetor", "https://x/p1")
MAIL = table(
    wide_columns(3, ["reason", "title", "link", "user_id"]),
    [
        ("ann@example.com", 1970, "Chevrolet", "Camaro", *MAIL_SLOT, *MAIL_SLOT, *EMPTY_SLOT, NOW, "1", *ADDED * 3, "u1"),
        (
            "bob@example.com",
            None,
            None,
            None,
            "p2",
            float("nan"),
            1e300,
            None,
            None,
            None,
            *EMPTY_SLOT * 2,
            NOW,
            "1",
            *ADDED * 3,
            "u2",
        ),
        ("a | b@example.com", None, "| 'Ford'", None, *EMPTY_SLOT * 3, NOW, None, *[None] * 10),
    ],
)


def staged(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows of a long table: user_id, rank, product_id, final_score; the rest is the same in each."""
    week = WEEK_START.date()
    full = [
        (user, week, rank, product, score, score, None, "warm", "blend", "sql", "code", None, None, "run", AS_OF)
        for user, rank, product, score in rows
    ]
    return table(RECOMMENDATIONS, full)


STAGED = staged(
    [
        ("u1", 1, "p1", 0.5),
        ("u1", 2, "p3", float("nan")),
        ("u1", 4, "p99", 0.5),
        ("u2", 1, "p6", 0.25),
        ("u2", 1, "p4", 0.5),
        ("u2", 2, "p4", 0.75),
        ("u3", 1, "p2", float("inf")),
        ("u3", 2, "p1", None),
        ("u5", 1, "p4", 0.5),
        ("u5", 2, "p3", 0.5),
    ]
)

SQL_LISTS = table(
    {"profile_id": "STRING", "product_id": "STRING", "rank": "INT64"},
    [("garage:a", "p3", 1), ("garage:a", "p6", 9), ("user:u1", "p3", 4)],
)
COMPANIONS = table({"product_id": "STRING", "companion_id": "STRING"}, [("p1", "p3"), ("p4", "p6"), ("p4", "p1")])

TABLES: dict[str, pa.Table] = {
    "users": bad_source.USERS,
    "vehicles": bad_source.VEHICLES,
    "products": bad_source.PRODUCTS,
    "ownership": bad_source.OWNERSHIP,
    "fitment": bad_source.FITMENT,
    "events": bad_source.EVENTS,
    "email_events": bad_source.EMAIL_EVENTS,
    "user_nodes": USER_NODES,
    "vehicle_nodes": VEHICLE_NODES,
    "vehicle_ids": VEHICLE_IDS,
    "product_nodes": PRODUCT_NODES,
    "fits_edges": FITS_EDGES,
    "owns_edges": OWNS_EDGES,
    "interaction_edges": INTERACTION_EDGES,
    "other_orders": OTHER_ORDERS,
    "shared_accounts": table({"user_id": "STRING"}, [("guest",), ("u9",), ("n/a",)]),
    "profiles": PROFILES,
    "profile_vehicles": PROFILE_VEHICLES,
    "user_profiles": USER_PROFILES,
    "strata": STRATA,
    "profile_recommendations": PROFILE_RECOMMENDATIONS,
    "arms": ARMS,
    "sql_scores": SQL_SCORES,
    "mail_addresses": MAIL_ADDRESSES,
    "staged": STAGED,
    "addressees": MAIL_ADDRESSES.select(["email_lower"]),
    "mail": MAIL,
    "final_vehicle_recommendations": MAIL.slice(1),
    "recommendations": STAGED,
    "mail_before": MAIL.slice(1),
    "counted": USER_NODES,
    "product_links": table({"product_id": "STRING", "link": "STRING"}, [("p1", "https://x/p1"), ("p4", "https://x/p4")]),
    "sql_lists": SQL_LISTS,
    "companions": COMPANIONS,
    **REPORT_TABLES,
    **MAIL_TABLES,
    **LEDGERS,
}

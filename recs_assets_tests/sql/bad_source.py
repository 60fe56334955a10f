"""A source with a bit of everything that goes wrong, small enough to check by hand."""

import datetime as dt

from recs_assets_tests.sql.rows import AS_OF, NOW, START, days_ago, source

USERS = source(
    "users",
    [
        ("u1", "Ann@Example.com", days_ago(400), True),
        ("u1", "Ann@Example.com", days_ago(400), True),
        ("u2", "bob@example.com", days_ago(300), None),
        ("u2", "old@example.com", days_ago(500), None),
        ("u3", "ann@example.COM", None, True),
        ("u4", None, days_ago(10), True),
        ("u5", "eve@example.com", days_ago(10), False),
        ("u6", "new@example.com", AS_OF, True),
        ("u8", "later@example.com", AS_OF, True),
        ("u7", "far@example.com", NOW + dt.timedelta(seconds=1), True),
        (None, "nobody@example.com", None, None),
        (" ", "blank@example.com", None, None),
        ("u\0", "nul@example.com", None, None),
        ('ü"8\\\n', "odd@example.com", days_ago(1), True),
    ],
)
VEHICLES = source(
    "vehicles",
    [
        ("v1", 1969, "Chevrolet", "Camaro", "V8"),
        ("v1", 1969, "Chevrolet", "Camaro", "V8"),
        ("v2", 1970, "Chevrolet", "Camaro", None),
        ("v3", 1970, "Chevrolet", None, None),
        ("v4", None, None, None, None),
        ("v5", 2001, "Ford", "Mustang", "V8"),
        ("v5", 2002, "Ford", "Mustang", "V6"),
        (None, 2001, "Ford", "Mustang", "V8"),
    ],
)
PRODUCTS = source(
    "products",
    [
        ("p1", "Carburetors", 100.0, "Holley", "One", "https://x/1.png", "g1", False, False, days_ago(900)),
        ("p1", "Carburetors", 100.0, "Holley", "One", "https://x/1.png", "g1", False, False, days_ago(900)),
        ("p2", "Carburetors", 120.5, "Holley", "Two", "https://x/2.png", "g1", None, None, None),
        ("p2", "Carburetors", 90.0, "Holley", "Two, once", None, "g1", None, None, days_ago(100)),
        ("p3", "Gauges", 49.99, None, None, "http://x/3.png", None, True, True, days_ago(5)),
        ("p4", "Gauges", 60.0, None, None, None, None, None, True, days_ago(5)),
        ("p4", "Gauges", float("nan"), None, None, None, None, None, True, days_ago(1)),
        ("p5", "Tools", float("nan"), None, None, None, None, None, None, None),
        ("p5", "Tools", float("nan"), None, None, None, None, None, None, None),
        ("p6", "Tools", float("inf"), None, None, None, None, None, None, None),
        ("p7", "Tools", -5.0, None, None, None, None, None, None, None),
        ("p8", "Tools", 0.0, None, None, None, None, None, None, None),
        ("p9", "Tools", None, None, None, None, None, None, None, None),
        ("p10", None, 75.0, None, None, None, None, None, None, AS_OF),
        ("p11", "Tools", 75.0, None, None, None, None, None, None, NOW + dt.timedelta(days=1)),
        ("", "Tools", 75.0, None, None, None, None, None, None, None),
    ],
)
OWNERSHIP = source(
    "ownership",
    [
        ("u1", "v1", 1, days_ago(200)),
        ("u1", "v1", 1, days_ago(200)),
        ("u1", "v2", 2, None),
        ("u2", "v1", None, days_ago(3)),
        ("u2", "v1", 1, days_ago(30)),
        ("u3", "v5", 1, AS_OF),
        ("u3", "v5", 1, NOW + dt.timedelta(days=9)),
        ("u6", "v1", 1, None),
        ("u9", "v1", 1, None),
        ("u1", "v9", 1, None),
        (None, "v1", 1, None),
        ("u1", "", 1, None),
    ],
)
FITMENT = source(
    "fitment",
    [
        ("p1", "v1"),
        ("p1", "v1"),
        ("p2", "v1"),
        ("p10", "v1"),
        ("p10", "v99"),
        ("p11", "v1"),
        ("p99", "v1"),
        ("p1", "v99"),
        (None, "v1"),
        ("p1", None),
        ("p1", "v\0"),
    ],
)
EVENTS = source(
    "events",
    [
        ("e1", "u1", "p1", "order", days_ago(8), "o1", 1),
        ("e1", "u1", "p1", "order", days_ago(8), "o1", 1),
        ("e1", "u1", "p1", "order", days_ago(7), "o1", 2),
        ("e2", "u1", "p2", "view", days_ago(7), None, None),
        ("e3", "u1", "p2", "cart", AS_OF, None, None),
        ("e4", "u1", "p2", "cart", START, None, None),
        ("e5", "u1", "p2", "cart", START - dt.timedelta(microseconds=1), None, None),
        ("e6", "u1", "p2", "cart", NOW + dt.timedelta(microseconds=1), None, None),
        ("e7", "u1", "p2", "cart", dt.datetime(1999, 12, 31, 23, 59, 59, tzinfo=dt.UTC), None, None),
        ("e8", "u1", "p2", "return", days_ago(1), None, None),
        ("e9", "u1", "p2", None, days_ago(1), None, None),
        ("e10", "u9", "p2", "view", days_ago(1), None, None),
        ("e11", "u1", "p99", "view", days_ago(1), None, None),
        ("e12", None, "p1", "view", days_ago(1), None, None),
        ("e13", "u1", " ", "view", days_ago(1), None, None),
        (None, "u1", "p1", "view", days_ago(1), None, None),
        (None, "u1", "p1", "view", days_ago(1), None, None),
        ("e14", "u1", "p1", "view", None, None, None),
        ("e15", "u6", "p1", "view", days_ago(1), None, None),
        ("e16", "u1", "p10", "view", days_ago(1), None, None),
        ("e17", "u6", "p99", "view", days_ago(1), None, None),
        ("e18", "u7", "p10", "view", days_ago(1), None, None),
        ("e\0", "u1", "p1", "view", days_ago(1), None, None),
        *((f"b{n}", "u2", "p1", "view", days_ago(n / 10), None, None) for n in range(1, 5)),
    ],
)
EMAIL_EVENTS = source(
    "email_events",
    [
        ("u1", "s1", "sent", days_ago(2), None),
        ("u1", "s1", "sent", days_ago(2), None),
        ("u1", "s1", "clicked", days_ago(1), "p1"),
        ("u1", "s1", "bounced", days_ago(1), None),
        ("u1", None, "opened", days_ago(1), None),
        ("", "s1", "opened", days_ago(1), None),
        ("u1", "s2", "opened", None, None),
        ("u1", "s3", "opened", AS_OF, None),
        ("u1", "s4", "opened", NOW + dt.timedelta(days=1), None),
        ("u1", "s5", "opened", dt.datetime(1990, 1, 1, tzinfo=dt.UTC), None),
    ],
)

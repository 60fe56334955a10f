"""What counts as a click, and how people's mail adds up to an arm."""

from collections import Counter

from recs_assets_tests.sql.engines import faults, on_duckdb
from recs_assets_tests.sql.mails import EVENTS, MAIL_PARAMETERS, MAIL_TABLES, mail
from recs_assets_tests.sql.rows import NOW, WEEK_START, days_ago, source, table
from recs_assets_tests.sql.shop import TABLES

FOUND = {
    "s1": [  # all is well: a mail that says what it held, and one that does not
        ("u1", "s1", "sent", days_ago(6), "p1"),
        ("u1", "s1", "sent", days_ago(6), "p2"),
        ("u1", "s1", "Delivered ", days_ago(5.9), None),
        ("u1", "s1", "clicked", days_ago(5), "p2"),
        ("u1", "s0", "sent", days_ago(6), None),
        ("u1", "s0", "delivered", days_ago(6), None),
        ("u1", "s0", "clicked", days_ago(5), "p9"),
    ],
    "exact duplicate": [("u1", "s1", "sent", days_ago(6), "p1")],
    "click on a part that was not in the mail": [("u1", "s1", "clicked", days_ago(5), "p3")],
    "event before its send": [("u1", "s1", "opened", days_ago(7), None)],
    "opened or clicked without delivered": [("u2", "s1", kind, days_ago(5), None) for kind in ("opened", "clicked")],
    "unknown user_id": [("u99", "s1", "sent", days_ago(6), None)],
    "event in the future": [("u1", "s1", "opened", NOW.replace(year=2099), None)],
    "outside window": [("u1", "s1", "opened", NOW, None)],
    "empty event_ts": [("u1", "s1", "opened", None, None)],
    "unknown event_type": [("u1", "s1", "bounced", days_ago(5), None)],
    "empty send_id": [("u1", None, "sent", days_ago(6), None)],
}
TIMES = {name: MAIL_PARAMETERS[name] for name in ("pre_start", "end", "min_click_seconds")}


def test_every_fault_of_the_log_is_named() -> None:
    rows = faults("email_events", source("email_events", [row for rows in FOUND.values() for row in rows]))
    counted = Counter(row["fault"] or "s1" for row in rows)
    assert counted == {name: len(wrong) for name, wrong in FOUND.items()}
    assert {row["event_type"] for row in rows if row["fault"] is None} == {"sent", "delivered", "clicked"}


def test_a_person_clicks_after_opening_and_not_at_once() -> None:
    rows = on_duckdb("ab_mails", {"mail_events": MAIL_TABLES["mail_events"]}, TIMES)
    clicked = {(row["user_id"], row["send_id"]) for row in rows if row["is_clicked"]}
    by_person = {(row["user_id"], row["send_id"]) for row in rows if row["is_clicked_by_person"]}
    assert by_person == {("u1", "s1"), ("u1", "s2"), ("u3", "s3"), ("u4", "s2")}
    assert clicked - by_person == {("u2", "s2"), ("u3", "s2"), ("u4", "s3")}


def test_a_person_adds_up_over_the_mails_of_the_experiment() -> None:
    tables = {name: MAIL_TABLES[name] for name in ("ab_mails", "rollout_assignment")}
    tables["interaction_edges"] = TABLES["interaction_edges"]
    asked = {"experiment": "e/50%", "start": WEEK_START, "end": MAIL_PARAMETERS["end"]}
    rows = {row["user_id"]: row for row in on_duckdb("ab_users", tables, asked)}
    assert sorted(rows) == ["u1", "u2", "u3", "u4", "u5"]
    first = rows["u1"]
    assert (first["n_sent"], first["delivered"], first["clicks"], first["unsubscribed"], first["clicks_before"]) == (
        1,
        1,
        1,
        1,
        1,
    )
    assert (rows["u2"]["clicks"], rows["u2"]["all_clicks"], rows["u2"]["complained"]) == (0, 1, 1)
    assert (rows["u3"]["n_sent"], rows["u3"]["delivered"], rows["u3"]["clicks"]) == (1, 0, 0)
    assert rows["u5"]["n_sent"] == 0


def test_an_order_is_mailed_for_seven_days_after_a_mail_that_held_the_part() -> None:
    sent = [
        ("u1", "s0", "sent", days_ago(20), "p9"),  # the first mail: from day 13 on it is known what was mailed before an order
        *mail("u1", "s1", days_ago(10), ("opened", 60), ("clicked", 90)),  # p1 and p2; the click names no part
        ("u1", "s1", "clicked", days_ago(9), "p2"),
        ("u2", "s1", "sent", days_ago(10), None),
        ("u2", "s1", "clicked", days_ago(9), "p2"),  # never opened
    ]
    orders = {
        ("u1", "p1", 13 + 1e-5): None,  # what was mailed the week before nobody knows
        ("u1", "p1", 13): "organic",
        ("u1", "p1", 10): "mailed",  # the very moment
        ("u1", "p2", 3 + 1e-5): "mailed",
        ("u1", "p2", 3): "organic",  # seven days later
        ("u1", "p3", 9): "organic",  # another part
        ("u2", "p1", 9): "organic",  # another person's mail
        ("u1", "p1", 0): None,  # after the end
    }
    tables = {
        "mail_events": table(EVENTS, sent),
        "interaction_edges": table(
            {"user_id": "STRING", "product_id": "STRING", "event_type": "STRING", "event_ts": "TIMESTAMP"},
            [(user, part, kind, days_ago(age)) for user, part, age in orders for kind in ("order", "view")],
        ),
    }
    rows = on_duckdb("mail_relevance", tables, TIMES)
    events = Counter((row["relevance"], row["user_id"], row["product_id"], row["event_ts"]) for row in rows)
    expected = [(said, user, part, days_ago(age)) for (user, part, age), said in orders.items() if said]
    assert events == Counter([*expected, ("click", "u1", "p2", days_ago(9))])


def test_sums_by_hand() -> None:
    rows = {(row["metric"], row["arm"]): row for row in on_duckdb("ab_sums", {"ab_users": MAIL_TABLES["ab_users"]}, {})}
    assert rows["clicks", "control"] == {
        "metric": "clicks", "arm": "control", "n_mailed": 1,
        "n": 2.0, "y": 1.0, "x": 2.0, "yy": 1.0, "xx": 4.0, "yx": 2.0, "p": 2.0, "pp": 4.0, "py": 2.0, "px": 4.0,
    }  # fmt: skip
    assert rows["orders", "control"]["x"] == 2.0  # per person, mailed or not
    assert rows["mails", "treated"]["y"] == 1.0


def test_who_is_not_where_salt_and_share_say_is_counted() -> None:
    asked = {name: MAIL_PARAMETERS[name] for name in ("experiment", "salt", "treated_buckets")}
    (row,) = on_duckdb("ab_health", {"rollout_assignment": MAIL_TABLES["rollout_assignment"]}, asked)
    # u2 in the wrong arm, u4 in the wrong bucket; u5, in both, counts by the first of its arms, which is right.
    assert row == {"n_control": 3, "n_treated": 2, "n_in_two_arms": 1, "n_misplaced": 2}

"""Small queries on the hand-made shop, with what must come out written down."""

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from recs_assets.contract import SOURCE_TABLES
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb, parameters_of, tables_for

DAY = dt.timedelta(days=1)


def rows(query: str, **changed: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in on_duckdb(query, tables_for(query), parameters_of(query) | changed)]


def test_co_purchases_are_counted_in_the_week_of_the_later_one() -> None:
    before, running = dt.date(2026, 2, 16), dt.date(2026, 2, 23)
    # p1 and p4: u1 a day apart on Sunday 22 and Monday 23, u2 thirty days apart, u4 a day apart.
    everything = {"max_parts_per_user": 100, "min_users": 1}
    tables = {"interaction_edges": shop.INTERACTION_EDGES.slice(0, 9)}
    found = on_duckdb("co_purchase_edges", tables, parameters_of("co_purchase_edges") | everything)
    assert [tuple(row.values()) for row in found] == [("p1", "p4", running, 3, None)]
    found = on_duckdb("co_purchase_edges", tables, parameters_of("co_purchase_edges") | everything | {"window_days": 29})
    assert [tuple(row.values()) for row in found] == [("p1", "p4", running, 2, None)]
    assert rows("co_purchase_edges", max_parts_per_user=100, min_users=4) == []
    assert before < shop.days_ago(8).date() < running


def test_what_is_bought_later_takes_no_pair_back() -> None:
    # One person buys p1 to p6, a day apart; each pairs with the two before it, however many come after.
    def pairs(n_bought: int) -> set[tuple[str, str]]:
        bought = [(f"e{n}", "u1", f"p{n}", "order", shop.days_ago(9 - n), None, None) for n in range(1, n_bought + 1)]
        tables = {"interaction_edges": shop.edges(bought)}
        pairs = on_duckdb("co_purchase_edges", tables, {"window_days": 30, "max_parts_per_user": 3, "min_users": 1})
        return {(row["product_id_a"], row["product_id_b"]) for row in pairs}

    assert pairs(3) == {("p1", "p2"), ("p1", "p3"), ("p2", "p3")}
    assert pairs(6) - pairs(5) == {("p4", "p6"), ("p5", "p6")}
    assert all(pairs(n) < pairs(n + 1) for n in range(1, 6))


@pytest.mark.parametrize("name", SOURCE_TABLES)
def test_the_profile_of_a_table_counts_the_blanks_of_every_column(name: str) -> None:
    (profile,) = on_duckdb(
        f"source_profile_{name}", tables_for(f"source_profile_{name}"), parameters_of(f"source_profile_{name}")
    )
    counted = {column for column in profile if column.startswith("n_null_")}
    assert counted == {f"n_null_{column.name}" for column in SOURCE_TABLES[name].columns}


def test_orders_that_are_no_evidence_are_kept_apart() -> None:
    kinds = {**dict.fromkeys(("user_id", "product_id", "event_type", "fault"), "STRING"), "event_ts": "TIMESTAMP"}
    kinds |= {"quantity": "INT64", "is_repetition": "BOOL", "returned_at": "TIMESTAMP"}
    old, bot = "outside window", "bot: over 3 events in a week"
    orders = [
        ("u1", "p1", "order", None, shop.days_ago(3), None, False, None),  # an edge
        ("u1", "p2", "order", old, shop.days_ago(400), 1, False, None),
        ("u1", "p2", "order", old, shop.days_ago(399), 1, True, None),
        ("u1", "p4", "view", old, shop.days_ago(400), None, False, None),
        ("u1", "p3", "order", "quantity is 0", shop.days_ago(9), 0, False, None),
        ("u1", "p3", "order", old, shop.days_ago(400), -1, False, None),
        ("u2", "p1", "order", bot, shop.days_ago(1), None, False, None),
        ("u2", "p2", "order", old, shop.days_ago(730), 1, False, shop.days_ago(5)),
        ("u2", "p3", "order", old, shop.days_ago(731), 1, False, None),
        ("u2", "p4", "order", old, shop.AS_OF, 1, False, None),
        ("u9", "p1", "order", "unknown user_id", shop.days_ago(1), 1, False, None),
    ]
    tables = tables_for("other_orders") | {"classified": shop.table(kinds, orders)}
    orders_before = on_duckdb("other_orders", tables, parameters_of("other_orders"))
    assert [tuple(row.values()) for row in orders_before] == [
        ("u1", "p2", shop.days_ago(400), None),
        ("u2", "p1", shop.days_ago(1), None),
        ("u2", "p2", shop.days_ago(730), shop.days_ago(5)),
    ]


def test_profiles_are_histories_or_garages() -> None:
    profiles = {user: values for user, *values in rows("user_profiles")}
    assert profiles["u1"] == ["user:u1", "hot", 2, 2]
    assert profiles["u4"] == ["user:u4", "hot", 4, 1]  # the order at AS_OF is not known yet
    assert profiles["u3"] == [
        "user:u3",
        "cold",
        0,
        0,
    ]  # nor is the vehicle added at AS_OF; an old order asks for a list of u3's own
    assert profiles["u5"][1:] == ["cold", 0, 1]
    assert profiles["u5"][0].startswith("garage:")


def test_the_mail_of_an_address_is_that_of_the_account_that_is_used() -> None:
    query = "final_vehicle_recommendations"
    ann, bob = sorted(on_duckdb(query, tables_for(query), parameters_of(query)), key=lambda row: str(row["email_lower"]))
    assert ann == {
        "email_lower": "ann@example.com",
        "v1_year": 1970,  # v2 is in the first slot
        "v1_make": "Chevrolet",
        "v1_model": "Camaro",
        "rec_part_1": "p1",
        "rec1_price": 100.0,
        "rec1_score": 0.5,
        "rec1_image": "https://x/1.png",
        "rec1_type": "fitment",
        "rec1_pop_source": "gnn",
        "rec_part_2": "p3",
        "rec2_price": 49.99,
        "rec2_score": ann["rec2_score"],  # NaN in the staged rows
        "rec2_image": "http://x/3.png",
        "rec2_type": "universal",
        "rec2_pop_source": "gnn",
        "generated_at": shop.NOW,
        "pipeline_version": "1",
    }
    assert bob["rec_part_1"] == "p6"  # u2 and u5 are alike: the smaller id


@pytest.mark.parametrize(
    ("profiles", "listed", "chosen"),
    [
        ({"a": (0, 0), "b": (0, 0)}, "ab", "a"),  # the smaller id
        ({"a": (0, 0), "b": (0, 1)}, "ab", "b"),  # a vehicle
        ({"a": (0, 1), "b": (1, 0)}, "ab", "b"),  # a history before a vehicle
        ({"a": (1, 1), "b": (0, 0)}, "b", "b"),  # a list before everything
        ({"a": (1, 1), "b": (9, 9)}, "ab", "a"),  # both are used
    ],
)
def test_of_several_accounts_one_with_a_list_is_mailed(profiles: dict[str, tuple[int, int]], listed: str, chosen: str) -> None:
    query = "final_vehicle_recommendations"
    parts = {"a": "p1", "b": "p6"}
    counts = {name: shop.USER_PROFILES.schema.field(name).type for name in shop.USER_PROFILES.column_names}
    rows = [(user, f"user:{user}", "any", *numbers) for user, numbers in profiles.items()]
    tables = tables_for(query) | {
        "mail_addresses": shop.table(ADDRESS, [(user, "ann@example.com") for user in profiles]),
        "user_profiles": pa.Table.from_pylist([dict(zip(counts, row, strict=True)) for row in rows], pa.schema(counts.items())),
        "staged": shop.staged([(user, 1, parts[user], 0.5) for user in listed]),
    }
    (mail,) = on_duckdb(query, tables, parameters_of(query))
    assert mail["rec_part_1"] == parts[chosen]


ADDRESS = {"user_id": "STRING", "email_lower": "STRING"}
SAME, OLDER, LATER = shop.days_ago(9), shop.days_ago(99), shop.NOW - dt.timedelta(hours=1)
# Rows of users, and who is mailed where while the setting says hold, and while it says send.
Mailed = dict[str, str]
CONSENTS: dict[str, tuple[list[tuple[Any, ...]], Mailed, Mailed]] = {
    "one row": ([("a", "Ann@X.com", None, True)], {"a": "ann@x.com"}, {"a": "ann@x.com"}),
    "no": ([("a", "ann@x.com", None, False)], {}, {}),
    "never asked": ([("a", "ann@x.com", None, None)], {}, {"a": "ann@x.com"}),
    "yes and no at one moment": ([("a", "ann@x.com", SAME, True), ("a", "ann@x.com", SAME, False)], {}, {}),
    "yes and no without a moment": ([("a", "ann@x.com", None, True), ("a", "ann@x.com", None, False)], {}, {}),
    "no before a yes": ([("a", "ann@x.com", OLDER, False), ("a", "ann@x.com", SAME, True)], {}, {}),
    "no after the week": ([("a", "ann@x.com", SAME, True), ("a", "ann@x.com", LATER, False)], {}, {}),
    "no in the future": ([("a", "ann@x.com", SAME, True), ("a", "ann@x.com", shop.NOW + 9 * DAY, False)], {}, {}),
    "no after the week on another account": ([("a", "ann@x.com", SAME, True), ("b", "ann@x.com", LATER, False)], {}, {}),
    "no in another case, padded": ([("a", "ann@x.com", None, True), ("b", " ANN@x.com\t\n", None, False)], {}, {}),
    "no without a user": ([("a", "ann@x.com", None, True), (None, "ann@x.com\u00a0", None, False)], {}, {}),
    "no under an earlier address": (
        [("a", "old@x.com", OLDER, False), ("a", "new@x.com", SAME, True), ("b", "new@x.com", SAME, True)],
        {},
        {},
    ),
    "a no says nothing of others": (
        [("a", "ann@x.com", None, True), ("b", "bob@x.com", None, False)],
        {"a": "ann@x.com"},
        {"a": "ann@x.com"},
    ),
    "padded": (
        [("a", " ann@x.com", None, True), ("b", "\ufeffann@x.com\r\n", None, None)],
        {"a": "ann@x.com", "b": "ann@x.com"},
        {"a": "ann@x.com", "b": "ann@x.com"},
    ),
    "the newest address": (
        [("a", "old@x.com", OLDER, True), ("a", "new@x.com", LATER, True), ("a", "far@x.com", shop.NOW + DAY, True)],
        {"a": "new@x.com"},
        {"a": "new@x.com"},
    ),
    "an address taken away": ([("a", "old@x.com", OLDER, True), ("a", None, SAME, True)], {}, {}),
    "one address of one moment twice": (
        [("a", "ann@x.com", SAME, True), ("a", " Ann@x.com", SAME, None)],
        {"a": "ann@x.com"},
        {"a": "ann@x.com"},
    ),
    "an accent in two forms": (
        [("a", "jose\u0301@x.com", None, True), ("b", "jos\u00e9@x.com", None, None)],
        {"a": "jos\u00e9@x.com", "b": "jos\u00e9@x.com"},
        {"a": "jos\u00e9@x.com", "b": "jos\u00e9@x.com"},
    ),
    "a no in another form": ([("a", "jose\u0301@x.com", None, True), ("b", "jos\u00e9@x.com", None, False)], {}, {}),
    "a plus makes another address": (
        [("a", "ann+x@x.com", None, True), ("b", "ann@x.com", None, False)],
        {"a": "ann+x@x.com"},
        {"a": "ann+x@x.com"},
    ),
    "no address": ([("a", "", None, True), ("b", " \t", None, True), ("c", None, None, True)], {}, {}),
    "agreed under another address": (
        [("a", "old@x.com", OLDER, True), ("a", "new@x.com", SAME, None)],
        {},
        {"a": "new@x.com"},
    ),
}


@pytest.mark.parametrize("case", CONSENTS)
def test_consent_wins(case: str) -> None:
    users, held, sent = CONSENTS[case]
    tables = {"users": shop.source("users", users)}
    for setting, expected in (("hold", held), ("send", sent)):
        asked = {"now": shop.NOW, **shop.MAIL.parameters, "without_consent_flag": setting}
        addressed = on_duckdb("mail_addresses", tables, asked)
        assert {row["user_id"]: row["email_lower"] for row in addressed} == expected, setting
        # The audit, written down apart, agrees about these addresses and finds fault with any other.
        addresses = sorted({str(user[1]).strip("\ufeff \t\r\n\u00a0").lower() for user in users if user[1]} - {""})
        refused = [address for address in addresses if audited(tables, [address], setting) != [0] * 6]
        assert set(expected.values()).isdisjoint(refused)
        # Of a person's addresses the newest is mailed, the audit sees no wrong in an older one.
        assert set(addresses) - set(refused) - {"old@x.com", "far@x.com"} == set(expected.values())


@pytest.mark.parametrize("moment", [None, SAME])
@pytest.mark.parametrize("other", ["new@x.com", "-", None])
def test_of_two_addresses_of_one_moment_neither_is_mailed(moment: dt.datetime | None, other: str | None) -> None:
    users = shop.source("users", [("a", "old@x.com", moment, True), ("a", other, moment, True), ("b", "bob@x.com", moment, True)])
    found = on_duckdb("mail_addresses", {"users": users}, {"now": shop.NOW, **shop.MAIL.parameters})
    assert [row["user_id"] for row in found] == ["b"]


PLACEHOLDERS = [
    "n/a",
    "none",
    "null",
    "-",
    "unknown",
    "noemail",
    "nan",
    "TEST",
    "a@b@c.com",
    "ann@x",
    "@x.com",
    "ann smith@x.com",
]
PLACEHOLDERS += ["noemail@x.com", "No-Mail@x.com", "no-reply@x.com", "noreply@x.com", "none@none.com", "test@test.com"]


def test_a_placeholder_is_no_address_and_is_counted() -> None:
    real = ["ann@x.com", "nan@smith.org", "test.driver@x.com", "o'neil+parts@mail.x.co.uk"]
    users = [(f"u{n:02}", address, None, True) for n, address in enumerate([*real, *PLACEHOLDERS])]
    tables = {"users": shop.source("users", users)}
    found = on_duckdb("mail_addresses", tables, {"now": shop.NOW, **shop.MAIL.parameters})
    assert sorted(str(row["email_lower"]) for row in found) == sorted(real)
    mail = shop.table(shop.wide_columns(1), [(address, None, None, None, *shop.MAIL_SLOT, shop.NOW, "1") for address in real])
    (audit,) = on_duckdb("mail_audit", tables | {"mail": mail}, shop.MAIL.parameters)
    assert (audit["n_placeholders"], audit["mailed_to_placeholder"]) == (len(PLACEHOLDERS), 0)


def audited(tables: dict[str, Any], mailed: list[str | None], setting: str = "hold") -> list[int]:
    rows = [(address, None, None, None, *shop.MAIL_SLOT, shop.NOW, "1") for address in mailed]
    mail = {"mail": shop.table(shop.wide_columns(1), rows)}
    (counts,) = on_duckdb("mail_audit", tables | mail, shop.MAIL.parameters | {"without_consent_flag": setting})
    assert (counts.pop("n_mailed"), counts.pop("n_placeholders")) == (len(mailed), 0)
    return [int(count) for count in counts.values()]


@pytest.mark.parametrize(
    ("mailed", "breaches"),
    [
        (["ann@x.com", "bob@x.com"], [0, 0, 0, 0, 0, 0]),
        (["eve@x.com"], [1, 0, 0, 0, 0, 0]),
        (["una@x.com"], [0, 1, 0, 0, 0, 0]),
        (["ann@x.com", "ann@x.com"], [0, 0, 1, 0, 0, 0]),
        (["ann@x.com", " ann@x.com"], [0, 0, 1, 0, 1, 0]),
        (["nobody@x.com", None, ""], [0, 0, 0, 3, 0, 1]),
        (["noemail@x.com"], [0, 0, 0, 1, 0, 1]),
        (["ann@x"], [0, 0, 0, 1, 0, 1]),
        (["Eve@x.com"], [1, 0, 0, 0, 1, 0]),
    ],
)
def test_the_audit_of_the_mail_looks_at_those_who_receive_it(mailed: list[str | None], breaches: list[int]) -> None:
    users = [("a", "ann@x.com", None, True), ("b", "BOB@x.com ", None, True), ("e", "eve@x.com", None, True)]
    users += [("f", "eve@X.com", LATER, False), ("u", "una@x.com", None, None)]
    counts = audited({"users": shop.source("users", users)}, mailed)
    assert counts == breaches


def test_whom_a_mail_reaches_and_why_not_the_others() -> None:
    users = [("u1", "ann@x.com", None, True), ("u2", " Ann@x.com", None, None)]  # one address: both are reached
    users += [
        ("u3", "old@x.com", OLDER, None),
        ("u3", "", LATER, None),
        ("u4", "n/a", None, True),
        ("u5", "eve@x.com", None, None),
    ]
    users += [("u6", "eve@x.com", None, False), ("u7", "una@x.com", None, None)]
    people = [(f"u{n}", rank, f"p{rank}", 0.5) for n in range(1, 9) for rank in (1, 2)]  # u8 has no account
    tables = {
        "users": shop.source("users", users),
        "staged": shop.staged(people),
        "mail": shop.table(shop.wide_columns(1), [("ann@x.com", None, None, None, *shop.MAIL_SLOT, shop.NOW, "1")]),
    }
    (reach,) = on_duckdb("mail_reach", tables, {"placeholders": shop.MAIL.parameters["placeholders"]})
    assert reach == {"n_listed": 8, "n_reached": 2, "n_without_address": 2, "n_refusing": 2, "n_never_asked": 2}


def test_a_pair_lasts_until_one_of_it_is_returned_and_the_next_purchase_counts_from_then_on() -> None:
    # u1 buys p1 and p4, returns p1, had bought another p1 by then; u2 returns p4 after a week.
    bought = [
        ("a", "u1", "p1", "order", shop.days_ago(40), None, 1, shop.days_ago(10)),
        ("b", "u1", "p4", "order", shop.days_ago(39), None, 1),
        ("c", "u1", "p1", "order", shop.days_ago(38), None, 1),
        ("d", "u2", "p1", "order", shop.days_ago(40), None, 1),
        ("e", "u2", "p4", "order", shop.days_ago(40), None, 1, shop.days_ago(33)),
        ("f", "u3", "p1", "order", shop.days_ago(40), None, 1, shop.days_ago(41)),
        ("g", "u3", "p4", "order", shop.days_ago(40), None, 1),
    ]
    pairs = on_duckdb(
        "co_purchase_edges",
        {"interaction_edges": shop.edges(bought)},
        {"window_days": 30, "max_parts_per_user": 9, "min_users": 1},
    )
    first, second = dt.date(2026, 1, 19), dt.date(2026, 2, 16)
    assert [tuple(row.values()) for row in pairs] == [
        ("p1", "p4", first, 1, shop.days_ago(33)),
        ("p1", "p4", first, 1, shop.days_ago(10)),
        ("p1", "p4", second, 1, None),
    ]


def test_an_account_of_many_people_has_no_profile() -> None:
    query = "shared_accounts"
    nodes = shop.table({"user_id": "STRING"}, [("GUEST ",), ("u1",), ("u2",), ("u3",)])
    classified = shop.table(
        {"user_id": "STRING", "fault": "STRING"}, [("u2", "account shared by many"), ("u3", None), ("u1", "bot")]
    )
    found = on_duckdb(query, {"user_nodes": nodes, "classified": classified}, parameters_of(query))
    assert [row["user_id"] for row in found] == ["GUEST ", "u2"]
    shared = shop.table({"user_id": "STRING"}, [("u1",)])
    people = on_duckdb("user_profiles", tables_for("user_profiles") | {"shared_accounts": shared}, {"as_of": shop.AS_OF})
    assert [row["user_id"] for row in people] == ["u2", "u3", "u4", "u5"]

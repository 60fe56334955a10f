"""Who is mailed, at which address, and what the audit of the mail sees."""

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb, parameters_of, tables_for
from recs_assets_tests.sql.parameters import MAIL

DAY = dt.timedelta(days=1)


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
        "rec1_reason": None,
        "rec1_title": None,
        "rec1_link": "https://x/p1",
        "rec2_reason": None,
        "rec2_title": " ",
        "rec2_link": None,
        "user_id": "u1",
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
        asked = {"now": shop.NOW, **MAIL.parameters, "without_consent_flag": setting}
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
    mailed = on_duckdb("mail_addresses", {"users": users}, {"now": shop.NOW, **MAIL.parameters})
    assert [row["user_id"] for row in mailed] == ["b"]


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
PLACEHOLDERS += ["no_email@x.com", "no.email2@x.com", "noreply+7@x.com", "do.not.mail@x.com", "na@na.com"]


def test_a_placeholder_is_no_address_and_is_counted() -> None:
    real = ["ann@x.com", "nan@smith.org", "test.driver@x.com", "noemi@mail.com", "o'neil+parts@mail.x.co.uk"]
    users = [(f"u{n:02}", address, None, True) for n, address in enumerate([*real, *PLACEHOLDERS])]
    tables = {"users": shop.source("users", users)}
    mailed = on_duckdb("mail_addresses", tables, {"now": shop.NOW, **MAIL.parameters})
    assert sorted(str(row["email_lower"]) for row in mailed) == sorted(real)
    mail = shop.table(shop.wide_columns(1), [(address, None, None, None, *shop.MAIL_SLOT, shop.NOW, "1") for address in real])
    (audit,) = on_duckdb("mail_audit", tables | {"mail": mail}, MAIL.parameters)
    assert (audit["n_placeholders"], audit["mailed_to_placeholder"]) == (len(PLACEHOLDERS), 0)


def audited(tables: dict[str, Any], mailed: list[str | None], setting: str = "hold") -> list[int]:
    rows = [(address, None, None, None, *shop.MAIL_SLOT, shop.NOW, "1") for address in mailed]
    mail = {"mail": shop.table(shop.wide_columns(1), rows)}
    (counts,) = on_duckdb("mail_audit", tables | mail, MAIL.parameters | {"without_consent_flag": setting})
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
    (reach,) = on_duckdb("mail_reach", tables, {"placeholders": MAIL.parameters["placeholders"]})
    assert reach == {"n_listed": 8, "n_reached": 2, "n_without_address": 2, "n_refusing": 2, "n_never_asked": 2}

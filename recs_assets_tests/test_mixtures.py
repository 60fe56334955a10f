"""Small worlds with any mixture of faults in all tables at once: every row is accounted for, and the limit is the limit."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recs_assets.breaches import ContractError
from recs_assets.gates.faults import refuse_too_many_faults
from recs_assets.gates.source import RowCounts, row_counts
from recs_assets_tests.sql.engines import on_duckdb
from recs_assets_tests.sql.rows import AS_OF, NOW, START, days_ago, source

FUTURE, BEFORE_2000 = NOW + dt.timedelta(days=400), dt.datetime(1999, 12, 31, tzinfo=dt.UTC)
LATER = AS_OF + dt.timedelta(hours=1)
LAST_YEAR, YESTERDAY = days_ago(500), days_ago(1)
DUPLICATE, OUTSIDE = "exact duplicate", "outside window"
PRICE, NO_PRICE = "price is not a positive finite number", "no price"

# Rows to add to a healthy table, and how many of them get which fault; the others are accepted.
Case = tuple[list[tuple[Any, ...]], dict[str, int]]


def user(n: str, created_at: dt.datetime | None = LAST_YEAR, email: str = "") -> tuple[Any, ...]:
    return (n, email, created_at, True)


def part(n: str, price: float | None = 75.0, created_at: dt.datetime | None = LAST_YEAR) -> tuple[Any, ...]:
    return (n, "Tools", price, None, None, None, None, False, True, created_at)


def event(
    n: str | None, user_id: str | None = "u", part_id: str | None = "p", kind: str | None = "view", at: Any = YESTERDAY
) -> tuple[Any, ...]:
    # Nobody does the same twice in a second.
    apart = dt.timedelta(seconds=1 + int("".join(filter(str.isdigit, n or "")) or -1))
    return (n, user_id, part_id, kind, at + apart if at in (YESTERDAY, START) else at, None, None)


def cases(table: str, n: str) -> dict[str, Case]:
    """By name; the keys of the rows begin with ``n``."""
    return {
        "users": {
            "fine": ([user(n)], {}),
            "odd": ([user(f"{n}'\"\n🚗; DROP TABLE users; --")], {}),
            "copies": ([user(n)] * 3, {DUPLICATE: 2}),
            "versions": ([user(n), user(n, days_ago(9)), user(n, None)], {"older row of the same user_id": 2}),
            "empty": ([user(" ", email=n)], {"empty user_id": 1}),
            "nul": ([user(f"{n}\0")], {"NUL character in user_id": 1}),
            "future": ([user(n, FUTURE)], {"created_at in the future": 1}),
            "later": ([user(n, LATER)], {OUTSIDE: 1}),
        },
        "vehicles": {
            "fine": ([(n, 1969, "Ford", f"T {n}", None)], {}),
            "years": ([(n, 0, "Ford", f"T {n}", None), (f"{n}b", 9999, None, None, None)], {}),
            "copies": ([(n, 1969, "Ford", f"T {n}", None)] * 2, {DUPLICATE: 1}),
            "another id": ([(n + x, 1969, "Ford", f"T {n}", None) for x in "abc"], {"another id of the same vehicle": 2}),
            "versions": ([(n, year, "Ford", f"T {n}", None) for year in (1, 2, 3)], {"tied row of the same vehicle_id": 2}),
            "empty": ([("", 1, n, None, None)], {"empty vehicle_id": 1}),
        },
        "products": {
            "fine": ([part(n)], {}),
            "copies": ([part(n)] * 2, {DUPLICATE: 1}),
            "prices": ([part(n + str(x), x) for x in (-1.0, 1e308, *map(float, ("nan", "inf", "-inf")))], {PRICE: 5}),
            "no prices": ([part(n + str(x), x) for x in (None, 0.0)], {NO_PRICE: 2}),
            "faulty copies": ([part(n, float("nan"))] * 2, {DUPLICATE: 1, PRICE: 1}),
            "versions": ([part(n, 1.0, days_ago(3)), part(n, 2.0, days_ago(2))], {"older row of the same product_id": 1}),
            "faulty version": ([part(n), part(n, 0.0, days_ago(2))], {NO_PRICE: 1}),
            "empty": ([part("", price=1.0 + int(n[1:] or 0))], {"empty product_id": 1}),
            "later": ([part(n, created_at=LATER)], {OUTSIDE: 1}),
        },
        "fitment": {
            "copies": ([(f"p{n}", "v")] * 2, {"part not sold": 1, DUPLICATE: 1}),
            "part": ([(n, "v")], {"part not sold": 1}),
            "vehicle": ([("p", n)], {"unknown vehicle_id": 1}),
            "empty": ([(n, "")], {"empty vehicle_id": 1}),
            "later": ([("later part", f"v{n}"), ("later part", n)], {"unknown vehicle_id": 2}),
        },
        "ownership": {
            "user": ([(n, "v", 1, None)], {"unknown user_id": 1}),
            "vehicle": ([("u", n, 1, None)], {"unknown vehicle_id": 1}),
            "future": ([("u", n, 1, FUTURE)], {"added_at in the future": 1}),
            "later": ([("u", n, 1, LATER)], {OUTSIDE: 1}),
            "copies": ([(n, "", 1, None)] * 3, {"empty vehicle_id": 1, DUPLICATE: 2}),
        },
        "events": _event_cases(n),
    }[table]  # fmt: skip


def _event_cases(n: str) -> dict[str, Case]:
    return {
        "fine": ([event(n)], {}),
        "copies": ([event(n)] * 2, {DUPLICATE: 1}),
        "repeated": ([event(n), event(n, kind="order", at=days_ago(0.5))], {"event_id of another event": 1}),
        "user": ([event(n, "nobody")], {"unknown user_id": 1}),
        "part": ([event(n, part_id="nothing")], {"part not sold": 1}),
        "later user": ([event(n, "later user")], {OUTSIDE: 1}),
        "later part": ([event(n, part_id="later part")], {OUTSIDE: 1}),
        "kinds": ([event(n, kind="return"), event(f"{n}b", kind=None)], {"unknown event_type": 2}),
        "times": ([event(n, at=FUTURE), event(f"{n}b", at=BEFORE_2000)], {"event in the future": 1}),
        "borders": ([event(n, at=START), event(f"{n}b", at=AS_OF)], {OUTSIDE: 1}),
        "timeless": ([event(n, at=None)], {"empty event_ts": 1}),
        "empty": ([event(n, ""), event(f"{n}b", part_id=None)], {"no user": 1, "empty product_id": 1}),
    }


HEALTHY: dict[str, list[tuple[Any, ...]]] = {
    "users": [user("u"), user("later user", LATER)],
    "vehicles": [("v", 1969, "Ford", "T", None)],
    "products": [part("p"), part("later part", created_at=LATER)],
    "fitment": [("p", "v"), ("later part", "v")],
    "ownership": [("u", "v", 1, None), ("later user", "v", 1, None)],
    "events": [event("e")],
}
ALWAYS_OUTSIDE = {"users": 1, "products": 1, "fitment": 1, "ownership": 1}
NODES = {
    "user_nodes": pa.table({"user_id": ["u"]}),
    "product_nodes": pa.table({"product_id": ["p"]}),
    "vehicle_ids": pa.table({"vehicle_id": ["v"], "node_id": ["v"]}),
}
PARAMETERS: dict[str, Any] = {
    "now": NOW,
    "as_of": AS_OF,
    "start": START,
    "orders_start": START,
    "max_events_per_user_week": 10_000,
}
PARAMETERS |= {"shared_user_ids": ["guest"], "max_account_orders_share": 0.05, "max_account_parts": 100}
LOOKING_BACK = {"now", "as_of", "start"}
NEEDS = {"vehicles": set(), "users": LOOKING_BACK, "products": LOOKING_BACK, "events": set(PARAMETERS)}


@pytest.mark.parametrize("table", HEALTHY)
@settings(max_examples=12, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_mixed_every_row_is_accounted_for_and_the_limit_holds(table: str, data: st.DataObject) -> None:
    names: Sequence[str] = data.draw(st.lists(st.sampled_from(sorted(cases(table, "")))))
    rows, expected = list(HEALTHY[table]), Counter({OUTSIDE: ALWAYS_OUTSIDE.get(table, 0)})
    for number, name in enumerate(names):
        added, faults = cases(table, f"x{number}")[name]
        rows += added
        expected.update(faults)
    shuffled = data.draw(st.permutations(rows))
    tables = {name: source(name, HEALTHY[name]) for name in HEALTHY} | {table: source(table, shuffled)} | NODES
    needed = NEEDS.get(table, {"now", "as_of"})
    classified = on_duckdb(f"clean_{table}", tables, {name: PARAMETERS[name] for name in needed})
    counted = Counter(row["fault"] for row in classified)
    accepted = counted.pop(None, 0)
    assert counted == +expected
    faults = [{"fault": fault, "n_rows": n, "sample_1": None, "sample_2": None, "sample_3": None} for fault, n in counted.items()]
    counts = row_counts(table, faults, len(rows), len(classified))
    assert counts.conserved(accepted)
    assert accepted == len(classified) - sum(expected.values())
    bad = sum(counts.quarantined.values())
    for limit in (0.0, 0.05, 0.5, 1.0):
        told = refusal(table, faults, counts, limit)
        if bad > limit * counts.rows_in:
            assert told.startswith(f"source table '{table}', week 2026-02-23: {bad} of its {counts.rows_in} rows are faulty")
        else:
            assert told == ""


def refusal(table: str, faults: list[dict[str, Any]], counts: RowCounts, limit: float) -> str:
    """What a table over the limit is told, and nothing to one within it."""
    try:
        refuse_too_many_faults(table, "2026-02-23", faults, counts, limit, {})
    except ContractError as error:
        return str(error)
    return ""

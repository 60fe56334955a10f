"""Arms: the same bucket everywhere, for ever; a larger share only adds people."""

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recs_assets.own_tables import FIXED_TABLES, arrow_schema
from recs_assets.rollout.arms import CONTROL, TREATED, arm, bucket, treated_buckets
from recs_assets_tests.sql.engines import on_duckdb

NOW = dt.datetime(2026, 10, 5, tzinfo=dt.UTC)
NOBODY = arrow_schema(FIXED_TABLES["rollout_assignment"]).empty_table()
USER_IDS = ["u1", "é", "日本", "a:b", " x", "", "user000123"]


def test_a_bucket_by_hand() -> None:
    # sha256("2026-10-05:u1") begins with df05bb022114528.
    assert bucket("2026-10-05", "u1") == int("df05bb022114528", 16) % 10_000


def test_sql_gives_the_buckets_of_python() -> None:
    users = {"user_nodes": pa.table({"user_id": USER_IDS}), "rollout_assignment": NOBODY}
    asked = {"experiment": "e/50%", "salt": "2026-10-05", "treated_buckets": 5_000, "now": NOW}
    rows = on_duckdb("rollout_buckets", users, asked)
    assert {row["user_id"]: row["bucket"] for row in rows} == {user_id: bucket("2026-10-05", user_id) for user_id in USER_IDS}
    assert all(row["arm"] == arm(row["bucket"], 0.5) for row in rows)


def test_who_has_a_row_gets_no_other() -> None:
    there = pa.Table.from_pylist(
        [
            {"experiment": name, "user_id": "u1", "bucket": 1, "arm": TREATED, "first_assigned_at": NOW}
            for name in ("e/50%", "e/10%")
        ],
        NOBODY.schema,
    )
    users = {"user_nodes": pa.table({"user_id": ["u1", "u2"]}), "rollout_assignment": there}
    rows = on_duckdb("rollout_buckets", users, {"experiment": "e/50%", "salt": "e", "treated_buckets": 5_000, "now": NOW})
    assert [row["user_id"] for row in rows] == ["u2"]


@given(st.text(), st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_only_adds_people(salt: str, user_id: str, one: float, other: float) -> None:
    try:
        place = bucket(salt, user_id)
    except UnicodeEncodeError:  # half a surrogate pair is no text
        return
    assert not (arm(place, min(one, other)) == TREATED and arm(place, max(one, other)) == CONTROL)


def test_shares_hold_and_salts_are_independent() -> None:
    users = [f"user{number:06d}" for number in range(20_000)]
    first, second = ([bucket(salt, user) < treated_buckets(0.5) for user in users] for salt in ("2026-10-05", "2026-11-02"))
    assert sum(first) == pytest.approx(10_000, abs=3 * 71)
    assert sum(a and b for a, b in zip(first, second, strict=True)) == pytest.approx(5_000, abs=3 * 61)


def test_a_share_is_one() -> None:
    with pytest.raises(ValueError, match="none between 0 and 1"):
        treated_buckets(1.2)

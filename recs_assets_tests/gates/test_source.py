"""What the gates on source tables say."""

import datetime as dt

import pytest

from recs_assets.breaches import ContractError
from recs_assets.gates.filled_columns import filled, refuse_lost_columns
from recs_assets.gates.source import freshness, row_count
from recs_assets.gates.verdict import FAIL, PASS, WARN


@pytest.mark.parametrize(
    ("n_rows", "last_week", "decision"),
    [
        (100, None, PASS),
        (100, 0, PASS),
        (0, 0, PASS),
        (100, 100, PASS),
        (70, 100, PASS),
        (130, 100, PASS),
        (69, 100, WARN),
        (131, 100, WARN),
        (50, 100, WARN),
        (49, 100, FAIL),
        (0, 1, FAIL),
    ],
)
def test_rows_against_last_week(n_rows, last_week, decision):
    verdict = row_count("events", n_rows, last_week, min_share=0.5, max_change=0.3)
    assert (verdict.gate, verdict.decision) == ("row_count_events", decision)
    assert verdict.figures == {"rows": n_rows, "last_week": last_week}


def test_a_change_of_rows_warns_only_where_a_limit_is_set():
    assert row_count("users", 1_000, 100, min_share=0.5, max_change=None).decision == PASS
    verdict = row_count("users", 1_310, 1_000, min_share=0.5, max_change=0.3)
    assert verdict.reason == "1,310 rows, +31.0% against last week's 1,000: more than 30% either way."


AS_OF = dt.datetime(2026, 10, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("age_hours", "limit", "decision"), [(0.1, 48, PASS), (48, 48, PASS), (48.1, 48, WARN), (9_999, None, PASS), (None, 48, WARN)]
)
def test_freshness(age_hours, limit, decision):
    newest = None if age_hours is None else AS_OF - dt.timedelta(hours=age_hours)
    assert freshness(newest, AS_OF, max_age_hours=limit).decision == decision


def filled_verdict(today, last_week, last_read=None, **limits):
    limits = {"max_change": 0.1, "min_share": 0.5} | limits
    return filled("users", today, last_week=last_week, last_read=last_read, **limits)


FULL = {"n_rows": 100, "n_null_user_id": 0, "n_null_email": 5, "n_null_created_at": 100}


@pytest.mark.parametrize(
    ("today", "last_week", "limit", "decision"),
    [
        (FULL, None, 0.1, PASS),
        (FULL, FULL, 0.1, PASS),
        (FULL | {"n_null_email": 15}, FULL, 0.1, PASS),
        (FULL | {"n_null_email": 16}, FULL, 0.1, WARN),
        (FULL | {"n_null_email": 16}, FULL, None, PASS),
        (FULL | {"n_null_email": 0}, FULL | {"n_null_email": 90}, 0.1, PASS),  # fuller than it was
        (FULL | {"n_rows": 200, "n_null_email": 20}, FULL, 0.1, PASS),  # the share counts
        ({"n_rows": 0, "n_null_email": 0}, FULL, 0.1, PASS),  # of no rows
        (FULL, {"n_rows": 100}, 0.1, PASS),  # a profile of an earlier version of the program
    ],
)
def test_blanks_against_last_week(today, last_week, limit, decision):
    assert filled_verdict(today, last_week, max_change=limit).decision == decision


def test_a_jump_of_blanks_names_the_columns_with_their_shares():
    verdict = filled_verdict(FULL | {"n_null_email": 40}, FULL)
    assert verdict.reason == "blank are now email in 40.0% of the rows (5.0% last week): more than 10% of the rows have lost it."
    assert (verdict.figures["blank"]["email"], verdict.figures["last_week"]["email"]) == (0.4, 0.05)


@pytest.mark.parametrize(
    ("today", "decision"),
    [
        (FULL, PASS),
        (FULL | {"n_null_email": 100}, FAIL),  # 95 values, and now none
        (FULL | {"n_null_email": 53}, FAIL),  # 47 are less than half of 95
        (FULL | {"n_null_email": 52}, WARN),
        ({"n_rows": 300, "n_null_email": 205}, WARN),  # as many as before, in three times as many rows
        ({"n_rows": 10, "n_null_email": 0}, PASS),  # fewer rows, and as full
        ({"n_rows": 0, "n_null_email": 0}, PASS),  # the number of rows is asked about elsewhere
    ],
)
def test_values_against_the_last_time(today, decision):
    assert filled_verdict(today, FULL, FULL).decision == decision


def test_a_column_that_vanished_is_named_with_its_shares_and_can_be_accepted():
    gone = FULL | {"n_null_email": 100, "n_null_user_id": 100}
    verdict = filled_verdict(gone, FULL, FULL)
    assert verdict.reason == (
        "values are gone: user_id (0.0% of the rows hold a value, 100.0% did), email (0.0% of the rows hold a value, 95.0% did): "
        "less than the 50% asked for."
    )
    with pytest.raises(ContractError, match=r"^source table 'users', column 'user_id', week 2026-09-28: values are gone: .*: "):
        refuse_lost_columns("users", "2026-09-28", verdict)
    accepted = filled_verdict(gone, FULL, FULL, accepted="we mail no more")
    assert (accepted.decision, accepted.figures["accepted"]) == (WARN, "we mail no more")
    assert accepted.reason.endswith("; accepted: we mail no more.")
    refuse_lost_columns("users", "2026-09-28", accepted)
    # Once accepted it is not there when the table is read the next time.
    assert filled_verdict(gone, gone, gone).decision == PASS

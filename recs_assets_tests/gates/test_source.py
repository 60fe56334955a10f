"""What the gates on source tables say."""

import datetime as dt

import pytest

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

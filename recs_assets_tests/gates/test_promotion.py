"""The verdict table of each gate, and the test of fallback 2B."""

import datetime as dt
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from recs_assets.gates.promotion import (
    FAIL,
    INSUFFICIENT_EVIDENCE,
    PASS,
    WARN,
    audit,
    freshness,
    gate_1,
    not_worse,
    overlap,
    row_count,
    score_drift,
    users_served,
)


def _per_user(sql: list[float], blend: list[float], stratum: list[str] | str = "warm") -> pd.DataFrame:
    users = [f"u{i}" for i in range(len(sql))]
    weeks = np.resize(["2024-01-01", "2024-01-08"], len(sql))
    frames = [
        pd.DataFrame({"system": name, "week": weeks, "user_id": users, "stratum": stratum, "recall_at_10": recall})
        for name, recall in (("sql", sql), ("blend", blend))
    ]
    return pd.concat(frames, ignore_index=True)


def _hits(n_found: int, n_users: int) -> list[float]:
    return [1.0] * n_found + [0.0] * (n_users - n_found)


# Of 1,000 users SQL finds 200 or so; the blend finds the same ones and more (or fewer), so pairs agree but for those.
@pytest.mark.parametrize(
    ("sql", "blend", "decision"),
    [
        (_hits(200, 1000), _hits(230, 1000), PASS),  # +15%, low +10%
        (_hits(200, 1000), _hits(211, 1000), PASS),  # +5.5%, low +2%
        (_hits(200, 1000), _hits(205, 1000), FAIL),  # +2.5%, high +4.7%
        (_hits(200, 1000), _hits(200, 1000), FAIL),  # the same lists
        (_hits(200, 1000), _hits(150, 1000), FAIL),
        (_hits(200, 1000), _hits(208, 1000), INSUFFICIENT_EVIDENCE),  # +4%, above zero, may be 6.8%
        (_hits(20, 100), _hits(22, 100), INSUFFICIENT_EVIDENCE),  # +10%, low -5%
        (_hits(20, 25), _hits(25, 25), INSUFFICIENT_EVIDENCE),  # too few users
        (_hits(0, 100), _hits(50, 100), INSUFFICIENT_EVIDENCE),  # no baseline to lift
        ([], [], INSUFFICIENT_EVIDENCE),
    ],
)
def test_verdicts(sql, blend, decision):
    assert gate_1(_per_user(sql, blend), min_lift=0.05).decision == decision


def test_a_stratum_that_is_significantly_worse_stops_a_pass():
    sql, blend = _hits(200, 1000) + _hits(100, 200), _hits(400, 1000) + _hits(60, 200)
    strata = ["warm"] * 1000 + ["cold"] * 200
    verdict = gate_1(_per_user(sql, blend, strata), min_lift=0.05)
    assert verdict.decision == INSUFFICIENT_EVIDENCE
    assert "but cold users are served significantly worse" in verdict.reason
    assert verdict.figures["strata"]["cold"]["high"] < 0 < verdict.figures["strata"]["warm"]["low"]
    assert gate_1(_per_user(sql, blend), min_lift=0.05).decision == PASS


def test_figures_and_reason_say_what_was_measured():
    verdict = gate_1(_per_user(_hits(20, 100), _hits(22, 100)), min_lift=0.05)
    # Y - 1.1 X is -0.1 for 20 users, +1 for 2: mean 0, variance (0.2 + 2) / 99, over sqrt(100) and mean 0.2.
    error = np.sqrt(2.2 / 99) / 10 / 0.2
    figures = verdict.figures
    assert figures["lift"] == pytest.approx(0.1)
    assert (figures["low"], figures["high"]) == pytest.approx((0.1 - 1.959964 * error, 0.1 + 1.959964 * error))
    assert (figures["recall_sql"], figures["recall_blend"]) == pytest.approx((0.2, 0.22))
    assert (figures["users"], figures["weeks"]) == (100, 2)
    assert figures["smallest_detectable_lift"] == pytest.approx(2.801585 * error, rel=1e-6)
    assert figures["weeks_needed"] == int(np.ceil(2 * (2.801585 * error / 0.05) ** 2))
    assert figures["strata"]["warm"]["users"] == 100
    assert verdict.reason == (
        "Recall@10 of blend over sql is +10.0% (95% interval -4.6% to +24.6%, 100 users): neither +5.0% nor its absence "
        "is shown. So many users show lifts from +20.9%; +5.0% needs about 35 weeks of them."
    )


def test_verdict_without_users_is_plain_json():
    verdict = gate_1(_per_user([], []), min_lift=0.05)
    assert verdict.reason == "Recall@10 of blend over sql cannot be judged: there are no users."
    written = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
    assert written["gate"] == "gate_1"
    assert written["figures"]["lift"] is None
    assert written["figures"]["users"] == 0


def test_systems_measured_on_different_users_are_refused():
    per_user = _per_user(_hits(3, 40), _hits(4, 40)).iloc[:-1]
    with pytest.raises(ValueError, match="blend has 39 rows and sql 40"):
        gate_1(per_user, min_lift=0.05)


def test_not_worse_compares_means_on_the_same_users():
    assert not_worse(_per_user(_hits(5, 40), _hits(5, 40)), "blend", "sql")
    assert not_worse(_per_user(_hits(5, 40), _hits(6, 40)), "blend", "sql")
    assert not not_worse(_per_user(_hits(5, 40), _hits(4, 40)), "blend", "sql")
    assert not not_worse(_per_user([], []), "blend", "sql")


def test_naming_the_gate_does_not_load_pandas():
    code = "import sys, recs_assets.gates.promotion; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


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


@pytest.mark.parametrize(("n_users", "decision"), [(949, FAIL), (950, PASS), (2_000, PASS)])
def test_users_served(n_users, decision):
    assert users_served(n_users, 950).decision == decision


@pytest.mark.parametrize(
    ("breaches", "n_users", "decision"),
    [
        ({}, 10, PASS),
        ({"price_too_low": 0}, 10, PASS),
        ({"price_too_low": 1}, 10, FAIL),
        ({}, 9, FAIL),
        ({"collapsed_scores": 1}, 10, FAIL),
    ],
)
def test_the_audit_of_rules(breaches, n_users, decision):
    assert audit(breaches, n_users=n_users, required_users=10).decision == decision


def _bin(n_new: int, n_before: int, lowest: float, highest: float, *, zero: tuple[int, int] = (0, 0)) -> dict:
    return {
        "n_new": n_new, "n_before": n_before, "n_new_zero": zero[0], "n_before_zero": zero[1],
        "lowest_new": lowest, "highest_new": highest,
    }  # fmt: skip


SPREAD = [_bin(50, 50, 0.1, 0.4), _bin(50, 50, 0.5, 1.0)]


@pytest.mark.parametrize(
    ("histogram", "decision"),
    [
        (SPREAD, PASS),
        ([], PASS),  # no list at all is the audit's business
        ([_bin(50, 0, 0.1, 0.4), _bin(50, 0, 0.5, 1.0)], PASS),  # the first list of all
        ([_bin(60, 50, 0.1, 0.4), _bin(40, 50, 0.5, 1.0)], PASS),  # 0.1 x ln 1.2 - 0.1 x ln 0.8 = 0.041
        ([_bin(75, 50, 0.1, 0.4), _bin(25, 50, 0.5, 1.0)], WARN),  # 0.25 x ln 1.5 - 0.25 x ln 0.5 = 0.275
        ([_bin(100, 50, 0.3, 0.3), _bin(0, 50, None, None)], FAIL),  # all equal
        ([_bin(100, 50, 1 - 6e-16, 1.0), _bin(0, 50, None, None)], FAIL),  # all equal but for the last digit
        ([_bin(100, 100, 0.3, 0.3)], WARN),  # all equal, and no better before
        ([_bin(100, 0, 0.3, 0.3)], WARN),  # all equal, and nothing before
        ([_bin(1, 50, 0.3, 0.3), _bin(0, 50, None, None)], WARN),  # one score alone has not collapsed, but it has drifted
        ([_bin(60, 50, 0.0, 0.0, zero=(51, 9)), _bin(40, 50, 0.5, 1.0)], FAIL),  # most are zero, and were not
        ([_bin(60, 60, 0.0, 0.0, zero=(51, 51)), _bin(40, 40, 0.5, 1.0)], WARN),  # most are zero, as before
        ([_bin(60, 60, 0.0, 0.0, zero=(50, 0)), _bin(40, 40, 0.5, 1.0)], PASS),  # half of them may be
    ],
)
def test_score_drift(histogram, decision):
    assert score_drift(histogram, max_psi=0.25, max_zero_share=0.5).decision == decision


def test_the_drift_of_scores_is_the_stability_index_worked_by_hand():
    verdict = score_drift([_bin(75, 50, 0.1, 0.4), _bin(25, 50, 0.5, 1.0)], max_psi=0.25, max_zero_share=0.5)
    assert verdict.figures["psi"] == pytest.approx(0.25 * np.log(1.5) - 0.25 * np.log(0.5))
    assert verdict.reason.startswith("the population stability index against the list before is 0.275: above 0.25")
    assert score_drift([_bin(75, 50, 0.1, 0.4), _bin(25, 50, 0.5, 1.0)], max_psi=None, max_zero_share=None).decision == PASS


@pytest.mark.parametrize(
    ("kept", "compared", "limit", "decision"), [(0, 0, 0.2, PASS), (20, 100, 0.2, PASS), (19, 100, 0.2, WARN), (0, 9, None, PASS)]
)
def test_overlap_with_the_mail_before(kept, compared, limit, decision):
    assert overlap(kept, compared, min_share=limit).decision == decision

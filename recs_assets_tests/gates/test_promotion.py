"""Gate 1, whether a kept model may stay, and whether similar parts make SQL no worse."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from recs_assets.gates.promotion import gate_1, not_worse, still_standing
from recs_assets.gates.verdict import FAIL, INSUFFICIENT_EVIDENCE, PASS


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


# Of 1,000 users SQL finds 200 or so; the blend finds the same ones and more (or fewer), so pairs agree but for those. With w
# who are served better alone, strength is w / sqrt(1.8 w): twelve are enough for the 2.53 that a Monday asks for.
@pytest.mark.parametrize(
    ("sql", "blend", "decision"),
    [
        (_hits(200, 1000), _hits(230, 1000), PASS),  # +15%, strength 4.08
        (_hits(200, 1000), _hits(212, 1000), PASS),  # +6%, strength 2.58
        (_hits(200, 1000), _hits(211, 1000), INSUFFICIENT_EVIDENCE),  # +5.5%, strength 2.47
        (_hits(1000, 2000), _hits(1045, 2000), INSUFFICIENT_EVIDENCE),  # +4.5%: proven, but less than asked for
        (_hits(200, 1000), _hits(202, 1000), FAIL),  # +1%, high +3.6%
        (_hits(200, 1000), _hits(205, 1000), INSUFFICIENT_EVIDENCE),  # +2.5%, high +5.8%: five hits are a matter of luck
        (_hits(200, 1000), _hits(200, 1000), FAIL),  # the same lists, high +1.6%
        (_hits(40, 1000), _hits(40, 1000), INSUFFICIENT_EVIDENCE),  # the same lists: so few hits may hide +9.3%
        (_hits(200, 1000), _hits(150, 1000), FAIL),
        (_hits(20, 100), _hits(22, 100), INSUFFICIENT_EVIDENCE),
        (_hits(0, 100), _hits(50, 100), INSUFFICIENT_EVIDENCE),  # no baseline to lift
        ([0.5] + [0.0] * 29, [1.0] + [0.0] * 29, INSUFFICIENT_EVIDENCE),  # one hit more of the person who had the only one
        (_hits(1, 30), _hits(2, 30), INSUFFICIENT_EVIDENCE),
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


# Three strata are asked at 2.5% / 3, which is 2.394: 10 / sqrt(18) = 2.357 is not enough, 11 / sqrt(19.8) = 2.472 is.
@pytest.mark.parametrize(("lost", "decision"), [(1, PASS), (10, PASS), (11, INSUFFICIENT_EVIDENCE)])
def test_one_cold_hit_stops_no_model(lost, decision):
    sql, blend = _hits(100, 500) + _hits(lost, 100) + _hits(10, 100), _hits(160, 500) + _hits(0, 100) + _hits(10, 100)
    strata = ["warm"] * 500 + ["cold"] * 100 + ["hot"] * 100
    assert gate_1(_per_user(sql, blend, strata), min_lift=0.05).decision == decision


def test_figures_and_reason_say_what_was_measured():
    verdict = gate_1(_per_user(_hits(20, 100), _hits(26, 100)), min_lift=0.05)
    figures = verdict.figures
    # Y - 1.3 X is -0.3 for 20 users, +1 for 6: mean 0, variance (1.8 + 6) / 99, over sqrt(100) and mean 0.2. With six who
    # differ, 2.53 is reached at z = 1.0457 + sqrt(1.0457^2 + 2.53^2) = 3.784, of sqrt(6) / 20 each; z of 0.8 is 0.8416.
    error = np.sqrt(7.8 / 99) / 10 / 0.2
    assert (figures["lift"], figures["recall_sql"], figures["recall_blend"]) == pytest.approx((0.3, 0.2, 0.26))
    assert (figures["users"], figures["weeks"]) == (100, 2)
    assert figures["smallest_detectable_lift"] == pytest.approx(3.784 * np.sqrt(6) / 20 + 0.8416 * error, rel=1e-2)
    assert figures["weeks_needed"] is None
    assert figures["strata"]["warm"]["users"] == 100
    evidence = {name: figures["evidence"][name] for name in ("users", "weeks", "better", "worse")}
    assert evidence == {"users": 100, "weeks": 2, "better": 6, "worse": 0}
    assert figures["evidence"]["strength"] == pytest.approx(6 / np.sqrt(10.8))
    assert figures["evidence"]["asked"] == pytest.approx(2.53, abs=0.01)
    assert verdict.reason == (
        "Recall@10 of blend over sql is +30.0% (95% interval -2.9% to +95.6%, 100 users): 6 people were served better and 0 "
        "worse in 2 weeks, which luck may bring in a year of Mondays. So many users let lifts from +58.2% pass; +5.0% needs "
        "more than a year of them."
    )


def test_a_pass_says_so_in_words():
    verdict = gate_1(_per_user(_hits(200, 1000), _hits(230, 1000)), min_lift=0.05)
    assert verdict.reason == (
        "Recall@10 of blend over sql is +15.0% (95% interval +8.6% to +22.2%, 1000 users): at least the +5.0% asked for, 30 "
        "people were served better and 0 worse in 2 weeks, which is more than luck brings in a year of Mondays, and no "
        "stratum is significantly worse."
    )


def _evidence(week: str, sql: list[float], recall: list[float], stratum: str = "warm") -> pd.DataFrame:
    users = [f"u{i}" for i in range(len(sql))]
    return pd.DataFrame(
        {
            "system": "blend",
            "model_week": week,
            "week": week,
            "user_id": users,
            "stratum": stratum,
            "baseline": sql,
            "recall": recall,
        }
    )


def by_mail(organic: list[float], mailed: list[float]) -> pd.DataFrame:
    """SQL finds 200 of 1,000 everywhere."""
    frames = {name: _per_user(_hits(200, 1000), blend) for name, blend in (("organic", organic), ("mailed", mailed))}
    return pd.concat(frames, names=["relevance"]).reset_index("relevance")


@pytest.mark.parametrize(
    ("mailed", "said"),
    [
        (150, " But organic and mailed purchases disagree: +50.0% on organic purchases (95% interval "),  # significantly worse
        (199, " But organic and mailed purchases disagree: +50.0% on organic purchases (95% interval "),  # organic is significant
        (250, None),
    ],
)
def test_where_organic_and_mailed_purchases_disagree_the_reason_says_so_and_decides_the_same(mailed, said):
    orders, beside = _per_user(_hits(200, 1000), _hits(230, 1000)), by_mail(_hits(300, 1000), _hits(mailed, 1000))
    plain, verdict = (gate_1(orders, min_lift=0.05, by_mail=rows) for rows in (None, beside))
    assert verdict.decision == plain.decision == PASS
    assert verdict.reason.startswith(plain.reason)
    assert verdict.reason.removeprefix(plain.reason).startswith(said) if said else verdict.reason == plain.reason
    assert verdict.figures["by_mail"]["mailed"]["lift"] == pytest.approx(mailed / 200 - 1)


def test_chance_is_no_disagreement():
    beside = by_mail(_hits(201, 1000), _hits(199, 1000))
    assert "disagree" not in gate_1(_per_user(_hits(200, 1000), _hits(230, 1000)), min_lift=0.05, by_mail=beside).reason


def test_weeks_add_up_until_they_are_enough():
    newest = _per_user(_hits(200, 1000), _hits(211, 1000))
    alone = gate_1(newest, min_lift=0.05)
    weeks = [_evidence(week, _hits(200, 1000), _hits(188, 1000)) for week in ("2024-01-01", "2024-01-08")]
    more = [_evidence(week, _hits(200, 1000), _hits(211, 1000)) for week in ("2024-01-15", "2024-01-22", "2024-01-29")]
    assert alone.decision == INSUFFICIENT_EVIDENCE
    # The same eleven people in three weeks are eleven people: 33 / sqrt(99 + 0.8 x 3 x 33), as one week's 11 / sqrt(19.8).
    loyal = gate_1(newest, min_lift=0.05, evidence=pd.concat(more))
    assert loyal.decision == INSUFFICIENT_EVIDENCE
    assert loyal.figures["evidence"]["strength"] == pytest.approx(alone.figures["evidence"]["strength"])
    # Other people each week: 33 / sqrt(59.4) = 4.28; and with two weeks in which 24 lost a part, 9 / sqrt(57 + 7.2).
    others = pd.concat([rows.assign(user_id=rows["week"] + rows["user_id"]) for rows in more])
    assert gate_1(newest, min_lift=0.05, evidence=others).decision == PASS
    against = pd.concat([others, *(rows.assign(user_id=rows["week"] + rows["user_id"]) for rows in weeks)])
    assert gate_1(newest, min_lift=0.05, evidence=against).decision == INSUFFICIENT_EVIDENCE


def test_a_lower_risk_asks_for_more():
    per_user = _per_user(_hits(200, 1000), _hits(212, 1000))
    assert gate_1(per_user, min_lift=0.05, yearly_risk=0.05).decision == PASS
    assert gate_1(per_user, min_lift=0.05, yearly_risk=0.01).decision == INSUFFICIENT_EVIDENCE


@pytest.mark.parametrize(
    ("sql", "recall", "decision", "reason"),
    [
        (_hits(20, 100), _hits(20, 100), PASS, "0 people better and 0 worse than sql: no evidence against it."),
        (_hits(20, 100), _hits(14, 100), PASS, "0 people better and 6 worse than sql: no evidence against it."),
        # 7 / sqrt(12.6) = 1.97: below for everybody, and with one stratum for it too.
        (
            _hits(20, 100),
            _hits(12, 100),
            FAIL,
            "0 people better and 8 worse than sql: significantly worse for all and warm users.",
        ),
        (_hits(0, 100), _hits(0, 100), PASS, "0 people better and 0 worse than sql: no evidence against it."),
    ],
)
def test_a_kept_model_stays_without_evidence_against_it(sql, recall, decision, reason):
    verdict = still_standing(_evidence("2024-02-05", sql, recall), "2024-01-29")
    assert (verdict.gate, verdict.decision) == ("kept_model", decision)
    assert verdict.reason == f"in 1 weeks since, the model of week 2024-01-29 served {reason}"


def test_a_kept_model_that_harms_a_stratum_falls_though_it_helps_the_others():
    # Two strata are asked at 2.5% / 2, which is 2.241: 10 / sqrt(18) = 2.357.
    cold = _evidence("2024-02-05", _hits(10, 100), _hits(0, 100), "cold")
    warm = _evidence("2024-02-12", _hits(10, 100), _hits(60, 100))
    verdict = still_standing(pd.concat([cold.assign(user_id="cold" + cold["user_id"]), warm]), "2024-01-29")
    assert verdict.decision == FAIL
    assert verdict.reason.endswith("50 people better and 10 worse than sql: significantly worse for cold users.")


def test_a_kept_model_that_was_not_evaluated_yet_stays():
    verdict = still_standing(_evidence("2024-02-05", [], []), "2024-01-29")
    assert (verdict.decision, verdict.figures["weeks"]) == (PASS, 0)
    assert verdict.reason == "the model of week 2024-01-29 has not been evaluated on a week of its own yet."
    json.dumps(verdict.to_dict(), allow_nan=False)


def test_verdict_without_users_is_plain_json():
    verdict = gate_1(_per_user([], []), min_lift=0.05)
    assert verdict.reason == "Recall@10 of blend over sql cannot be evaluated: there are no users."
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

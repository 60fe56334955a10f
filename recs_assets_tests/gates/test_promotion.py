"""Gate 1, the test of fallback 2B, and the ladder from this week's model down to SQL."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from recs_assets.gates.promotion import approve, gate_1, has_expired, not_worse
from recs_assets.gates.verdict import FAIL, INSUFFICIENT_EVIDENCE, PASS, Verdict


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


WEEK = "2026-09-28"
ALPHA, OLD_ALPHA = {"cold": 0.1, "warm": 0.2, "hot": 0.3}, {"cold": 0.7, "warm": 0.8, "hot": 0.9}
PASSED = Verdict("gate_1", PASS, "it is better")
FAILED = Verdict("gate_1", FAIL, "it is not better")
UNKNOWN = Verdict("gate_1", INSUFFICIENT_EVIDENCE, "too few users")
RECORDS = {
    "nothing": None,
    "blend": {"week": "2026-09-21", "source": "blend", "model_week": "2026-09-14", "alpha": OLD_ALPHA},
    "similarity": {"week": "2026-09-21", "source": "similarity", "model_week": None, "alpha": None},
    "sql": {"week": "2026-09-21", "source": "sql", "model_week": None, "alpha": None},
}


def approved(verdict, before, *, similarity=True, alpha=ALPHA, has_model=True, override=None):
    return approve(
        verdict,
        similarity_not_worse=similarity,
        week=WEEK,
        alpha=alpha,
        has_model=has_model,
        previous=RECORDS[before],
        override_reason=override,
    )


def test_a_model_that_passed_is_served_from_this_week_on():
    assert approved(PASSED, "blend") == {
        "week": WEEK,
        "decision": "PASS",
        "reason": "it is better",
        "source": "blend",
        "model_week": WEEK,
        "alpha": ALPHA,
    }


@pytest.mark.parametrize("verdict", [FAILED, UNKNOWN])
def test_otherwise_the_last_approved_model_is_kept_with_its_own_alpha_and_the_reason(verdict):
    assert approved(verdict, "blend") == {
        "week": WEEK,
        "decision": verdict.decision,
        "reason": verdict.reason,
        "source": "blend",
        "model_week": "2026-09-14",
        "alpha": OLD_ALPHA,
    }


@pytest.mark.parametrize("override", [None, "the buyers asked for it"])
@pytest.mark.parametrize("similarity", [True, False])
@pytest.mark.parametrize("before", RECORDS)
@pytest.mark.parametrize("verdict", [PASSED, FAILED, UNKNOWN], ids=lambda verdict: verdict.decision)
def test_the_ladder_in_every_state_of_every_gate(verdict, before, similarity, override):
    record = approved(verdict, before, similarity=similarity, override=override)
    step = record["source"], record["model_week"], record["alpha"]
    if verdict is PASSED or override:
        assert step == ("blend", WEEK, ALPHA)
    elif before == "blend":
        assert step == ("blend", "2026-09-14", OLD_ALPHA)
    else:
        assert step == ("similarity" if similarity else "sql", None, None)
    assert (record["decision"], record["reason"]) == (verdict.decision, verdict.reason), "an override changes no verdict"
    assert record.get("override_reason") == override


@pytest.mark.parametrize(
    ("reason", "alpha", "has_model", "message"),
    [
        ("", ALPHA, True, "week 2026-09-28: an override needs a written reason"),
        (" \n", ALPHA, True, "week 2026-09-28: an override needs a written reason"),
        ("we want it", ALPHA, False, "week 2026-09-28 has no model that an override could approve"),
        ("we want it", {}, True, "week 2026-09-28 has a model that could be evaluated on nobody"),
    ],
)
def test_an_override_needs_a_reason_and_a_model_that_was_evaluated(reason, alpha, has_model, message):
    with pytest.raises(ValueError, match=message):
        approved(FAILED, "nothing", alpha=alpha, has_model=has_model, override=reason)


def test_only_an_override_expires():
    overridden = RECORDS["blend"] | {"override_reason": "once"}
    assert not has_expired(overridden, overridden_since="2026-09-21")
    assert has_expired(overridden, overridden_since="2026-09-28")
    assert not has_expired(RECORDS["blend"], overridden_since="2026-09-28")

"""The ladder from this week's model down to SQL alone, and when an override expires."""

import pytest

from recs_assets.gates.promotion import approve, has_expired, served_by
from recs_assets.gates.verdict import FAIL, INSUFFICIENT_EVIDENCE, PASS, Verdict

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


STANDS, FALLS = Verdict("kept_model", PASS, "nothing speaks against it"), Verdict("kept_model", FAIL, "it is worse")


def approved(verdict, before, *, similarity=True, alpha=ALPHA, has_model=True, override=None, kept=None):
    return approve(
        verdict,
        similarity_not_worse=similarity,
        week=WEEK,
        alpha=alpha,
        has_model=has_model,
        previous=RECORDS[before],
        kept=kept,
        override_reason=override,
    )


def test_a_model_that_passed_is_served_from_this_week_on():
    assert approved(PASSED, "blend") == {
        "week": WEEK,
        "decision": "PASS",
        "reason": "it is better",
        "fallback": "similarity",
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
        "fallback": "similarity",
        "source": "blend",
        "model_week": "2026-09-14",
        "alpha": OLD_ALPHA,
    }


def test_a_kept_model_steps_down_on_evidence_and_the_record_says_why():
    assert approved(UNKNOWN, "blend", kept=FALLS) == {
        "week": WEEK,
        "decision": "INSUFFICIENT EVIDENCE",
        "reason": "too few users",
        "fallback": "similarity",
        "stepped_down": "it is worse",
        "source": "similarity",
        "model_week": None,
        "alpha": None,
    }


@pytest.mark.parametrize("override", [None, "the buyers asked for it"])
@pytest.mark.parametrize("similarity", [True, False])
@pytest.mark.parametrize("before", RECORDS)
@pytest.mark.parametrize("kept", [None, STANDS, FALLS])
@pytest.mark.parametrize("verdict", [PASSED, FAILED, UNKNOWN], ids=lambda verdict: verdict.decision)
def test_the_ladder_in_every_state_of_every_gate(verdict, kept, before, similarity, override):
    record = approved(verdict, before, similarity=similarity, override=override, kept=kept)
    step = record["source"], record["model_week"], record["alpha"]
    if verdict is PASSED or override:
        assert step == ("blend", WEEK, ALPHA)
    elif before == "blend" and kept is not FALLS:
        assert step == ("blend", "2026-09-14", OLD_ALPHA)
    else:
        assert step == ("similarity" if similarity else "sql", None, None)
    assert (record["decision"], record["reason"]) == (verdict.decision, verdict.reason), "an override changes no verdict"
    said = {name: record[name] for name in ("override_reason", "remark") if name in record}
    assert said == ({"remark" if verdict is PASSED else "override_reason": override} if override else {})
    assert not (verdict is PASSED and has_expired(record, overridden_since="2027-01-04")), (
        "what passed stays, whoever also said why"
    )


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


@pytest.mark.parametrize("similarity", [True, False])
def test_a_model_of_other_settings_steps_down_to_the_fallback_of_its_record(similarity):
    record = approved(PASSED, "blend", similarity=similarity)
    assert served_by(record, []) == record
    served = served_by(record, ["model.steps was 300 and is 200"])
    assert (served["source"], served["model_week"], served["alpha"]) == ("similarity" if similarity else "sql", None, None)
    assert served["stepped_down"] == f"the model of week {WEEK} was fitted with other settings: model.steps was 300 and is 200."


def test_only_an_override_expires():
    overridden = RECORDS["blend"] | {"override_reason": "once"}
    assert not has_expired(overridden, overridden_since="2026-09-21")
    assert has_expired(overridden, overridden_since="2026-09-28")
    assert not has_expired(RECORDS["blend"], overridden_since="2026-09-28")

"""The stages: each move with what it needs, and refused in words that say what is missing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recs_assets.gates.verdict import FAIL, HOLD, INVALID, PASS, ROLLBACK, Verdict
from recs_assets.rollout.stages import SHARES, STAGES, Evidence, Model, MoveRefused, State, automatic, moved, with_model

MODEL = Model("2026-09-28", "settings", PASS)
GREEN = Evidence(MODEL, Verdict("gate_2", PASS, "Clicks are up."), PASS, whole_weeks=2)
SIGNED = {"by": "ann", "reason": "it works"}
RUNNING = State("experiment", "2026-10-05", "2026-10-05", "2026-09-28", "settings")


def test_the_whole_way_up() -> None:
    state, seen = State(), ["shadow"]
    for stage in STAGES[1:]:
        state = moved(state, stage, GREEN, **SIGNED, week="2026-10-05")
        seen.append(state.stage)
    assert seen == ["shadow", "experiment", "10", "25", "50", "100"]
    assert (state.experiment, state.model_week, state.share) == ("2026-10-05", "2026-09-28", 1.0)


@pytest.mark.parametrize(
    ("state", "to", "evidence", "said"),
    [
        (State(), "10", GREEN, "stages are taken one by one, and the next one is the experiment, 50/50"),
        (State(), "experiment", replace(GREEN, model=None), "no model is approved that could serve"),
        (State(), "experiment", replace(GREEN, model=replace(MODEL, gate_1=FAIL)), "has not passed gate 1 (it says FAIL)"),
        (State(), "experiment", replace(GREEN, audit=FAIL), "tonight's lists have not passed their audit (FAIL)"),
        (RUNNING, "10", replace(GREEN, mail=None), "gate 2 (clicks) has not passed: nothing has been measured yet"),
        (RUNNING, "10", replace(GREEN, mail=Verdict("gate_2", HOLD, "Wait.")), "gate 2 (clicks) has not passed: Wait."),
        (RUNNING, "10", replace(GREEN, whole_weeks=0), "has had 0 whole weeks of mail of 1"),
        (replace(RUNNING, stage="10"), "25", replace(GREEN, mail=None), "the no-harm gate has not passed"),
        (replace(RUNNING, held="a bug"), "10", GREEN, "the rollout is on hold, because: a bug"),
        (RUNNING, "resume", GREEN, "it is not on hold"),
        (RUNNING, "75", GREEN, "There is no stage '75'. There are shadow, experiment, 10, 25, 50, 100"),
        (RUNNING, "experiment", GREEN, "stands at the experiment, 50/50 already"),
    ],
)
def test_a_refused_move_says_what_is_missing(state: State, to: str, evidence: Evidence, said: str) -> None:
    with pytest.raises(MoveRefused) as refusal:
        moved(state, to, evidence, **SIGNED, week="2026-10-12")
    assert said in str(refusal.value)


def test_a_move_up_is_signed_and_one_down_needs_nothing() -> None:
    with pytest.raises(MoveRefused, match=r"it needs a name \(BY=...\); it needs a reason"):
        moved(RUNNING, "10", GREEN, week="2026-10-12")
    down = moved(replace(RUNNING, stage="50", held="a bug"), "10", Evidence(), week="2026-10-12")
    assert (down.stage, down.since, down.held) == ("10", "2026-10-12", None)
    assert moved(RUNNING, "rollback", Evidence(), week="2026-10-12").stage == "shadow"
    assert moved(RUNNING, "hold", Evidence(), reason="odd", week="2026-10-12") == replace(RUNNING, held="odd")


@given(st.sampled_from(STAGES), st.sampled_from(STAGES), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_nobody_goes_up_without_everything(
    at: str, to: str, has_passed: bool, is_audited: bool, is_signed: bool, is_held: bool
) -> None:
    state = replace(RUNNING, stage=at, held="a bug" if is_held else None)
    mail = Verdict("gate_2", PASS if has_passed else HOLD, "so it is")
    evidence = Evidence(MODEL, mail, PASS if is_audited else FAIL, whole_weeks=1)
    try:
        after = moved(state, to, evidence, **(SIGNED if is_signed else {}), week="2026-10-12")
    except MoveRefused:
        return
    if STAGES.index(after.stage) > STAGES.index(at):
        assert (is_audited, is_signed, is_held) == (True, True, False)
        assert has_passed or at == "shadow"
        assert STAGES.index(after.stage) == STAGES.index(at) + 1


def test_a_verdict_moves_by_itself_only_down() -> None:
    back = automatic(RUNNING, Verdict("gate_2", ROLLBACK, "Clicks are down."), "2026-10-12")
    assert (back.stage, back.share, back.held) == ("shadow", 0.0, "rolled back by gate_2. Clicks are down")
    held = automatic(RUNNING, Verdict("gate_2", INVALID, "Arms are uneven."), "2026-10-12")
    assert (held.stage, held.held) == ("experiment", "gate_2 is INVALID. Arms are uneven")
    for decision in (PASS, HOLD):
        assert automatic(RUNNING, Verdict("gate_2", decision, ""), "2026-10-12") == RUNNING


def test_another_experiment_takes_another_salt_even_in_the_same_week() -> None:
    back = moved(RUNNING, "shadow", Evidence(), week="2026-10-05")
    again = moved(back, "experiment", GREEN, **SIGNED, week="2026-10-05")
    assert (RUNNING.salt, again.salt) == ("2026-10-05", "2026-10-05-2")
    third = moved(replace(again, stage="shadow"), "experiment", GREEN, **SIGNED, week="2026-10-05")
    assert third.salt == "2026-10-05-3"


def test_retrained_weights_go_on_and_other_settings_end_the_experiment() -> None:
    assert with_model(RUNNING, Model("2026-10-05", "settings", PASS), "2026-10-12") == replace(RUNNING, model_week="2026-10-05")
    ended = with_model(RUNNING, Model("2026-10-05", "others", PASS), "2026-10-12")
    assert (ended.stage, ended.share) == ("shadow", 0.0)


def test_an_assignment_is_named_by_experiment_and_share() -> None:
    assert [replace(RUNNING, stage=stage).assignment for stage in STAGES] == [
        None, "2026-10-05/50%", "2026-10-05/10%", "2026-10-05/25%", "2026-10-05/50%", "2026-10-05/100%",
    ]  # fmt: skip
    assert list(SHARES.values()) == [0.0, 0.5, 0.1, 0.25, 0.5, 1.0]

"""The stages of a rollout, and which move from one to another is allowed: a state machine without a clock and without tables."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from recs_assets.gates.verdict import INVALID, PASS, ROLLBACK, Verdict

SHADOW = "shadow"
EXPERIMENT = "experiment"
# In their order, each with the share of people who get the blend.
SHARES = {SHADOW: 0.0, EXPERIMENT: 0.5, "10": 0.1, "25": 0.25, "50": 0.5, "100": 1.0}
STAGES = tuple(SHARES)
# What may be asked for besides a stage.
HOLD, RESUME, ROLL_BACK = "hold", "resume", "rollback"
AUTOMATIC = "recs_assets"


class MoveRefused(ValueError):  # noqa: N818 - what was asked for is not allowed, nothing has failed
    """A move that is not allowed yet; the message says what is missing."""


@dataclass(frozen=True)
class State:
    """Where a rollout stands.

    Attributes:
        stage: one of ``STAGES``.
        since: key of the first week of mail at this stage; ``None``: it never began.
        experiment: names the experiment, and is its salt; ``None`` in the first shadow.
        model_week: of the model that is tried.
        model_settings: hash of what it was fitted with.
        held: why the rollout is on hold; ``None``: it is not.
    """

    stage: str = SHADOW
    since: str | None = None
    experiment: str | None = None
    model_week: str | None = None
    model_settings: str | None = None
    held: str | None = None

    @property
    def share(self) -> float:
        """Of people who get the blend."""
        return SHARES[self.stage]

    @property
    def salt(self) -> str | None:
        """What deals people into buckets: another experiment deals them anew."""
        return self.experiment

    @property
    def assignment(self) -> str | None:
        """The name of the experiment at this share in ``rollout_assignment``: its rows never change."""
        return f"{self.experiment}/{self.share:.0%}" if self.experiment and self.stage != SHADOW else None

    @property
    def next_stage(self) -> str | None:
        """The one above."""
        place = STAGES.index(self.stage) + 1
        return STAGES[place] if place < len(STAGES) else None


@dataclass(frozen=True)
class Model:
    """The model that would serve: its week, the hash of what it was fitted with, and its verdict of gate 1."""

    week: str
    settings: str
    gate_1: str


@dataclass(frozen=True)
class Evidence:
    """What a move may rest on tonight; ``None``: there is none.

    Attributes:
        model: the one that would serve.
        mail: gate 2 at the experiment, the no-harm gate at the stages after it.
        audit: decision of the newest audit of the lists.
        whole_weeks: of mail since the stage began.
    """

    model: Model | None = None
    mail: Verdict | None = None
    audit: str | None = None
    whole_weeks: int = 0

    def record(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        mail = None if self.mail is None else {"gate": self.mail.gate, "decision": self.mail.decision, "reason": self.mail.reason}
        model = None if self.model is None else {"week": self.model.week, "gate_1": self.model.gate_1}
        return {"model": model, "mail": mail, "audit": self.audit, "whole_weeks": self.whole_weeks}


def moved(state: State, to: str, evidence: Evidence, *, by: str = "", reason: str = "", week: str, min_weeks: int = 1) -> State:
    """The state after a move that a person asks for.

    Down to any stage below, ``rollback`` (to shadow) and ``hold`` always; up one stage at a time, and ``resume``, with a name
    and a reason; up also with evidence (``missing``).

    Args:
        state: before it.
        to: a stage, ``hold``, ``resume`` or ``rollback``.
        evidence: as of tonight.
        by: who asks.
        reason: why.
        week: key of the first week whose mail follows the new stage.
        min_weeks: whole weeks of mail that a stage has to have had before the one above.

    Raises:
        MoveRefused: it is not allowed; the message says what is missing.
    """
    if to == HOLD:
        return replace(state, held=reason.strip() or "no reason given")
    target = SHADOW if to == ROLL_BACK else to
    if target not in (*STAGES, RESUME):
        raise MoveRefused(f"There is no stage '{to}'. There are {', '.join(STAGES)}, and {HOLD}, {RESUME} and {ROLL_BACK}.")
    if state.since is None and target == SHADOW:
        return replace(state, since=week)
    if target == state.stage:
        raise MoveRefused(f"The rollout stands at {said(target)} already.")
    if target != RESUME and STAGES.index(target) < STAGES.index(state.stage):
        return replace(state, stage=target, since=week, held=None)
    lacking = list(missing(state, target, evidence, min_weeks)) + list(_unsigned(by, reason))
    if lacking:
        raise MoveRefused(f"The move to {said(target)} has to wait: {'; '.join(lacking)}.")
    if target == RESUME:
        return replace(state, held=None)
    if target == EXPERIMENT:
        assert evidence.model is not None, "asked for by missing()"
        name = _new_name(week, state.experiment)
        return State(EXPERIMENT, week, name, evidence.model.week, evidence.model.settings)
    return replace(state, stage=target, since=week)


def missing(state: State, to: str, evidence: Evidence, min_weeks: int = 1) -> Iterator[str]:
    """What a move up lacks, one thing each, in words for whoever asks; nothing: only a name and a reason."""
    if to == RESUME:
        if state.held is None:
            yield "it is not on hold"
        return
    if state.held is not None:
        yield f"the rollout is on hold, because: {state.held} (TO={RESUME} with BY and REASON lifts it)"
    if to != state.next_stage:
        yield f"stages are taken one by one, and the next one is {said(state.next_stage)}"
    if evidence.model is None:
        yield "no model is approved that could serve"
    elif evidence.model.gate_1 != PASS:
        yield f"the model of week {evidence.model.week} has not passed gate 1 (it says {evidence.model.gate_1})"
    if evidence.audit != PASS:
        yield f"tonight's lists have not passed their audit ({evidence.audit or 'there is none'})"
    if state.stage == SHADOW:
        return
    if evidence.whole_weeks < min_weeks:
        yield f"{said(state.stage)} has had {evidence.whole_weeks} whole weeks of mail of {min_weeks}"
    if evidence.mail is None or evidence.mail.decision != PASS:
        gate = "gate 2 (clicks)" if state.stage == EXPERIMENT else "the no-harm gate"
        yield f"{gate} has not passed: {evidence.mail.reason.rstrip('.') if evidence.mail else 'nothing has been measured yet'}"


def _new_name(week: str, last: str | None) -> str:
    """A new experiment's name: its first week, with a number where the last one began in the same."""
    if last is None or not last.startswith(week):
        return week
    return f"{week}-{int(last.removeprefix(week).removeprefix('-') or 1) + 1}"


def _unsigned(by: str, reason: str) -> Iterator[str]:
    if not by.strip():
        yield "it needs a name (BY=...)"
    if not reason.strip():
        yield "it needs a reason (REASON=...)"


def automatic(state: State, verdict: Verdict, week: str) -> State:
    """The state after a verdict on the mail, by itself: ROLLBACK goes back to shadow, INVALID holds, and both stay so."""
    if state.stage == SHADOW:
        return state
    if verdict.decision == ROLLBACK:
        return replace(state, stage=SHADOW, since=week, held=f"rolled back by {verdict.gate}. {verdict.reason}".rstrip("."))
    if verdict.decision == INVALID and state.held is None:
        return replace(state, held=f"{verdict.gate} is INVALID. {verdict.reason}".rstrip("."))
    return state


def with_model(state: State, model: Model | None, week: str) -> State:
    """The state when another model serves: retrained weights of the same settings go on under the experiment's name.

    Other settings are another treatment: the experiment ends in shadow, and a person starts a new one.
    """
    if state.stage == SHADOW or model is None or model.week == state.model_week:
        return state
    if model.settings == state.model_settings:
        return replace(state, model_week=model.week)
    return replace(state, stage=SHADOW, since=week, held=None)


def said(stage: str | None) -> str:
    """A stage in words."""
    if stage is None:
        return "none: everybody has the blend"
    words = {SHADOW: "shadow (nobody is served)", EXPERIMENT: "the experiment, 50/50", RESUME: "going on"}
    return words.get(stage, f"{stage}%")


def place_of(state: State) -> str:
    """Where it stands, in a sentence."""
    if state.since is None:
        return (
            "No rollout has begun: everybody is served what is approved. TO=shadow serves SQL's lists to all until an experiment."
        )
    since = f"since the week of {state.since}"
    of = f", experiment {state.experiment} with the model of week {state.model_week}" if state.experiment else ""
    return f"The rollout stands at {said(state.stage)} {since}: {state.share:.0%} of people get the blend{of}."

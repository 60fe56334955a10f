"""``make rollout``: where the rollout stands, what the next move needs and when it may come, and moving it."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass

from recs_assets.gates.verdict import Verdict
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.rollout.stages import Evidence, Model, State, missing, moved, said
from recs_assets.settings import Settings
from recs_assets.weeks import ONE_WEEK, key_of, monday


@dataclass(frozen=True)
class Standing:
    """Where a rollout stands at a moment.

    Attributes:
        state: its stage.
        evidence: what a move may rest on.
        lacking: what the move to the stage above needs still; nothing: only a name and a reason.
    """

    state: State
    evidence: Evidence
    lacking: Sequence[str]


def standing_of(warehouse: Warehouse, store: Store, settings: Settings, now: dt.datetime) -> Standing:
    """Where the rollout stands."""
    from recs_assets.steps.standing_rollout import standing  # pandas: 0.4 s at load

    state, _ = standing(warehouse)
    evidence = evidence_of(warehouse, store, settings, state, now)
    if state.next_stage is None:
        return Standing(state, evidence, ())
    return Standing(state, evidence, list(missing(state, state.next_stage, evidence, settings.rollout.min_weeks_at_stage)))


def told(warehouse: Warehouse, store: Store, settings: Settings, now: dt.datetime) -> str:
    """Where it stands, in lines for a product manager."""
    stands = standing_of(warehouse, store, settings, now)
    state, evidence = stands.state, stands.evidence
    lines = [place_of(state)]
    if state.held:
        lines.append(f"It is on hold, because: {state.held}.")
    if evidence.mail is not None:
        lines.append(f"The mail says {evidence.mail.decision}: {evidence.mail.reason}")
    if state.next_stage is None:
        return "\n".join([*lines, "There is no stage above."])
    lines.append(f"The next move is to {said(state.next_stage)}: make rollout TO={state.next_stage} BY=... REASON=...")
    lines.extend(f"  missing: {each}" for each in stands.lacking)
    if not stands.lacking:
        lines.append("  nothing is missing but a name and a reason.")
    if state.since is not None and state.share:
        first = monday(state.since) + settings.rollout.min_weeks_at_stage * ONE_WEEK
        last = monday(state.since) + settings.rollout.looks * ONE_WEEK
        lines.append(
            f"  it can be expected from {first:%Y-%m-%d} on; the last of {settings.rollout.looks} looks is {last:%Y-%m-%d}."
        )
    return "\n".join(lines)


def move(warehouse: Warehouse, store: Store, settings: Settings, *, to: str, by: str, reason: str, now: dt.datetime) -> str:
    """Make a move and say where the rollout stands then.

    Raises:
        MoveRefused: it is not allowed; the message says what is missing.
        RolloutMoved: somebody else was faster.
    """
    from recs_assets.steps.standing_rollout import note, standing  # pandas: 0.4 s at load

    state, sequence = standing(warehouse)
    evidence = evidence_of(warehouse, store, settings, state, now)
    # What is changed tonight is in the mail of the first week that begins after it.
    week = key_of(now + ONE_WEEK)
    after = moved(state, to, evidence, by=by, reason=reason, week=week, min_weeks=settings.rollout.min_weeks_at_stage)
    note(warehouse, after, sequence, action=to, by=by, reason=reason, evidence=evidence, now=now)
    return f"{place_of(after)} The next night serves it: make nightly."


def evidence_of(warehouse: Warehouse, store: Store, settings: Settings, state: State, now: dt.datetime) -> Evidence:
    """What a move may rest on at a moment."""
    with warehouse.session() as session:
        audits, mails = session.rows("newest_audit"), session.rows("newest_mail_verdict")
    whole_weeks = 0 if state.since is None else max(0, (now - monday(state.since)) // ONE_WEEK)
    verdict = None
    if mails:
        figures = json.loads(mails[0]["figures_json"])
        # One of another stage, or of the same before it was left, says nothing of this one.
        if (figures.get("assignment"), figures.get("since")) == (state.assignment, state.since):
            verdict = Verdict(mails[0]["gate"], mails[0]["decision"], mails[0]["reason"], figures)
    return Evidence(_model(store, settings, now), verdict, audits[0]["decision"] if audits else None, whole_weeks)


def _model(store: Store, settings: Settings, now: dt.datetime) -> Model | None:
    from recs_assets.assets.serving import newest_approved  # as definitions: what imports an asset reads the settings
    from recs_assets.steps.standing_rollout import model_of  # pandas: 0.4 s at load

    try:
        return model_of(newest_approved(store, key_of(now)).facts, settings)
    except StoreError:
        return None


def place_of(state: State) -> str:
    """Where it stands, in a sentence."""
    if state.since is None:
        return (
            "No rollout has begun: everybody is served what is approved. TO=shadow serves SQL's lists to all until an experiment."
        )
    since = f"since the week of {state.since}"
    of = f", experiment {state.experiment} with the model of week {state.model_week}" if state.experiment else ""
    return f"The rollout stands at {said(state.stage)} {since}: {state.share:.0%} of people get the blend{of}."

"""Where the rollout stands, and a row for every change of it."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recs_assets.approved_models import newest_approved
from recs_assets.gates.rollout import gate_2, no_harm
from recs_assets.gates.verdict import HOLD, PASS, Verdict
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Session, Warehouse
from recs_assets.rollout.records import row_of, state_of
from recs_assets.rollout.stages import AUTOMATIC, EXPERIMENT, SHADOW, Evidence, Model, State, missing
from recs_assets.settings import Settings
from recs_assets.steps.measure_experiment import Window, measured
from recs_assets.weeks import ONE_WEEK, key_of, monday

# What a treatment is made with: other values of these are another treatment.
TREATMENT = {"events", "co_purchase", "candidates", "rules", "model", "towers", "blend"}


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


def standing(warehouse: Warehouse) -> tuple[State, int]:
    """Where the rollout stands, and the sequence of the row that says so."""
    with warehouse.session() as session:
        return state_of(session.rows("rollout_state"))


def note(
    warehouse: Warehouse,
    state: State,
    sequence: int,
    *,
    action: str,
    reason: str,
    now: dt.datetime,
    by: str = AUTOMATIC,
    evidence: Evidence | None = None,
) -> None:
    """Put a state into the ledger after the row of a sequence; raises as ``Warehouse.note_rollout``."""
    row = row_of(state, action, by=by, reason=reason, evidence=evidence or Evidence(), now=now)
    warehouse.note_rollout(row, expected=sequence)


def model_of(record: Mapping[str, Any], settings: Settings) -> Model | None:
    """The model that a record of what may be served names; ``None`` where a fallback serves."""
    if record["source"] != "blend":
        return None
    values = json.dumps(settings.model_dump(mode="json", include=TREATMENT), sort_keys=True)
    # One that is kept had passed in its own week.
    gate_1 = PASS if record["model_week"] != record["week"] else record["decision"]
    return Model(record["model_week"], hashlib.sha256(values.encode()).hexdigest()[:16], gate_1)


def verdict_of_stage(session: Session, state: State, as_of: dt.datetime, settings: Settings) -> Verdict | None:
    """What the mail says of the stage so far; ``None`` where nobody or everybody is treated.

    Args:
        session: with mail_events and interaction_edges.
        state: the stage.
        as_of: weeks that have ended by then count.
        settings: of the gates.
    """
    if state.stage in {SHADOW, "100"} or state.since is None:
        return None
    window = Window.of(state, as_of, settings.rollout.looks)
    gate = gate_2 if state.stage == EXPERIMENT else no_harm
    if window.look < 1:
        return Verdict(gate.__name__, HOLD, "The first week of mail is not over yet: there is nothing to look at.", {"look": 0})
    return gate(measured(session, state, window, settings.rollout), settings.rollout, window.look)


def standing_of(warehouse: Warehouse, store: Store, settings: Settings, now: dt.datetime) -> Standing:
    """Where the rollout stands."""
    state, _ = standing(warehouse)
    evidence = evidence_of(warehouse, store, settings, state, now)
    if state.next_stage is None:
        return Standing(state, evidence, ())
    return Standing(state, evidence, list(missing(state, state.next_stage, evidence, settings.rollout.min_weeks_at_stage)))


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
    try:
        return model_of(newest_approved(store, key_of(now)).facts, settings)
    except StoreError:
        return None

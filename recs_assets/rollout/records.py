"""The ledger ``rollout``: a state as a row, and the newest row as a state."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from recs_assets.rollout.stages import SHARES, Evidence, State


def state_of(rows: Sequence[Mapping[str, Any]]) -> tuple[State, int]:
    """Where the rollout stands by the rows of ``rollout_state``, and the row's sequence: shadow and 0 where there is none."""
    if not rows:
        return State(), 0
    row = rows[0]
    state = State(
        row["stage"], row["since_week"], row["experiment"], row["model_week"], row["model_settings"], row["held_reason"]
    )
    return state, int(row["sequence"])


def row_of(state: State, action: str, *, by: str, reason: str, evidence: Evidence, now: dt.datetime) -> dict[str, Any]:
    """A row of the ledger without its sequence.

    Args:
        state: after the move.
        action: what was asked for, or what happened by itself.
        by: who asked.
        reason: why.
        evidence: what the move rests on.
        now: the moment.
    """
    return {
        "action": action,
        "stage": state.stage,
        "share": SHARES[state.stage],
        "since_week": state.since,
        "experiment": state.experiment,
        "model_week": state.model_week,
        "model_settings": state.model_settings,
        "held_reason": state.held,
        "moved_by": by,
        "reason": " ".join(reason.split()),
        "evidence_json": json.dumps(evidence.record(), sort_keys=True),
        "noted_at": now,
    }

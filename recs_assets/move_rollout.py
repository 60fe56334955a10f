"""``make rollout``: where the rollout stands, what the next move needs and when it may come, and moving it."""

import datetime as dt

from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.rollout.stages import moved, place_of, said
from recs_assets.settings import Settings
from recs_assets.weeks import ONE_WEEK, key_of, monday


def told(warehouse: Warehouse, store: Store, settings: Settings, now: dt.datetime) -> str:
    """Where it stands, in lines for a product manager."""
    from recs_assets.steps.standing_rollout import standing_of  # pandas: 0.4 s at load

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
    from recs_assets.steps.standing_rollout import evidence_of, note, standing  # pandas: 0.4 s at load

    state, sequence = standing(warehouse)
    evidence = evidence_of(warehouse, store, settings, state, now)
    # What is changed tonight is in the mail of the first week that begins after it.
    week = key_of(now + ONE_WEEK)
    after = moved(state, to, evidence, by=by, reason=reason, week=week, min_weeks=settings.rollout.min_weeks_at_stage)
    note(warehouse, after, sequence, action=to, by=by, reason=reason, evidence=evidence, now=now)
    return f"{place_of(after)} The next night serves it: make nightly."

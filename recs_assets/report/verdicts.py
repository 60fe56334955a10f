"""What a week's verdicts mean to whoever decides: each a sentence with what to do next, the ones that ask for something first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recs_assets.gates.verdict import FAIL, HOLD, INSUFFICIENT_EVIDENCE, INVALID, PASS, ROLLBACK, WARN
from recs_assets.report.facts import Facts
from recs_assets.report.status_text import SYSTEMS

# In the order in which they are read; of all other gates the name is the title.
TITLES = {
    "gate_1": "Is the model better than today's query (SQL)?",
    "left_for_lists": "Do the rules leave enough to recommend?",
    "approval": "What may be served from now on?",
    "source": "What makes the lists?",
    "gate_2": "Do people click more on the blend?",
    "no_harm": "Is it shown that the blend does no harm?",
    "audit": "Does every list obey every rule?",
}
# Said elsewhere, or within another one: a hold is told of without who set it, and the list's users are counted by its audit.
ELSEWHERE = ("hold", "users_served")
NEXT = {
    ("gate_1", PASS): "Nothing to do: the nights that follow serve this model.",
    ("gate_2", PASS): "The rollout may go on: make rollout says what the next move needs.",
    ("no_harm", PASS): "The rollout may go on: make rollout says what the next move needs.",
    (
        "gate_1",
        FAIL,
    ): "Do not ship this model. Nothing to do for the mail, what was served before stays; look at who lost, by stratum.",
    ("gate_1", INSUFFICIENT_EVIDENCE): (
        "Wait: every Monday adds evidence, and what was served before stays. To ship it all the same: "
        'make approve WEEK={week} REASON="...".'
    ),
    ("approval", FAIL): "Nothing to do: what was served before stays, or a fallback serves.",
    ("approval", INSUFFICIENT_EVIDENCE): "Nothing to do: what was served before stays, or a fallback serves.",
    ("audit", FAIL): "Nothing of it was published. Mend what is named, then: make run WEEK={week}, or make nightly.",
    ("source", WARN): "A fallback serves. Look at the verdict on the model, and at the settings that it was fitted with.",
}
BY_DECISION = {
    PASS: "Nothing to do.",
    WARN: "Look at it before the next night; it has stopped nothing.",
    FAIL: "Mend what is named, then run the week again: make run WEEK={week}.",
    INSUFFICIENT_EVIDENCE: "Wait for more weeks; it has stopped nothing that is served.",
    HOLD: "Wait for more mail; the rollout stays where it is. Where that is: make rollout.",
    INVALID: "The rollout is on hold. Mend what is named, then: make rollout TO=resume BY=... REASON=...",
    ROLLBACK: "The next night serves SQL's lists to everybody. To see where the rollout stands: make rollout.",
}


@dataclass(frozen=True)
class Told:
    """A verdict as a person reads it."""

    gate: str
    title: str
    decision: str
    reason: str
    then: str

    @property
    def is_quiet(self) -> bool:
        """It passes and is none of those that are always shown."""
        return self.decision == PASS and self.gate not in TITLES


def verdicts_of(facts: Facts) -> list[Told]:
    """All verdicts of a week: those that are always shown, then what does not pass, then what does."""
    found = {verdict.gate: (verdict.decision, verdict.reason) for verdict in facts.judged.values()}
    if (left := facts.left_for_lists) is not None:
        found[left.gate] = left.decision, left.reason
    if "source" in found and "gate_1" in found:
        # Why the model may serve is said by the gate itself.
        found["source"] = found["source"][0], found["source"][1].replace(f": {found['gate_1'][1]}", ".")
    if "approval" in found:
        found["approval"] = found["approval"][0], _approved(facts.judged["approval"].figures)
    first = [gate for gate in TITLES if gate in found]
    others = sorted(found.keys() - {*first, *ELSEWHERE}, key=lambda gate: (found[gate][0] == PASS, gate))
    return [_told(gate, *found[gate], facts.week) for gate in (*first, *others)]


def _approved(record: Mapping[str, Any]) -> str:
    """What may be served from now on: gate 1 says why beside it, unless somebody overrode it."""
    model = f", the model of week {record['model_week']}" if record["model_week"] else ""
    override = f", because: {record['override_reason']}" if record.get("override_reason") else ""
    stepped = f". {record['stepped_down']}" if record.get("stepped_down") else ""
    return f"from now on lists come from {SYSTEMS[record['source']]}{model}{override}{stepped}.".replace("..", ".")


def answer(facts: Facts) -> str:
    """Would you ship, why, to whom, and what is there to watch? A sentence each."""
    return " ".join(_answer(facts))


def _answer(facts: Facts) -> Iterator[str]:
    if facts.failures:
        yield "This run failed, and nothing was published by it."
    gate = facts.judged.get("gate_1")
    if gate is not None:
        shipping = {PASS: "Ship the model of this week", FAIL: "Do not ship the model of this week"}
        yield f"{shipping.get(gate.decision, 'Do not ship the model of this week yet')}: gate 1 says {gate.decision}."
        yield from _found_in_the_mail(facts)
    elif facts.measured is None:
        yield "Nothing has been learned yet. The next step is to learn from a whole week: make run WEEK=..."
    if facts.served is None:
        yield f"No lists of week {facts.week} are served."
    else:
        model = f", the model of week {facts.served.model_week}" if facts.served.model_week else ""
        made_by = SYSTEMS.get(facts.served.source, "a system that is not known")
        yield f"Its lists are served to {facts.served.n_users:,} people, and come from {made_by}{model}."
    if facts.hold is not None:
        yield (
            f"Publishing is on hold since {facts.hold.noted_at:%Y-%m-%d %H:%M} UTC, because: {facts.hold.reason}. "
            "To lift it: make release REASON=..."
        )
    if watched := [one.title for one in verdicts_of(facts) if one.decision != PASS and one.gate != "gate_1"]:
        yield f"Look at {len(watched)} more of the verdicts below: {'; '.join(title.rstrip('.?') for title in watched)}."
    elif gate is not None:
        yield "No other verdict asks for anything."


def _found_in_the_mail(facts: Facts) -> Iterator[str]:
    slots, metrics = facts.settings.rules.slots, facts.measured.comparison.metrics if facts.measured else {}
    by_blend, by_sql = (metrics.get((system, "hit", slots)) for system in ("blend", "sql"))
    if by_blend is not None and by_sql is not None:
        yield (
            f"Of 100 people who bought something, {100 * by_blend:.0f} would have found it among the {slots} parts of the mail "
            f"with the model, and {100 * by_sql:.0f} with SQL."
        )


def _told(gate: str, decision: str, reason: str, week: str) -> Told:
    then = (NEXT.get((gate, decision)) or BY_DECISION[decision]).format(week=week)
    title = TITLES.get(gate, gate.replace("_", " ").capitalize())
    return Told(gate, title, decision, reason[:1].upper() + reason[1:], then)

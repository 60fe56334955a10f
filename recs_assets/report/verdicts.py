"""What a week's verdicts mean to whoever decides: each a question with its answer and what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from recs_assets.gates.verdict import FAIL, HOLD, INSUFFICIENT_EVIDENCE, INVALID, PASS, ROLLBACK, WARN
from recs_assets.report.facts import Facts
from recs_assets.report.status_text import SYSTEMS

# What each gate asks, so that PASS means yes, in the order in which they are read; {} is the table that a gate is about.
QUESTIONS = {
    "gate_1": "Is the model better than today's query (SQL)?",
    "left_for_lists": "Do the rules leave enough to recommend?",
    "kept_model": "Is the model that stays still no worse than SQL?",
    "approval": "What may be served from now on?",
    "source": "What makes the lists?",
    "gate_2": "Do people click more on the blend?",
    "no_harm": "Is it shown that the blend does no harm?",
    "audit": "Does every list obey every rule?",
    "users_served": "Are enough people served?",
    "mail_coverage": "Do mails hold parts that fit?",
    "mail_reach": "Does the mail reach those who have a list?",
    "overlap": "Does the mail hold what it held before?",
    "score_drift": "Are scores spread as before?",
    "rules": "Does every single rule leave most parts in?",
    "garage_coverage": "Does something fit people's vehicles?",
    "freshness": "Are there recent events?",
    "row_count_*": "Has the table {} kept its rows since last week?",
    "filled_*": "Are the columns of {} as full as before?",
    "created_at_*": "Does created_at of {} say when they came?",
    "added_at_ownership": "Did garages exist in the weeks that are learned from?",
    "ties_*": "Do rows of one key of {} have an order?",
    "left_out_*": "Are few rows of {} repeated or set aside?",
    "universal_products": "Do parts flagged universal name no vehicles?",
    "budget_month": "Is there money left this month?",
    "budget_experiment": "Is there money left for this experiment?",
    "budget_before_gate_1": "Was little spent without a PASS?",
    "hold": "May publishing go on?",
}
# Said even where they pass.
ALWAYS = ("gate_1", "left_for_lists", "approval", "source", "gate_2", "no_harm", "audit")
# Said elsewhere: a hold is told of without who set it.
ELSEWHERE = ("hold",)
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
    ("audit", FAIL): "Nothing of it was published. Fix what is named, then: make run WEEK={week}, or make nightly.",
    ("source", WARN): "A fallback serves. Look at the verdict on the model, and at the settings that it was fitted with.",
}
BY_DECISION = {
    PASS: "Nothing to do.",
    WARN: "Look at it before the next night; it has stopped nothing.",
    FAIL: "Fix what is named, then run the week again: make run WEEK={week}.",
    INSUFFICIENT_EVIDENCE: "Wait for more weeks; it has stopped nothing that is served.",
    HOLD: "Wait for more mail; the rollout stays where it is. Where that is: make rollout.",
    INVALID: "The rollout is on hold. Fix what is named, then: make rollout TO=resume BY=... REASON=...",
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
        """It passes and is none of those that are always said."""
        return self.decision == PASS and self.gate not in ALWAYS


def verdicts_of(facts: Facts) -> list[Told]:
    """All verdicts of a week: gate 1, then what does not pass, then what does, those that are always said first."""
    decisions = {verdict.gate: (verdict.decision, verdict.reason) for verdict in facts.verdicts.values()}
    if (left := facts.left_for_lists) is not None:
        decisions[left.gate] = left.decision, left.reason
    if "source" in decisions and "gate_1" in decisions:
        # Why the model may serve is said by the gate itself.
        decisions["source"] = decisions["source"][0], decisions["source"][1].replace(f": {decisions['gate_1'][1]}", ".")
    if "approval" in decisions:
        decisions["approval"] = decisions["approval"][0], _approved(facts.verdicts["approval"].figures)

    def place(gate: str) -> tuple[bool, bool, bool, int, str]:
        passes = decisions[gate][0] == PASS
        return gate != "gate_1", passes, passes and gate not in ALWAYS, _question(gate)[0], gate

    return [_told(gate, *decisions[gate], facts.week) for gate in sorted(decisions.keys() - set(ELSEWHERE), key=place)]


def _question(gate: str) -> tuple[int, str]:
    """Its place among all questions, and the question; a gate that an earlier version of this program asked comes after them."""
    for place, (pattern, question) in enumerate(QUESTIONS.items()):
        if fnmatch(gate, pattern):
            return place, question.format(gate.removeprefix(pattern.rstrip("*")))
    return len(QUESTIONS), f"{gate}?"


def _approved(record: Mapping[str, Any]) -> str:
    """What may be served from now on: gate 1 says why beside it, unless somebody overrode it."""
    model = f", the model of week {record['model_week']}" if record["model_week"] else ""
    override = f", because: {record['override_reason']}" if record.get("override_reason") else ""
    stepped = f". {record['stepped_down']}" if record.get("stepped_down") else ""
    return f"from now on lists come from {SYSTEMS[record['source']]}{model}{override}{stepped}.".replace("..", ".")


def _told(gate: str, decision: str, reason: str, week: str) -> Told:
    then = (NEXT.get((gate, decision)) or BY_DECISION[decision]).format(week=week)
    return Told(gate, _question(gate)[1], decision, reason[:1].upper() + reason[1:], then)

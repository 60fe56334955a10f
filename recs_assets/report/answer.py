"""Would you ship, why, to whom, and what is there to watch? What a week's page begins with, a sentence or two each."""

from collections.abc import Iterator, Sequence

from recs_assets.cutoff import K
from recs_assets.gates.verdict import FAIL, PASS
from recs_assets.ranking.strata import STRATA
from recs_assets.report.evaluation import Lift
from recs_assets.report.facts import Facts, Measured
from recs_assets.report.status_text import SYSTEMS
from recs_assets.report.verdicts import verdicts_of
from recs_assets.rollout.arms import CONTROL

SHIPPING = {PASS: "Ship the model of this week", FAIL: "Do not ship the model of this week"}

# Said by the answer itself, or following from it: nothing more to look at.
FOLLOWING = ("gate_1", "approval")


def answer(facts: Facts) -> list[str]:
    """The answer, in the order in which it is read; each entry stands alone."""
    return [sentence for sentence in _answer(facts) if sentence]


def _answer(facts: Facts) -> Iterator[str]:
    if facts.failures:
        yield "This run failed, and nothing was published by it."
    gate = facts.verdicts.get("gate_1")
    if gate is not None:
        yield f"{SHIPPING.get(gate.decision, 'Do not ship the model of this week yet')}: gate 1 says {gate.decision}."
    elif facts.measured is not None:
        yield (
            f"No model was evaluated in this week: the newest that was is that of week {facts.measured.week}, of which "
            f"gate 1 says {facts.measured.gate.decision}."
        )
    else:
        yield "Nothing has been learned yet. The next step is to learn from a whole week: make run WEEK=..."
    if facts.measured is not None:
        yield _found_in_the_mail(facts.measured, facts.settings.rules.slots)
        yield _for_whom(facts.measured)
    yield _served(facts)
    if facts.hold is not None:
        yield (
            f"Publishing is on hold since {facts.hold.noted_at:%Y-%m-%d %H:%M} UTC, because: {facts.hold.reason}. "
            "To lift it: make release REASON=..."
        )
    if (left := facts.left_for_lists) is not None:
        short = f", and {left.figures['short']:,} of {left.figures['people']:,} people get a short list" if facts.lists else ""
        yield f"The rules leave {left.figures['left']:,} of {left.figures['parts']:,} parts{short}."
    watched = [one.title for one in verdicts_of(facts) if one.decision != PASS and one.gate not in FOLLOWING]
    if watched:
        yield f"Look at {len(watched)} more of the verdicts below: {' '.join(watched)}"
    elif gate is not None:
        yield "No other verdict asks for anything."


def _found_in_the_mail(measured: Measured, slots: int) -> str:
    by_blend, by_sql = (measured.comparison.metrics.get((system, "hit", slots)) for system in ("blend", "sql"))
    if by_blend is None or by_sql is None:
        return ""
    fewer = (
        f" That is fewer: gate 1 asks about the first {K} parts of a list, and the mail shows {slots}."
        if by_blend < by_sql
        else ""
    )
    return (
        f"Of 100 people who bought something new that may be recommended, {100 * by_blend:.0f} would have found some of it among "
        f"the {slots} parts of the mail with the model, and {100 * by_sql:.0f} with SQL.{fewer}"
    )


def _for_whom(measured: Measured) -> str:
    """For which strata the whole interval of the lift is above zero, or below."""
    lifts = {stratum: measured.gate.strata[stratum] for stratum in STRATA if stratum in measured.gate.strata}
    better, worse = ([name for name, lift in lifts.items() if is_so(lift)] for is_so in (_is_better, _is_worse))
    unknown = [name for name in lifts if name not in (*better, *worse)]
    certain = [f"{what} for {_listed(names)} people" for what, names in (("better", better), ("worse", worse)) if names]
    said = [
        *([f"the model is {' and '.join(certain)}"] if certain else []),
        *([f"these weeks cannot tell for {_listed(unknown)} people alone"] if unknown else []),
    ]
    return f"By the 95% intervals {'; '.join(said)}." if said else ""


def _is_better(lift: Lift) -> bool:
    return lift.low is not None and lift.low > 0


def _is_worse(lift: Lift) -> bool:
    return lift.high is not None and lift.high < 0


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _served(facts: Facts) -> str:
    if facts.served is None:
        return f"No lists of week {facts.week} are served."
    model = f", the model of week {facts.served.model_week}" if facts.served.model_week else ""
    made_by = SYSTEMS.get(facts.served.source, "a system that is not known")
    n_control = facts.lists.arms.get(CONTROL, 0) if facts.lists else 0
    control = f" {n_control:,} of them are in the control arm of the rollout and get SQL's lists." if n_control else ""
    return f"The lists of this week are served to {facts.served.n_users:,} people, and come from {made_by}{model}.{control}"

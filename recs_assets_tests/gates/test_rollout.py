"""Gate 2 and the no-harm gate: every verdict, with its reason."""

from dataclasses import replace

import numpy as np
import pytest

from recs_assets import settings_file
from recs_assets.gates.rollout import Measured, SendWeek, gate_2, no_harm
from recs_assets.gates.verdict import HOLD, INVALID, PASS, ROLLBACK
from recs_assets.ranking.experiments.sums import ArmSums

RULES = settings_file.load().rollout
PEOPLE = 100_000  # an arm


def arm(n_events: int, people: int = PEOPLE) -> ArmSums:
    """People with one mail each, so many of whom do something."""
    return ArmSums.of(np.repeat([1.0, 0.0], [n_events, people - n_events]), np.ones(people))


def measured(clicks: tuple[int, int], **others: tuple[int, int]) -> Measured:
    pairs = {"all_clicks": clicks, "unsubscribed": (100, 100), "complained": (10, 10), "orders": (4_000, 4_000)}
    pairs |= {"clicks": clicks, "mails": (98_000, 98_000)} | others
    sums = {name: (arm(control), arm(treated)) for name, (control, treated) in pairs.items()}
    weeks = (SendWeek(200_000, 196_000, 4_000), SendWeek(200_000, 196_000, 4_100))
    return Measured(sums, (PEOPLE, PEOPLE), (PEOPLE, PEOPLE), 0, 0, weeks, 0.5)


@pytest.mark.parametrize(
    ("clicks", "look", "decision", "said"),
    [
        ((2_000, 2_300), 6, PASS, "at least the +10% asked for"),
        ((2_000, 2_300), 1, HOLD, "not shown yet: at least the +10% asked for"),  # the first look asks for 5 standard errors
        ((2_000, 2_150), 6, HOLD, "The planned looks are over"),
        ((2_000, 1_700), 1, ROLLBACK, "The treated do less"),
        ((2_000, 1_950), 1, HOLD, "Lifts from"),
        ((0, 2_300), 6, HOLD, "Too few clicks"),
    ],
)
def test_gate_2(clicks: tuple[int, int], look: int, decision: str, said: str) -> None:
    verdict = gate_2(measured(clicks), RULES, look)
    assert (verdict.decision, said in verdict.reason) == (decision, True), verdict.reason


def test_a_pass_tells_all_there_is_to_tell() -> None:
    verdict = gate_2(measured((2_000, 2_300), all_clicks=(4_000, 4_300)), RULES, 6)
    assert verdict.figures["lift"] == pytest.approx(0.15)
    assert verdict.figures["lift_with_machines"] == pytest.approx(0.075)
    assert verdict.figures["low"] < 0.15 < verdict.figures["high"]
    # One standard error of the log ratio is sqrt(1/2000 + 1/2300 - 2/100000) = 3.0%.
    assert verdict.figures["error"] == pytest.approx(0.0302, abs=1e-4)
    assert verdict.figures["smallest_detectable_lift"] == pytest.approx(np.expm1((2.0528 + 0.8416) * 0.0302), abs=1e-3)
    assert 1 < verdict.figures["inflation"] < 1.3
    assert "a win reads" in verdict.reason


@pytest.mark.parametrize(
    ("others", "decision", "said"),
    [
        ({"unsubscribed": (100, 110)}, PASS, "no guardrail suffers"),
        ({"unsubscribed": (100, 130)}, HOLD, "that unsubscribed do not suffer"),
        ({"unsubscribed": (100, 300)}, ROLLBACK, "unsubscribed got worse by more than is tolerated"),
        ({"orders": (4_000, 3_200)}, ROLLBACK, "orders got worse"),
        ({"mails": (98_000, 90_000)}, ROLLBACK, "mails got worse"),
    ],
)
def test_guardrails(others: dict[str, tuple[int, int]], decision: str, said: str) -> None:
    verdict = gate_2(measured((2_000, 2_300), **others), RULES, 6)
    assert (verdict.decision, said in verdict.reason) == (decision, True), verdict.reason


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"n_in_two_arms": 64}, "64 people stand in both arms"),
        ({"n_misplaced": 3}, "3 people are in another arm than salt and share give"),
        ({"assigned": (PEOPLE, 98_000)}, "98,000 people were assigned to the treated arm and 100,000"),
        ({"mailed": (PEOPLE, 98_000)}, "98,000 people were mailed in the treated arm"),
        ({"weeks": (SendWeek(100, 98, 4), SendWeek(100, 30, 1))}, "the newest week has 30.00% of its mails delivered"),
        ({"weeks": (SendWeek(1_000, 980, 40), SendWeek(1_000, 980, 10))}, "of its delivered mails clicked"),
    ],
)
def test_what_makes_numbers_mean_nothing(changed: dict[str, object], said: str) -> None:
    changed_figures = replace(measured((2_000, 2_300)), **changed)
    for gate in (gate_2, no_harm):
        verdict = gate(changed_figures, RULES, 6)
        assert (verdict.decision, said in verdict.reason) == (INVALID, True), verdict.reason


@pytest.mark.parametrize(("clicks", "decision"), [((2_000, 2_050), PASS), ((2_000, 1_980), HOLD), ((2_000, 1_700), ROLLBACK)])
def test_no_harm_asks_only_that_a_loss_is_refuted(clicks: tuple[int, int], decision: str) -> None:
    assert no_harm(measured(clicks), RULES, 2).decision == decision

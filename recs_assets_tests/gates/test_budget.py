"""Budgets, by hand: reached is used up, and the reason says what was spent on what."""

import pytest

from recs_assets.gates.budget import Spent, budgets
from recs_assets.gates.verdict import FAIL, PASS

LIMITS = {"max_experiment": 1000.0, "max_before_gate_1": 100.0, "max_month": 800.0}


@pytest.mark.parametrize(
    ("experiment", "month", "has_passed", "decided"),
    [
        (0.0, 0.0, False, [PASS, PASS, PASS]),
        (99.99, 799.99, False, [PASS, PASS, PASS]),
        (100.0, 0.0, False, [PASS, PASS, FAIL]),
        (999.99, 0.0, True, [PASS, PASS, PASS]),
        (1000.0, 0.0, True, [PASS, FAIL, PASS]),
        (0.0, 800.0, False, [FAIL, PASS, PASS]),
    ],
)
def test_what_is_reached_is_used_up(experiment: float, month: float, has_passed: bool, decided: list[str]) -> None:
    spent = Spent({"a": experiment}, {"b": month}, has_passed)
    assert [verdict.decision for verdict in budgets(spent, **LIMITS)] == decided


def test_a_used_up_budget_says_what_was_spent_on_what_and_the_way_out() -> None:
    spent = {"exports": 10.0, "trained_model": 85.5, "user_scores": 3.0, "sql_scores": 1.75}
    *_, before = budgets(Spent(spent, {}, has_passed=False), **LIMITS)
    assert (before.gate, before.figures) == ("budget_before_gate_1", {"spent_usd": 100.25, "limit_usd": 100.0})
    assert before.reason == (
        "$100.25 spent in this experiment, in which gate 1 has not passed yet (most of it on trained_model $85.50, exports "
        "$10.00, user_scores $3.00): gates.max_usd_before_gate_1 allows $100.00. Nothing more is spent: find out on the last "
        "evaluation, which costs nothing (make report), why it does not pass, or raise it."
    )


def test_without_a_limit_nothing_is_used_up() -> None:
    spent = Spent({"a": 1e6}, {"a": 1e6}, has_passed=False)
    for verdict in budgets(spent, max_experiment=None, max_before_gate_1=None, max_month=None):
        assert (verdict.decision, verdict.reason[-16:]) == (PASS, "no limit is set.")

"""Dates that a load or a migration has written: refused, or told."""

import pytest

from recs_assets.breaches import ContractError
from recs_assets.gates.dates import added_at, created_at, refuse_load_times, ties
from recs_assets.gates.verdict import FAIL, PASS, WARN


@pytest.mark.parametrize(
    ("n_seen", "n_later", "n_reset", "decision"),
    [
        (0, 0, 0, PASS),
        (10, 0, 1, PASS),
        (10, 0, 2, WARN),
        (10, 5, 5, WARN),
        (10, 6, 6, FAIL),
        (1, 1, 1, FAIL),
    ],
)
def test_dates_after_what_is_known_warn_and_most_of_them_after_the_week_refuse(
    n_seen: int, n_later: int, n_reset: int, decision: str
) -> None:
    counts = {"n_seen": n_seen, "n_later": n_later, "n_reset": n_reset}
    verdict = created_at("users", counts, max_later_share=0.5, max_reset_share=0.1)
    assert (verdict.gate, verdict.decision, verdict.figures) == ("created_at_users", decision, counts)
    assert created_at("users", counts, max_later_share=1, max_reset_share=None).decision == PASS


def test_a_refusal_names_the_column_the_share_and_the_fix() -> None:
    verdict = created_at("users", {"n_seen": 200, "n_later": 180, "n_reset": 180}, max_later_share=0.5, max_reset_share=0.1)
    with pytest.raises(ContractError) as raised:
        refuse_load_times("users", "2026-09-28", verdict)
    assert str(raised.value) == (
        "source table 'users', column 'created_at', week 2026-09-28: 90.0% of the 200 users with events or vehicles from before "
        "the week's end have a created_at that is later: more than 50%, as after a load or a migration (180 rows). Write there "
        "since when the shop has known each of them, and NULL where nobody can tell: that is since ever."
    )


@pytest.mark.parametrize(("n_known", "decision"), [(0, WARN), (24, WARN), (25, PASS), (100, PASS)])
def test_garages_that_no_week_before_had(n_known: int, decision: str) -> None:
    verdict = added_at({"n_garages": 100, "n_known": n_known}, days=84, min_share=0.25)
    assert verdict.decision == decision
    assert ("ownership.added_at" in verdict.reason) == (decision == WARN)
    assert added_at({"n_garages": 0, "n_known": 0}, days=84, min_share=0.25).decision == PASS


@pytest.mark.parametrize(("n_tied", "decision"), [(0, PASS), (1, PASS), (2, WARN)])
def test_rows_of_one_key_and_moment(n_tied: int, decision: str) -> None:
    verdict = ties("users", {"n_rows": 100, "n_tied": n_tied}, max_share=0.01)
    assert (verdict.gate, verdict.decision) == ("ties_users", decision)
    assert ties("users", {"n_rows": 2, "n_tied": 1}, max_share=0.01).decision == PASS, "a single row is no pattern"
    assert ties("users", {"n_rows": 0, "n_tied": 0}, max_share=0.01).decision == PASS

"""Garages and fitment that do not meet: refused where they never do or far less than before, told where they seldom do."""

import pytest

from recs_assets.breaches import ContractError
from recs_assets.gates.coverage import fitting_parts, refuse_bare_garages, universal
from recs_assets.gates.verdict import FAIL, PASS, WARN

LIMITS = {"max_share": 0.25, "max_rise": 0.2}


def counts(n_owners: int, n_without: int) -> dict[str, int]:
    return {"n_owners": n_owners, "n_without": n_without}


@pytest.mark.parametrize(
    ("now", "before", "decision"),
    [
        (counts(0, 0), None, PASS),
        (counts(100, 25), None, PASS),
        (counts(100, 26), None, WARN),
        (counts(100, 100), None, FAIL),
        (counts(100, 100), counts(100, 100), FAIL),
        (counts(100, 31), counts(100, 10), FAIL),
        (counts(100, 30), counts(100, 10), WARN),
        (counts(100, 21), counts(100, 0), FAIL),
        (counts(100, 20), counts(0, 0), PASS),
        (counts(200, 20), counts(100, 90), PASS),
    ],
)
def test_people_with_a_vehicle_for_whom_nothing_fits(now: dict[str, int], before: dict[str, int] | None, decision: str) -> None:
    assert fitting_parts("garage_coverage", now, before, **LIMITS).decision == decision


def test_a_mail_without_any_fitting_part_is_told_and_stopped_only_where_the_last_one_had_some() -> None:
    assert fitting_parts("mail_coverage", counts(2, 2), None, **LIMITS).decision == WARN
    assert fitting_parts("mail_coverage", counts(2, 2), counts(2, 1), **LIMITS).decision == FAIL
    assert fitting_parts("mail_coverage", counts(2, 2), counts(2, 1), max_share=None, max_rise=None).decision == PASS


def test_a_refusal_says_what_to_look_at() -> None:
    with pytest.raises(ContractError, match="source table 'fitment', week 2026-09-28: 3 of 3 people with a vehicle") as raised:
        refuse_bare_garages("2026-09-28", fitting_parts("garage_coverage", counts(3, 3), None, **LIMITS))
    assert "Look whether ownership and fitment name vehicles by the same ids" in str(raised.value)


@pytest.mark.parametrize(("n_overruled", "decision"), [(0, PASS), (1, PASS), (2, WARN)])
def test_parts_flagged_as_universal_that_name_vehicles(n_overruled: int, decision: str) -> None:
    verdict = universal({"n_universal": 100, "n_overruled": n_overruled}, max_share=0.01)
    assert verdict.decision == decision
    assert universal({"n_universal": 0, "n_overruled": 0}, max_share=0.01).decision == PASS

"""How much of a table may be faulty, and of which kind of event."""

from typing import Any

import pytest

from recs_assets.breaches import ContractError
from recs_assets.gates.faults import refuse_too_many_faults, rows_of_kinds
from recs_assets.gates.source import row_counts

WEEK = "2026-09-28"
FAULTS: list[dict[str, Any]] = [
    {"fault": "no user", "n_rows": 10, "sample_1": "e4"},
    {"fault": "unknown user_id", "n_rows": 4, "sample_1": "e1", "sample_2": "e2", "sample_3": None},
    {"fault": "quantity is 0", "n_rows": 1, "sample_1": "e5", "sample_2": None, "sample_3": None},
]


def refusal(n_rows: int, by_kind: list[tuple[str, str | None, int]] | None = None) -> str:
    """What a table of so many rows is told; "" where it is taken."""
    kinds = [{"kind": kind, "fault": fault, "n_rows": n} for kind, fault, n in by_kind or []]
    try:
        counts = row_counts("events", FAULTS, n_rows)
        refuse_too_many_faults("events", WEEK, FAULTS, counts, 0.05, rows_of_kinds("events", kinds, 100))
    except ContractError as error:
        return str(error)
    return ""


def test_five_percent_of_faults_are_accepted_and_more_are_not() -> None:
    assert refusal(100) == ""
    with pytest.raises(ContractError) as raised:
        refuse_too_many_faults("events", WEEK, FAULTS, row_counts("events", FAULTS, 1099, 99), 0.05, {})
    assert raised.value.samples == ("e1", "e2")
    assert (
        "5 of its 99 rows are faulty, 5.1% where source.max_quarantined_share allows 5%: 4 unknown user_id; 1 quantity is 0"
        in str(raised.value)
    )
    assert "WHERE week = '2026-09-28' AND source_table = 'events'. Fix the source;" in str(raised.value)


def test_faults_of_one_kind_of_event_do_not_hide_among_the_others() -> None:
    views = [("view", None, 860), ("view", "no user", 10), ("view", "quantity is 0", 1), ("view", "outside window", 50)]
    orders = [("order", None, 75), ("order", "unknown user_id", 4), ("order", "exact duplicate", 1)]
    assert refusal(1000, [*views, *orders, ("order", "no user", 20)]) == ""  # 4 of 100
    assert "4 of its 79 rows with event_type" not in refusal(1000, [*views, *orders[:2]])  # too few to judge
    told = refusal(1000, [*views, ("order", None, 75), ("order", "unknown user_id", 4), ("order", "quantity is 0", 21)])
    assert "25 of its 100 rows with event_type 'order' are faulty, 25.0% where" in told
    assert told.index("21 quantity is 0") < told.index("4 unknown user_id")
    assert "for example 'e5'" in told
    # What lies outside the window makes no share smaller.
    carts = [("cart", None, 94), ("cart", "quantity is 0", 6), ("cart", "outside window", 900)]
    assert "6 of its 100 rows" in refusal(1000, carts)

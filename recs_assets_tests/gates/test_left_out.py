"""What ordinary rows that are left out may amount to."""

import pytest

from recs_assets.breaches import ContractError
from recs_assets.gates.left_out import left_out, refuse_few_left, refuse_nothing_but_returns
from recs_assets.gates.source import RowCounts
from recs_assets.gates.verdict import PASS, WARN

LIMITS = {"max_set_aside_share": 0.5, "max_repeated_share": 0.05}


def counts(set_aside=None, duplicates=None, quarantined=None):
    return RowCounts(1100, quarantined or {}, set_aside or {}, duplicates or {}, outside_window=100)


@pytest.mark.parametrize(
    ("rows", "decision"),
    [
        (counts(), PASS),
        (counts({"bot": 500, "no user": 400}), PASS),
        (counts({"bot": 501}), WARN),
        (counts(duplicates={"exact duplicate": 30, "repeated purchase": 20}), PASS),
        (counts(duplicates={"exact duplicate": 30, "repeated purchase": 21}), WARN),
    ],
)
def test_much_of_one_reason_and_many_repetitions_warn(rows, decision):
    assert left_out("events", rows, {}, **LIMITS).decision == decision


def test_a_warning_names_the_reason_its_share_and_some_parts():
    rows = counts({"part not sold": 900}, {"repeated purchase": 70})
    assert left_out("events", rows, {}, **LIMITS, samples=["p1", "p2"]).reason == (
        "90.0% of the rows are set aside as 'part not sold', for example 'p1', 'p2'; "
        "7.0% of the rows repeat others (70 'repeated purchase')."
    )


def test_what_is_set_aside_of_one_kind_does_not_hide_among_the_others():
    rows = counts({"no user": 151, "return": 100})
    kinds = {"view": {None: 700, "no user": 50}, "order": {None: 49, "no user": 101, "return": 50}, "cart": {"return": 50}}
    told = "50.5% of the rows with event_type 'order' are set aside as 'no user'"
    assert left_out("events", rows, kinds | {"cart": {None: 50, "return": 50}}, **LIMITS).reason == f"{told}."
    assert left_out("events", rows, {"order": {None: 100, "no user": 100}}, **LIMITS).decision == PASS


@pytest.mark.parametrize(
    ("orders", "is_refused"),
    [
        ({"return": 90, "unknown user_id": 3, "no user": 10}, True),
        ({None: 1, "return": 99}, False),
        ({"no user": 60, "return": 50}, False),
        ({None: 100}, False),
    ],
)
def test_orders_that_only_take_back_are_refused(orders, is_refused):
    kinds = {"view": {None: 900}, "order": orders}
    if not is_refused:
        assert refuse_nothing_but_returns("events", "2026-09-28", kinds) is None
        return
    with pytest.raises(ContractError, match=r"none of the rows with event_type .order. buys anything.*90 rows.*with a positive"):
        refuse_nothing_but_returns("events", "2026-09-28", kinds)


@pytest.mark.parametrize(("last_week", "set_aside"), [(None, 999), (20, 990), (0, 999), (5000, 0)])
def test_what_is_left_may_be_little(last_week, set_aside):
    assert refuse_few_left("events", "2026-09-28", counts({"bot": set_aside} if set_aside else {}), last_week, 0.5) is None


@pytest.mark.parametrize(
    ("last_week", "set_aside", "told"),
    [(None, 1000, "none of its rows is left"), (21, 990, "10 of its rows are left, 21 were last week")],
)
def test_a_join_that_broke_is_refused(last_week, set_aside, told):
    with pytest.raises(ContractError, match=f"events', week 2026-09-28: {told}: most of what is left out is 'part not sold'"):
        refuse_few_left("events", "2026-09-28", counts({"part not sold": set_aside}), last_week, 0.5)

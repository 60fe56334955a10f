"""A catalogue that one rule keeps out, and types excluded by names that no part has."""

import pytest

from recs_assets.gates.catalogue import left_for_lists, left_out
from recs_assets.gates.verdict import PASS, WARN

NO_IMAGE, CHEAP = "no https image", "price below minimum"


@pytest.mark.parametrize(
    ("reasons", "n_unmatched", "decision"),
    [
        ([None] * 4, 1, PASS),
        ([None, None, NO_IMAGE, NO_IMAGE], 0, PASS),
        ([None, CHEAP, NO_IMAGE, NO_IMAGE], 0, PASS),
        ([None, NO_IMAGE, NO_IMAGE, NO_IMAGE], 0, WARN),
        ([None] * 4, 2, WARN),
    ],
)
def test_what_the_rules_leave(reasons: list[str | None], n_unmatched: int, decision: str) -> None:
    assert left_out(reasons, n_excluded_types=2, n_unmatched=n_unmatched, max_share=0.5).decision == decision


def test_a_warning_says_which_rule_and_where_to_look() -> None:
    verdict = left_out([NO_IMAGE, NO_IMAGE, None], n_excluded_types=1, n_unmatched=1, max_share=0.5)
    assert verdict.reason == (
        "2 of 3 parts are in no list because of 'no https image', more than 50%: look at the column behind it, or at the rule "
        "(section rules in the settings); no part is of any type in rules.excluded_part_types: write the types there as the shop "
        "names them."
    )
    assert left_out([NO_IMAGE, NO_IMAGE], n_excluded_types=0, n_unmatched=0, max_share=None).decision == PASS


@pytest.mark.parametrize(
    ("n_cheap", "lengths", "decision"),
    [
        (50, {20: 100}, PASS),
        (51, {20: 100}, WARN),
        (50, {20: 95, 19: 5}, PASS),
        (50, {20: 94, 19: 6}, WARN),
        (50, {}, PASS),
    ],
)
def test_enough_is_left_to_fill_the_lists(n_cheap: int, lengths: dict[int, int], decision: str) -> None:
    given = {"n_parts": 100, "left_out": {CHEAP: n_cheap}, "lengths": lengths, "list_length": 20}
    assert left_for_lists(**given, min_left=0.5, max_short=0.05).decision == decision
    assert left_for_lists(**given, min_left=None, max_short=None).decision == PASS


def test_a_shop_of_seven_parts_is_told_which_rule_and_who_gets_short_lists() -> None:
    verdict = left_for_lists(
        n_parts=400, left_out={NO_IMAGE: 3, CHEAP: 390}, lengths={7: 60}, list_length=20, min_left=0.5, max_short=0.05
    )
    assert verdict.reason == (
        "the rules leave 7 of 400 parts, less than 50%; left out are 390 'price below minimum', 3 'no https image': look at the "
        "column behind the first of these rules, or at section rules in the settings; 60 of 60 people get fewer than 20 parts: "
        "look at the rules, and at whether fitment reaches their vehicles."
    )
    assert verdict.figures == {"parts": 400, "left": 7, "people": 60, "short": 60}


def test_what_each_rule_removes_is_told_where_enough_is_left() -> None:
    given = {"n_parts": 100, "lengths": {20: 9, 7: 1}, "list_length": 20, "min_left": 0.5, "max_short": 0.5}
    verdict = left_for_lists(left_out={NO_IMAGE: 3, CHEAP: 20}, **given)
    assert verdict.reason == (
        "77 of 100 parts may be recommended, left out are 20 'price below minimum', 3 'no https image'; "
        "1 of 10 people get fewer than 20."
    )
    assert left_for_lists(left_out={}, **given).reason == "100 of 100 parts may be recommended; 1 of 10 people get fewer than 20."

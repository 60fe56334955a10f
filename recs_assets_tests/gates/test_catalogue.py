"""A catalogue that one rule keeps out, and types excluded by names that no part has."""

import pytest

from recs_assets.gates.catalogue import left_out
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

"""The audit of a staged list: which count is whose check, and how many people have to be served."""

import datetime as dt
import json
import re
from typing import Any

import pytest

from recs_assets import settings_file
from recs_assets.assets.auditing import (
    CHECKED_COUNTS,
    Staged,
    audit_parameters,
    audit_results,
    audit_row,
    breaches,
)
from recs_assets.gates.publication import audit
from recs_assets.own_tables import AUDITS
from recs_assets.resources.queries import query_text

SETTINGS = settings_file.load()
WEEK = dt.date(2026, 9, 28)
CLEAN: dict[str, Any] = {
    "n_rows": 40,
    "n_users": 2,
    "content_hash": "1-2-40",
    "mail_hash": "3-4-2",
    "price_too_low": 0,
    "refurbished": 0,
    "duplicate_product": 0,
    "rank_gaps": 0,
    "tie_out_of_order": 0,
}


def shown(found: dict[str, Any], required: int = 1) -> dict[str | None, tuple[bool, dict[str, Any]]]:
    results = audit_results(found, required)
    return {r.check_name: (r.passed, {name: value.value for name, value in r.metadata.items()}) for r in results}


def test_a_clean_list_passes_all_six_checks() -> None:
    assert shown(CLEAN) == {
        "rules": (True, {}),
        "no_duplicates": (True, {}),
        "price": (True, {}),
        "scores": (True, {}),
        "reasons": (True, {}),
        "users": (True, {"users": 2, "required": 1}),
    }


@pytest.mark.parametrize(
    ("count", "check"),
    [
        ("price_too_low", "price"),
        ("duplicate_product", "no_duplicates"),
        ("rank_gaps", "no_duplicates"),
        ("tie_out_of_order", "scores"),
        ("refurbished", "rules"),
        ("reason_count_wrong", "reasons"),
        ("a_rule_of_tomorrow", "rules"),
    ],
)
def test_each_breach_fails_exactly_one_check_and_shows_its_count(count: str, check: str) -> None:
    found = shown(CLEAN | {count: 3})
    assert found[check] == (False, {count: 3})
    assert {name for name, (passed, _) in found.items() if not passed} == {check}


def test_every_promise_about_reasons_is_shown_by_the_check_on_reasons() -> None:
    assert set(re.findall(r" AS (reason_\w+)", query_text("reasons"))) == set(CHECKED_COUNTS["reasons"])


def test_too_few_people_fail_the_check_on_people() -> None:
    assert shown(CLEAN, required=3)["users"] == (False, {"users": 2, "required": 3})


def test_sizes_and_hash_are_no_breaches() -> None:
    assert breaches(CLEAN | {"price_too_low": 2}) == {"price_too_low": 2}


def test_the_audit_reads_the_constants_of_the_rules() -> None:
    found = audit_parameters(SETTINGS, has_fitment=True)
    assert (found["min_price"], found["max_per_part_type"], found["slots"], found["list_length"]) == (50.0, 2, 4, 20)
    assert (found["has_fitment"], found["require_fitment"]) == (True, True)
    assert "Gift Cards" in list(SETTINGS.rules.excluded_part_types or ())
    assert found["excluded_part_types"] == list(SETTINGS.rules.excluded_part_types or ())


def test_a_rule_that_is_off_reaches_the_audit_as_off() -> None:
    rules = SETTINGS.rules.model_copy(update={"excluded_part_types": None, "min_price": None})
    found = audit_parameters(SETTINGS.model_copy(update={"rules": rules}), has_fitment=False)
    assert (found["excluded_part_types"], found["min_price"], found["has_fitment"]) == ([], None, False)


def test_each_run_and_week_stages_under_names_of_its_own() -> None:
    assert Staged.of_run("0a1b2c3d-4e5f-6789-abcd-ef0123456789", WEEK) == Staged(
        "audit_20260928_0a1b2c3d4e5f",
        "staged_recommendations_20260928_0a1b2c3d4e5f",
        "staged_wide_20260928_0a1b2c3d4e5f",
    )


def test_the_ledger_keeps_the_verdict_with_its_breaches() -> None:
    staged = Staged("audit_1", "staged_recommendations_1", "staged_wide_1")
    found = CLEAN | {"price_too_low": 3}
    verdict = audit(breaches(found), n_users=2, required_users=1)
    row = audit_row(staged, WEEK, found, verdict, "run 1").to_pylist()[0]
    assert list(row) == list(AUDITS)
    assert (row["audit_id"], row["staged_table"], row["decision"]) == ("audit_1", "staged_recommendations_1", "FAIL")
    assert (row["n_rows"], row["n_users"], row["content_hash"]) == (40, 2, "1-2-40")
    assert json.loads(row["violations_json"]) == {"price_too_low": 3}
    assert (row["mail_hash"], row["reason"]) == ("3-4-2", verdict.reason)

"""The audit of a staged list: which count is whose check, and how many people have to be served."""

import datetime as dt
import json
import re
from typing import Any

import pytest

from recs_assets import settings_file
from recs_assets.assets.auditing import CHECKED_COUNTS, Audit, audit_parameters, audit_results, audit_row
from recs_assets.assets.staging import Staged, StagedTables
from recs_assets.gates import publication
from recs_assets.gates.verdict import PASS, Verdict
from recs_assets.own_tables import AUDITS
from recs_assets.resources.queries import query_text

SETTINGS = settings_file.load()
WEEK = dt.date(2026, 9, 28)
STAGED = Staged(StagedTables("audit_1", "staged_recommendations_1", "staged_wide_1"), 40, 2, "1-2-40", "3-4-2")


def audit_with(required: int = 1, **breaches: int) -> Audit:
    verdict = publication.audit(breaches, n_users=STAGED.n_users, required_users=required)
    spread, kept = Verdict("score_drift", PASS, "as before"), Verdict("overlap", PASS, "as before")
    reached, covered = Verdict("mail_reach", PASS, "everybody"), Verdict("mail_coverage", PASS, "as before")
    served = publication.users_served(STAGED.n_users, required)
    return Audit(breaches, required, verdict, served, spread, kept, reached, covered, 0)


def shown(audit: Audit) -> dict[str | None, tuple[bool, dict[str, Any]]]:
    results = audit_results(STAGED, audit)
    return {r.check_name: (r.passed, {name: value.value for name, value in r.metadata.items()}) for r in results}


def test_a_clean_list_passes_all_checks() -> None:
    assert shown(audit_with()) == {
        "rules": (True, {}),
        "arms": (True, {}),
        "no_duplicates": (True, {}),
        "price": (True, {}),
        "scores": (True, {}),
        "reasons": (True, {}),
        "mail": (True, {}),
        "users": (True, {"users": 2, "required": 1}),
        "score_drift": (True, {"decision": "PASS", "reason": "as before"}),
        "overlap": (True, {"decision": "PASS", "reason": "as before"}),
        "mail_reach": (True, {"decision": "PASS", "reason": "everybody"}),
        "mail_coverage": (True, {"decision": "PASS", "reason": "as before"}),
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
        ("mailed_without_consent", "mail"),
        ("a_rule_of_tomorrow", "rules"),
    ],
)
def test_each_breach_fails_exactly_one_check_and_shows_its_count(count: str, check: str) -> None:
    results = shown(audit_with(**{count: 3}))
    assert results[check] == (False, {count: 3})
    assert {name for name, (passed, _) in results.items() if not passed} == {check}


def test_every_promise_about_reasons_is_shown_by_the_check_on_reasons() -> None:
    assert set(re.findall(r" AS (reason_\w+)", query_text("reasons"))) == set(CHECKED_COUNTS["reasons"])


def test_every_promise_about_the_mail_is_shown_by_the_check_on_it() -> None:
    select = query_text("mail_audit").split("\nSELECT\n")[-1]
    assert ("n_mailed", "n_placeholders", *CHECKED_COUNTS["mail"]) == (
        *re.findall(r" AS (\w+)", select),
        "mails_fewer_than_allowed",
    )


def test_too_few_people_fail_the_check_on_people() -> None:
    assert shown(audit_with(required=3))["users"] == (False, {"users": 2, "required": 3})


def test_the_audit_reads_the_constants_of_the_rules() -> None:
    given = audit_parameters(SETTINGS, has_fitment=True)
    assert (given["min_price"], given["max_per_part_type"], given["slots"], given["list_length"]) == (
        50.0,
        2,
        4,
        20,
    )
    assert (given["has_fitment"], given["require_fitment"]) == (True, True)
    assert "Gift Cards" in list(SETTINGS.rules.excluded_part_types or ())
    assert given["excluded_part_types"] == [name.lower() for name in SETTINGS.rules.excluded_part_types or ()]


def test_a_rule_that_is_off_reaches_the_audit_as_off() -> None:
    rules = SETTINGS.rules.model_copy(update={"excluded_part_types": None, "min_price": None})
    given = audit_parameters(SETTINGS.model_copy(update={"rules": rules}), has_fitment=False)
    assert (given["excluded_part_types"], given["min_price"], given["has_fitment"]) == ([], None, False)


def test_the_ledger_keeps_the_verdict_with_its_breaches() -> None:
    audit = audit_with(price_too_low=3)
    row = audit_row(STAGED, audit, WEEK, "run 1").to_pylist()[0]
    assert list(row) == list(AUDITS)
    assert (row["audit_id"], row["staged_table"], row["decision"]) == ("audit_1", "staged_recommendations_1", "FAIL")
    assert (row["n_rows"], row["n_users"], row["content_hash"]) == (40, 2, "1-2-40")
    assert json.loads(row["violations_json"]) == {"price_too_low": 3}
    assert (row["mail_hash"], row["reason"]) == ("3-4-2", audit.verdict.reason)

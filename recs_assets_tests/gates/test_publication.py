"""What the gates on a staged list say."""

import datetime as dt
from typing import Any

import numpy as np
import pytest

from recs_assets import settings_file
from recs_assets.gates.publication import (
    audit,
    mail_reach,
    missing_mails,
    overlap,
    required_users,
    score_drift,
    served_source,
    users_served,
)
from recs_assets.gates.verdict import FAIL, PASS, WARN, Verdict

SETTINGS = settings_file.load()
WEEK = dt.date(2026, 9, 28)


@pytest.mark.parametrize(("n_users", "decision"), [(949, FAIL), (950, PASS), (2_000, PASS)])
def test_users_served(n_users, decision):
    assert users_served(n_users, 950).decision == decision


@pytest.mark.parametrize(
    ("breaches", "n_users", "decision"),
    [
        ({}, 10, PASS),
        ({"price_too_low": 0}, 10, PASS),
        ({"price_too_low": 1}, 10, FAIL),
        ({}, 9, FAIL),
        ({"collapsed_scores": 1}, 10, FAIL),
    ],
)
def test_the_audit_of_rules(breaches, n_users, decision):
    assert audit(breaches, n_users=n_users, required_users=10).decision == decision


def _bin(n_new: int, n_before: int, lowest: float, highest: float, *, zero: tuple[int, int] = (0, 0)) -> dict:
    return {
        "n_new": n_new, "n_before": n_before, "n_new_zero": zero[0], "n_before_zero": zero[1],
        "lowest_new": lowest, "highest_new": highest,
    }  # fmt: skip


SPREAD = [_bin(50, 50, 0.1, 0.4), _bin(50, 50, 0.5, 1.0)]


@pytest.mark.parametrize(
    ("histogram", "decision"),
    [
        (SPREAD, PASS),
        ([], PASS),  # no list at all is the audit's business
        ([_bin(50, 0, 0.1, 0.4), _bin(50, 0, 0.5, 1.0)], PASS),  # the first list of all
        ([_bin(60, 50, 0.1, 0.4), _bin(40, 50, 0.5, 1.0)], PASS),  # 0.1 x ln 1.2 - 0.1 x ln 0.8 = 0.041
        ([_bin(75, 50, 0.1, 0.4), _bin(25, 50, 0.5, 1.0)], WARN),  # 0.25 x ln 1.5 - 0.25 x ln 0.5 = 0.275
        ([_bin(100, 50, 0.3, 0.3), _bin(0, 50, None, None)], FAIL),  # all equal
        ([_bin(100, 50, 1 - 6e-16, 1.0), _bin(0, 50, None, None)], FAIL),  # all equal but for the last digit
        ([_bin(100, 100, 0.3, 0.3)], WARN),  # all equal, and no better before
        ([_bin(100, 0, 0.3, 0.3)], WARN),  # all equal, and nothing before
        ([_bin(1, 50, 0.3, 0.3), _bin(0, 50, None, None)], WARN),  # one score alone has not collapsed, but it has drifted
        ([_bin(60, 50, 0.0, 0.0, zero=(51, 9)), _bin(40, 50, 0.5, 1.0)], FAIL),  # most are zero, and were not
        ([_bin(60, 60, 0.0, 0.0, zero=(51, 51)), _bin(40, 40, 0.5, 1.0)], WARN),  # most are zero, as before
        ([_bin(60, 60, 0.0, 0.0, zero=(50, 0)), _bin(40, 40, 0.5, 1.0)], PASS),  # half of them may be
    ],
)
def test_score_drift(histogram, decision):
    assert drift(histogram).decision == decision


def drift(histogram: list[dict[str, Any]], **changed: Any) -> Verdict:
    options = {"replaces_other": False, "source": "sql", "max_psi": 0.25, "max_zero_share": 0.5} | changed
    return score_drift(histogram, **options)


@pytest.mark.parametrize(
    ("histogram", "blend", "fallback"),
    [
        ([_bin(100, 0, 0.3, 0.3)], FAIL, FAIL),  # all equal
        ([_bin(100, 0, 0.0, 0.0, zero=(100, 0))], FAIL, FAIL),
        ([_bin(60, 0, 0.0, 0.0, zero=(60, 0)), _bin(40, 0, 0.5, 1.0)], FAIL, WARN),  # most of SQL's are zero by nature
        ([_bin(50, 0, 0.1, 0.4), _bin(50, 0, 0.5, 1.0)], PASS, PASS),
        ([_bin(1, 0, 0.3, 0.3)], PASS, PASS),
    ],
)
def test_the_first_list_of_a_source_stands_alone_where_another_is_served(histogram, blend, fallback):
    for source, decision in (("blend", blend), ("similarity", fallback), ("sql", fallback)):
        assert drift(histogram, replaces_other=True, source=source).decision == decision


def test_the_drift_of_scores_is_the_stability_index_worked_by_hand():
    verdict = drift([_bin(75, 50, 0.1, 0.4), _bin(25, 50, 0.5, 1.0)])
    assert verdict.figures["psi"] == pytest.approx(0.25 * np.log(1.5) - 0.25 * np.log(0.5))
    assert verdict.reason.startswith("the population stability index against the list before is 0.275: above 0.25")
    assert drift([_bin(75, 50, 0.1, 0.4), _bin(25, 50, 0.5, 1.0)], max_psi=None, max_zero_share=None).decision == PASS


@pytest.mark.parametrize(
    ("kept", "compared", "limit", "decision"), [(0, 0, 0.2, PASS), (20, 100, 0.2, PASS), (19, 100, 0.2, WARN), (0, 9, None, PASS)]
)
def test_overlap_with_the_mail_before(kept, compared, limit, decision):
    assert overlap(kept, compared, min_share=limit).decision == decision


@pytest.mark.parametrize(
    ("limits", "served_before", "required"),
    [
        ({"min_users": None, "min_users_share": 0.95}, [], 1),
        ({"min_users": None, "min_users_share": 0.95}, [(dt.date(2026, 9, 21), 1_000)], 950),
        ({"min_users": None, "min_users_share": 0.95}, [(dt.date(2026, 9, 14), 500), (dt.date(2026, 9, 21), 1_000)], 950),
        ({"min_users": None, "min_users_share": 0.95}, [(dt.date(2026, 9, 21), 1_000), (WEEK, 10)], 950),
        ({"min_users": None, "min_users_share": 0.95}, [(dt.date(2026, 10, 5), 1_000)], 1),
        ({"min_users": None, "min_users_share": None}, [(dt.date(2026, 9, 21), 1_000)], 1),
        ({"min_users": 450_000, "min_users_share": 0.95}, [(dt.date(2026, 9, 21), 1_000)], 450_000),
        ({"min_users": 100, "min_users_share": 0.95}, [(dt.date(2026, 9, 21), 1_000)], 950),  # neither switches the other off
    ],
)
def test_required_users(limits: dict[str, Any], served_before: list[tuple[dt.date, int]], required: int) -> None:
    publications = [{"week": week, "publication_id": "p", "n_users": n_users} for week, n_users in served_before]
    assert required_users(SETTINGS.gates.model_copy(update=limits), publications, WEEK) == required


KEPT = {"week": "2026-09-28", "source": "blend", "model_week": "2026-09-14", "reason": "it is not better."}


def test_the_model_serves_and_the_verdict_says_who_decided_and_why() -> None:
    verdict = served_source(KEPT, "2026-10-05")
    assert (verdict.gate, verdict.decision) == ("source", PASS)
    assert verdict.reason == (
        "week 2026-10-05 is served from blend with the model of week 2026-09-14, decided with week 2026-09-28: it is not better."
    )
    overridden = KEPT | {"override_reason": "the anniversary"}
    assert served_source(overridden, "2026-10-05").reason.endswith("overridden with week 2026-09-28: the anniversary")


@pytest.mark.parametrize("source", ["similarity", "sql"])
def test_a_fallback_that_serves_is_a_warning(source: str) -> None:
    verdict = served_source(KEPT | {"source": source, "model_week": None}, "2026-10-05")
    assert verdict.decision == WARN
    assert verdict.reason.startswith(f"week 2026-10-05 is served from {source} with no model, ")
    assert verdict.figures == {"source": source, "model_week": None, "decided_in": "2026-09-28"}


@pytest.mark.parametrize(
    ("n_mailed", "last", "share", "missing"),
    [
        (0, None, 0.95, 0),
        (57, 57, 0.95, 0),
        (54, 57, 0.95, 0),
        (53, 57, 0.95, 1),
        (0, 57, 0.95, 54),
        (0, 57, None, 0),
        (0, 0, 0.95, 0),
    ],
)
def test_a_mail_holds_about_as_many_rows_as_the_last_one(n_mailed, last, share, missing):
    limits = SETTINGS.gates.model_copy(update={"min_mails_share": share})
    assert missing_mails(limits, n_mailed, [] if last is None else [{"n_mailed": last}]) == missing


@pytest.mark.parametrize(
    ("n_listed", "n_reached", "min_share", "decision"),
    [(100, 50, 0.5, PASS), (100, 49, 0.5, WARN), (100, 1, None, PASS), (100, 0, None, WARN), (0, 0, 0.5, PASS)],
)
def test_a_mail_that_reaches_few_is_a_warning_with_the_reasons(n_listed, n_reached, min_share, decision):
    counts = {"n_listed": n_listed, "n_reached": n_reached, "n_without_address": 7, "n_refusing": 5, "n_never_asked": 1_000}
    verdict = mail_reach(counts, without_consent_flag="hold", min_share=min_share)
    assert (verdict.gate, verdict.decision, verdict.figures) == (
        "mail_reach",
        decision,
        counts | {"without_consent_flag": "hold"},
    )
    assert verdict.reason.startswith(
        f"the mail reaches {n_reached} of {n_listed} people with a list: 5 said no, 7 have no address, 1,000 never said yes "
        "(mail.without_consent_flag: hold)"
    )
    assert ("set it to send" in verdict.reason) == (decision == WARN)
    assert "set it to send" not in mail_reach(counts, without_consent_flag="send", min_share=1.0).reason

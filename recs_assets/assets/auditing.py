"""The audit of a staged list, as asset checks show it and as the ledger keeps it."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pyarrow as pa

from recs_assets.assets.staging import Ingredients, Staged
from recs_assets.assets.verdicts import check_result, list_verdicts
from recs_assets.assets.weekly_asset import check
from recs_assets.gates import publication
from recs_assets.gates.coverage import NOBODY, fitting_parts
from recs_assets.gates.verdict import FAIL, PASS, Verdict
from recs_assets.own_tables import AUDITS
from recs_assets.plain_text import plain
from recs_assets.resources.warehouse import Parameter, Session
from recs_assets.settings import Settings

# Which counts of audit.sql, mail_audit.sql and reasons.sql each check shows; what no other check shows is a breach of the rules.
CHECKED_COUNTS = {
    "arms": ("of_another_arm", "control_not_from_sql"),
    "no_duplicates": ("duplicate_product", "duplicate_rank", "rank_gaps"),
    "price": ("price_too_low",),
    "scores": ("score_not_finite", "score_not_descending", "tie_out_of_order"),
    "mail": (
        "mailed_without_consent",
        "mailed_unasked",
        "mailed_twice",
        "mailed_to_nobody",
        "address_not_plain",
        "mailed_to_placeholder",
        "mails_fewer_than_allowed",
    ),
    "reasons": (
        "reason_missing",
        "reason_unknown",
        "reason_history_not_there",
        "reason_history_not_bought",
        "reason_vehicle_not_owned",
        "reason_not_fitting",
        "reason_count_wrong",
        "reason_attribute_differs",
        "reason_untrue",
        "reason_names_another",
        "reason_names_nothing",
        "reason_of_another_list",
    ),
}
DESCRIPTIONS = {
    "rules": "Every row obeys every rule of the contract.",
    "arms": "Everybody has the list of their arm, and control has SQL's.",
    "no_duplicates": "No person has a part or a rank twice, and ranks have no gaps.",
    "price": "No part is below the lowest price.",
    "scores": "Scores are finite, descend with rank, and ties are in the order of part ids.",
    "reasons": "Every reason names an edge that is in the week's graph, and its people are counted right.",
    "mail": "Nobody is mailed who said no on any account, nobody twice, and not many fewer than in the last mail.",
    "users": "As many people are served as the gate asks for.",
}
AUDIT_CHECKS = [check("recommendations", name, text, blocking=True) for name, text in DESCRIPTIONS.items()]


@dataclass(frozen=True)
class Audit:
    """What the audit of a staged list measured, and what follows from it.

    Attributes:
        breaches: how many rows break each rule, of the rules that are broken at all.
        required_users: how many people have to be served.
        verdict: whether the list may be published.
        users: whether enough people are served.
        drift: whether scores are spread as in the list before.
        overlap: whether the mail still holds what it held.
        reach: whether the mail reaches those who have a list.
        coverage: whether who has a vehicle gets parts that fit it.
        n_placeholders: people with something in the place of an address that is none.
    """

    breaches: Mapping[str, int]
    required_users: int
    verdict: Verdict
    users: Verdict
    drift: Verdict
    overlap: Verdict
    reach: Verdict
    coverage: Verdict
    n_placeholders: int


def audited(
    session: Session,
    staged: Staged,
    settings: Settings,
    publications: Sequence[Mapping[str, Any]],
    ingredients: Ingredients,
    week: dt.date,
) -> Audit:
    """Audit a staged list against every rule and against the list before.

    Args:
        session: reads the staged list as ``staged``, its mail as ``mail``, and what they were made from.
        staged: the list.
        settings: rules and limits.
        publications: week and n_users of each published list, ascending.
        ingredients: what the list was made from.
        week: of the list.
    """
    as_of, has_fitment = ingredients.as_of, ingredients.has_fitment
    counts = session.audit("audit", week=week, as_of=as_of, **audit_parameters(settings, has_fitment=has_fitment))
    counts |= session.audit("arm_audit", week=week)
    counts |= session.audit("mail_audit", **settings.mail.parameters)
    counts |= session.audit("reasons", as_of=as_of, **settings.reasons.model_dump())
    last_mail = session.read("last_mail", week=week).to_pylist()
    counts["mails_fewer_than_allowed"] = publication.missing_mails(settings.gates, counts.pop("n_mailed"), last_mail)
    n_placeholders = int(counts.pop("n_placeholders"))
    breaches = {name: int(count) for name, count in counts.items() if count}
    drift, overlap = list_verdicts(session, settings, publications, week, ingredients.source)
    reach = _mail_reach(session, settings)
    coverage = _mail_coverage(session, settings, week, has_fitment=has_fitment)
    required = publication.required_users(settings.gates, publications, week)
    # A list whose scores collapsed must not be published by launching the next asset alone either.
    failed = {"collapsed_scores": 1} if drift.decision == FAIL else {}
    failed |= {"mails_without_a_fitting_part": coverage.figures["n_without"]} if coverage.decision == FAIL else {}
    verdict = publication.audit(breaches | failed, n_users=staged.n_users, required_users=required)
    users = publication.users_served(staged.n_users, required)
    return Audit(breaches, required, verdict, users, drift, overlap, reach, coverage, n_placeholders)


def _mail_reach(session: Session, settings: Settings) -> Verdict:
    counts = session.audit("mail_reach", placeholders=settings.mail.parameters["placeholders"])
    consent = settings.mail.without_consent_flag
    return publication.mail_reach(counts, without_consent_flag=consent, min_share=settings.gates.min_reached_share)


def _mail_coverage(session: Session, settings: Settings, week: dt.date, *, has_fitment: bool) -> Verdict:
    counts = session.audit("mail_coverage", slots=settings.rules.slots)
    before = session.read("last_mail_coverage", week=week).to_pylist()
    return fitting_parts(
        "mail_coverage",
        counts if has_fitment and settings.candidates.require_fitment else NOBODY,
        json.loads(before[0]["figures_json"]) if before else None,
        max_share=settings.gates.max_bare_garages,
        max_rise=settings.gates.max_bare_garages_rise,
    )


def reasons_given(session: Session, settings: Settings, week: dt.date) -> dict[str, Any]:
    """How often each kind of reason is given in a week's ``staged`` lists, and the mail's share of generic ones."""
    from recs_assets.ranking.reasons import GENERIC  # pandas: 0.4 s at load

    counts = session.rows("reason_counts", week=week, slots=settings.rules.slots)
    n_slots = sum(row["n_in_slots"] for row in counts)
    n_generic = sum(row["n_in_slots"] for row in counts if row["reason_code"] in GENERIC)
    shown = {row["reason_code"]: row["n_listed"] for row in counts}
    return {"reasons": shown, "share of slots with a generic reason": n_generic / n_slots if n_slots else 0.0}


def audit_parameters(settings: Settings, *, has_fitment: bool) -> dict[str, Parameter]:
    """The parameters of ``audit.sql`` but for the week and the moment: the constants that the rules themselves read."""
    rules = settings.rules.model_dump()
    rules["excluded_part_types"] = [plain(name) for name in settings.rules.excluded_part_types or ()]
    return rules | {"require_fitment": settings.candidates.require_fitment, "has_fitment": has_fitment}


def audit_row(staged: Staged, audit: Audit, week: dt.date, run_id: str) -> pa.Table:
    """One row of the ledger ``audits``."""
    row = {
        "audit_id": staged.tables.audit_id,
        "week": week,
        "staged_table": staged.tables.long_table,
        "content_hash": staged.content_hash,
        "mail_hash": staged.mail_hash,
        "decision": audit.verdict.decision,
        "n_rows": staged.n_rows,
        "n_users": staged.n_users,
        "violations_json": json.dumps(audit.breaches, sort_keys=True),
        "reason": audit.verdict.reason,
        "run_id": run_id,
        "audited_at": dt.datetime.now(dt.UTC),
    }
    return pa.table({name: pa.array([row[name]]) for name in AUDITS})


def audit_results(staged: Staged, audit: Audit) -> list[dg.AssetCheckResult]:
    """The audit as the checks of ``recommendations``."""
    shown = {
        name: {count: audit.breaches[count] for count in counts if count in audit.breaches}
        for name, counts in CHECKED_COUNTS.items()
    }
    elsewhere = {count for counts in CHECKED_COUNTS.values() for count in counts}
    shown["rules"] = {count: number for count, number in audit.breaches.items() if count not in elsewhere}
    people = {"users": staged.n_users, "required": audit.required_users}
    return [
        *(dg.AssetCheckResult(check_name=name, passed=not counts, metadata=dict(counts)) for name, counts in shown.items()),
        dg.AssetCheckResult(check_name="users", passed=audit.users.decision == PASS, metadata=people),
        *(check_result(verdict, verdict.gate) for verdict in (audit.drift, audit.overlap, audit.reach, audit.coverage)),
    ]

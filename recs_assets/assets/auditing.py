"""The audit of a staged list, as asset checks show it and as the ledger keeps it."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pyarrow as pa

from recs_assets.assets.weekly_asset import check
from recs_assets.gates.verdict import Verdict
from recs_assets.own_tables import AUDITS
from recs_assets.resources.warehouse import Parameter
from recs_assets.settings import Settings

# Which counts of audit.sql and reasons.sql each check shows; what no other check shows is a breach of the rules.
CHECKED_COUNTS = {
    "no_duplicates": ("duplicate_product", "duplicate_rank", "rank_gaps"),
    "price": ("price_too_low",),
    "scores": ("score_not_finite", "score_not_descending", "tie_out_of_order"),
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
        "reason_of_another_list",
    ),
}
NOT_BREACHES = frozenset({"n_rows", "n_users", "content_hash", "mail_hash"})
DESCRIPTIONS = {
    "rules": "Every row obeys every rule of the contract.",
    "no_duplicates": "No person has a part or a rank twice, and ranks have no gaps.",
    "price": "No part is below the lowest price.",
    "scores": "Scores are finite, descend with rank, and ties are in the order of part ids.",
    "reasons": "Every reason names an edge that is in the week's graph, and its people are counted right.",
    "users": "As many people are served as the gate asks for.",
}
AUDIT_CHECKS = [check("recommendations", name, text, blocking=True) for name, text in DESCRIPTIONS.items()]


@dataclass(frozen=True)
class Staged:
    """The staged tables of one run and the id of their audit."""

    audit_id: str
    long_table: str
    wide_table: str

    @staticmethod
    def of_run(run_id: str, week: dt.date) -> "Staged":
        """Names that no other run and week uses."""
        suffix = f"{week:%Y%m%d}_{run_id.replace('-', '')[:12]}"
        return Staged(f"audit_{suffix}", f"staged_recommendations_{suffix}", f"staged_wide_{suffix}")


def breaches(found: Mapping[str, Any]) -> dict[str, int]:
    """The counts of an audit that are not zero."""
    return {name: int(count) for name, count in found.items() if name not in NOT_BREACHES and count}


def audit_parameters(settings: Settings, *, has_fitment: bool) -> dict[str, Parameter]:
    """The parameters of ``audit.sql`` but for the week and the moment: the constants that the rules themselves read."""
    rules = settings.rules.model_dump()
    rules["excluded_part_types"] = list(settings.rules.excluded_part_types or ())
    return rules | {"require_fitment": settings.candidates.require_fitment, "has_fitment": has_fitment}


def audit_row(staged: Staged, week: dt.date, found: Mapping[str, Any], verdict: Verdict, run_id: str) -> pa.Table:
    """One row of the ledger ``audits``."""
    row = {
        "audit_id": staged.audit_id,
        "week": week,
        "staged_table": staged.long_table,
        "content_hash": found["content_hash"],
        "mail_hash": found["mail_hash"],
        "decision": verdict.decision,
        "n_rows": found["n_rows"],
        "n_users": found["n_users"],
        "violations_json": json.dumps(breaches(found), sort_keys=True),
        "reason": verdict.reason,
        "run_id": run_id,
        "audited_at": dt.datetime.now(dt.UTC),
    }
    return pa.table({name: pa.array([row[name]]) for name in AUDITS})


def audit_results(found: Mapping[str, Any], required: int) -> list[dg.AssetCheckResult]:
    """The audit as the checks of ``recommendations``."""
    broken = breaches(found)
    shown = {name: {count: broken[count] for count in counts if count in broken} for name, counts in CHECKED_COUNTS.items()}
    elsewhere = {count for counts in CHECKED_COUNTS.values() for count in counts}
    shown["rules"] = {count: number for count, number in broken.items() if count not in elsewhere}
    results = [dg.AssetCheckResult(check_name=name, passed=not counts, metadata=dict(counts)) for name, counts in shown.items()]
    enough = found["n_users"] >= required
    return [
        *results,
        dg.AssetCheckResult(check_name="users", passed=enough, metadata={"users": found["n_users"], "required": required}),
    ]

"""Verdicts as the ledger keeps them and as asset checks show them; and the gates that a staged list goes through."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from recs_assets.assets.weekly_asset import check
from recs_assets.gates.publication import overlap, score_drift
from recs_assets.gates.verdict import PASS, WARN, Verdict
from recs_assets.own_tables import VERDICTS
from recs_assets.resources.warehouse import Session, Warehouse
from recs_assets.settings import Settings

WARNING = dg.AssetCheckSeverity.WARN

LIST_CHECKS = [
    # Blocking on a collapse; a drift is a warning, which never blocks.
    check("recommendations", "score_drift", "Final scores are spread as in the list served before.", blocking=True),
    check("recommendations", "mail_reach", "The mail reaches the people who have a list."),
    check("recommendations", "overlap", "The mail holds some of what it held before."),
    check("recommendations", "mail_coverage", "Who has a vehicle is mailed parts that fit it.", blocking=True),
    check("recommendations", "source", "Lists come from the model blended with SQL, and from no fallback."),
]


def record(context: dg.AssetExecutionContext, warehouse: Warehouse, settings: Settings, *verdicts: Verdict) -> None:
    """Write verdicts to the ledger ``verdicts``; a step that is run again replaces its own."""
    week, run_id = dt.date.fromisoformat(context.partition_key), context.run.run_id
    rows: list[dict[str, Any]] = [
        {
            "gate": verdict.gate,
            "week": week,
            "decision": verdict.decision,
            "reason": verdict.reason,
            "figures_json": json.dumps(verdict.to_dict()["figures"], sort_keys=True, default=str),
            "run_id": run_id,
            "settings_hash": settings.hash,
            "judged_at": dt.datetime.now(dt.UTC),
        }
        for verdict in verdicts
    ]
    warehouse.append(
        "verdicts",
        pa.table({name: [row[name] for row in rows] for name in VERDICTS}),
        replace={"gate": [verdict.gate for verdict in verdicts], "week": week, "run_id": run_id},
    )


def check_result(verdict: Verdict, name: str) -> dg.AssetCheckResult:
    """A verdict as the result of an asset check: PASS passes, WARN is a warning, anything else an error."""
    return dg.AssetCheckResult(
        check_name=name,
        passed=verdict.decision == PASS,
        severity=dg.AssetCheckSeverity.WARN if verdict.decision == WARN else dg.AssetCheckSeverity.ERROR,
        metadata={"decision": verdict.decision, "reason": verdict.reason},
    )


def list_verdicts(
    session: Session, settings: Settings, publications: Sequence[Mapping[str, Any]], week: dt.date, source: str
) -> tuple[Verdict, Verdict]:
    """Drift and overlap of the staged list against the one served before: last night's, or the last published week's.

    Args:
        session: reads the staged list as ``staged``.
        settings: the limits.
        publications: week of each published list.
        week: of the staged list; a later one does not count as before.
        source: of the staged list.
    """
    before = max((row["week"] for row in publications if row["week"] <= week), default=None)
    limits = settings.gates
    histogram = session.read("score_histogram", before=before, source=source).to_pylist()
    shared = session.audit("list_overlap", before=before, slots=settings.rules.slots)
    drift = score_drift(
        histogram,
        replaces_other=before is not None,
        source=source,
        max_psi=limits.max_score_psi,
        max_zero_share=limits.max_zero_score_share,
    )
    return drift, overlap(shared["n_kept"], shared["n_new"], min_share=limits.min_overlap)

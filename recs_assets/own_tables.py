"""What goes out: the columns of the served table, of the mail, and of the tables that keep what happened."""

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa

# Types are BigQuery's; recommendations is partitioned by week and clustered by user_id where the engine knows how.
RECOMMENDATIONS: dict[str, str] = {
    "user_id": "STRING",
    "week": "DATE",
    "rank": "INT64",
    "product_id": "STRING",
    "final_score": "FLOAT64",
    "sql_score": "FLOAT64",
    "gnn_score": "FLOAT64",
    "segment": "STRING",
    "arm": "STRING",
    "source": "STRING",
    "reason_code": "STRING",
    "reason_text": "STRING",
    "model_week": "DATE",
    "run_id": "STRING",
    "scored_at": "TIMESTAMP",
}

QUARANTINE: dict[str, str] = {
    "week": "DATE",
    "source_table": "STRING",
    "reason": "STRING",
    "outcome": "STRING",  # quarantined, or set aside: an ordinary row that is left out
    "row_key": "STRING",
    "row_json": "STRING",
}

AUDITS: dict[str, str] = {
    "audit_id": "STRING",
    "week": "DATE",
    "staged_table": "STRING",
    "content_hash": "STRING",
    "mail_hash": "STRING",
    "decision": "STRING",
    "n_rows": "INT64",
    "n_users": "INT64",
    "violations_json": "STRING",
    "reason": "STRING",
    "run_id": "STRING",
    "audited_at": "TIMESTAMP",
}

VERDICTS: dict[str, str] = {
    "gate": "STRING",
    "week": "DATE",
    "decision": "STRING",
    "reason": "STRING",
    "figures_json": "STRING",
    "run_id": "STRING",
    "settings_hash": "STRING",
    "judged_at": "TIMESTAMP",
}

PUBLICATIONS: dict[str, str] = {
    "sequence": "INT64",
    "publication_id": "STRING",
    "week": "DATE",
    "version_before": "STRING",
    "version_after": "STRING",
    "action": "STRING",
    "audit_id": "STRING",
    "content_hash": "STRING",
    "mail_hash": "STRING",
    "n_rows": "INT64",
    "n_users": "INT64",
    "n_mailed": "INT64",
    "n_withheld": "INT64",
    "run_id": "STRING",
    "model_week": "DATE",
    "model_version": "STRING",
    "settings_hash": "STRING",
    "published_at": "TIMESTAMP",
    "reason": "STRING",
    "long_table": "STRING",
    "wide_table": "STRING",
}

HOLDS: dict[str, str] = {
    "sequence": "INT64",
    "action": "STRING",
    "held_by": "STRING",
    "reason": "STRING",
    "held_until": "TIMESTAMP",
    "noted_at": "TIMESTAMP",
}

ERASURES: dict[str, str] = {
    "sequence": "INT64",
    "erased_at": "TIMESTAMP",
    "publication_id": "STRING",
    "table_name": "STRING",
    "n_erased": "INT64",
    "n_rows": "INT64",
    "n_users": "INT64",
    "content_hash": "STRING",
}

# What a step has cost: a row for each job that it has sent, and one for its pod.
COSTS: dict[str, str] = {
    "experiment": "STRING",
    "run_id": "STRING",
    "step": "STRING",
    "week": "DATE",
    "kind": "STRING",  # query, load, export; pod
    "name": "STRING",
    "job_id": "STRING",
    "bytes_billed": "INT64",
    "slot_seconds": "FLOAT64",
    "cpu_seconds": "FLOAT64",
    "gib_seconds": "FLOAT64",
    "gpu_seconds": "FLOAT64",
    "usd": "FLOAT64",
    "noted_at": "TIMESTAMP",
}

# Where the rollout stands, a row a move; the newest one holds.
ROLLOUT: dict[str, str] = {
    "sequence": "INT64",
    "action": "STRING",
    "stage": "STRING",
    "share": "FLOAT64",
    "since_week": "STRING",
    "experiment": "STRING",
    "model_week": "STRING",
    "model_settings": "STRING",
    "held_reason": "STRING",
    "moved_by": "STRING",
    "reason": "STRING",
    "evidence_json": "STRING",
    "noted_at": "TIMESTAMP",
}

# Who is in which arm of an experiment at a share; rows are only ever added.
ROLLOUT_ASSIGNMENT: dict[str, str] = {
    "experiment": "STRING",
    "user_id": "STRING",
    "bucket": "INT64",
    "arm": "STRING",
    "first_assigned_at": "TIMESTAMP",
}

STAGED_TABLES = {"table_name": "STRING", "staged_at": "TIMESTAMP"}

# Whose transaction is the one that may write, where an engine has no lock of its own: one row.
TURN = {"taken_by": "STRING", "taken_at": "TIMESTAMP"}

# Made where they are missing, whenever the warehouse is opened for writing.
FIXED_TABLES: dict[str, dict[str, str]] = {
    "recommendations": RECOMMENDATIONS,
    "quarantine": QUARANTINE,
    "audits": AUDITS,
    "verdicts": VERDICTS,
    "publications": PUBLICATIONS,
    "holds": HOLDS,
    "erasures": ERASURES,
    "costs": COSTS,
    "staged_tables": STAGED_TABLES,
    "rollout": ROLLOUT,
    "rollout_assignment": ROLLOUT_ASSIGNMENT,
}


# What ``mail.columns`` may add to the mail: columns of each slot by their name, and the person's id.
ADDED_OF_SLOT = {"reason": "recSLOT_reason", "title": "recSLOT_title", "link": "recSLOT_link"}
USER_ID = "user_id"


def wide_columns(slots: int, added: Collection[str] = ()) -> dict[str, str]:
    """The columns of ``final_vehicle_recommendations``, with BigQuery's types.

    Args:
        slots: recommendations a row.
        added: what ``mail.columns`` adds; it comes after all others, which stay as they are.
    """
    columns = {"email_lower": "STRING", "v1_year": "INT64", "v1_make": "STRING", "v1_model": "STRING"}
    for slot in range(1, slots + 1):
        columns |= {
            f"rec_part_{slot}": "STRING",
            f"rec{slot}_price": "FLOAT64",
            f"rec{slot}_score": "FLOAT64",
            f"rec{slot}_image": "STRING",
            f"rec{slot}_type": "STRING",
            f"rec{slot}_pop_source": "STRING",
        }
    columns |= {"generated_at": "TIMESTAMP", "pipeline_version": "STRING"}
    of_slot = [name for key, name in ADDED_OF_SLOT.items() if key in added]
    columns |= {name.replace("SLOT", str(slot)): "STRING" for slot in range(1, slots + 1) for name in of_slot}
    return columns | ({USER_ID: "STRING"} if USER_ID in added else {})


def shape_of(columns: Collection[str]) -> dict[str, Any]:
    """What a query of the mail takes for a wide table of such columns: ``slots``, and ``columns``, those that were added."""
    of_slot = [key for key, name in ADDED_OF_SLOT.items() if name.replace("SLOT", "1") in columns]
    added = [*of_slot, *([USER_ID] if USER_ID in columns else [])]
    return {"slots": sum(name.startswith("rec_part_") for name in columns), "columns": added}


ARROW_TYPES = {
    "STRING": pa.string(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
    "FLOAT64": pa.float64(),
    "INT64": pa.int64(),
    "BOOL": pa.bool_(),
    "DATE": pa.date32(),
}


def arrow_schema(columns: Mapping[str, str]) -> pa.Schema:
    """Columns with BigQuery's types as Arrow's."""
    return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns.items()])

"""Rows at the edges of what a query may meet, beside those of the shop: NULL in every column that may be NULL, texts that are not
ASCII or hold what texts are joined or quoted with, moments on the border of a week, and ties."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from recs_assets_tests.sql.rows import AS_OF, NOW, START, WEEK_START, days_ago

US = dt.timedelta(microseconds=1)
LAST_MOMENT = NOW + dt.timedelta(hours=23) + US
ODD = "Ünï | 'ß\\\""
PART, VEHICLE = f"p{ODD}", f"v{ODD}"
WEEK, SUNDAY, NEXT = WEEK_START.date(), WEEK_START.date() - dt.timedelta(days=1), AS_OF.date()
HUGE = 2**53 + 1  # the first integer that no float holds

_SCORES = {"final_score": 0.1 + 0.2, "sql_score": -0.0, "gnn_score": 0.5}
_LIST = {"segment": ODD, "arm": "all", "source": "blend", "reason_code": "fits_vehicle", "reason_text": ODD, "run_id": "run"}
_SLOTS = {f"rec_part_{n}": PART for n in (1, 2, 3)} | {f"rec{n}_price": 0.1 + 0.2 for n in (1, 2, 3)}
_VERSION = {"action": "publish", "published_at": NOW, "reason": ODD, "run_id": "run", "audit_id": "a"}

# Of each table rows by their columns; those that are not named are NULL.
EDGES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "users": [
        {"user_id": ODD, "email": "ÄNN@Exämple.com", "created_at": WEEK_START, "email_consent": True},
        {"user_id": "u10", "email": " änn@EXÄMPLE.com", "created_at": WEEK_START, "email_consent": True},
        {"user_id": "u11", "email": "a | b@example.com", "created_at": WEEK_START - US, "email_consent": True},
        {"user_id": "u12", "created_at": AS_OF - US},
    ],
    "vehicles": [
        {"vehicle_id": VEHICLE, "year": 2001, "make": "Škoda", "model": ODD, "engine": ""},
        {"vehicle_id": "v10"},
        {"vehicle_id": "v11", "year": 2001, "make": "Škoda", "model": ODD},
    ],
    "products": [
        {"product_id": PART, "part_type": "Öl & Fett", "price": 0.1 + 0.2, "title": ODD, "created_at": WEEK_START},
        {"product_id": "p12", "part_type": "Öl & Fett", "price": 50.0, "brand": ODD, "created_at": AS_OF - US},
        {"product_id": "p13", "part_type": "Öl & Fett", "price": 50.0, "variant_group": ODD, "is_available": False},
    ],
    "ownership": [
        {"user_id": ODD, "vehicle_id": VEHICLE, "slot": 1, "added_at": WEEK_START},
        {"user_id": ODD, "vehicle_id": "v1", "slot": 1, "added_at": WEEK_START},
        {"user_id": "u10", "vehicle_id": VEHICLE, "added_at": AS_OF - US},
    ],
    "fitment": [{"product_id": PART, "vehicle_id": VEHICLE}, {"product_id": PART, "vehicle_id": "v1"}, {}],
    "events": [
        {"event_id": ODD, "user_id": ODD, "product_id": PART, "event_type": "view", "event_ts": WEEK_START},
        {"event_id": "w1", "user_id": ODD, "product_id": "p1", "event_type": "view", "event_ts": WEEK_START - US},
        {"event_id": "w2", "user_id": ODD, "product_id": "p1", "event_type": "view", "event_ts": WEEK_START},
        {"event_id": "w3", "user_id": "u1", "product_id": "p1", "event_type": "cart", "event_ts": AS_OF - US, "quantity": HUGE},
        {"event_id": "w4", "user_id": "u1", "product_id": PART, "event_type": "order", "event_ts": START, "order_id": ODD},
    ],
    "email_events": [
        {"user_id": ODD, "send_id": ODD, "event_type": "sent", "event_ts": WEEK_START},
        {"user_id": ODD, "send_id": "s6", "event_type": "opened", "event_ts": WEEK_START - US, "product_id": PART},
    ],
    "user_nodes": [{"user_id": ODD, "created_at": WEEK_START}, {"user_id": "u10", "created_at": AS_OF - US}],
    "vehicle_nodes": [
        {"vehicle_id": VEHICLE, "year": 2001, "make": "Škoda", "model": ODD, "engine": ""},
        {"vehicle_id": "v11"},
    ],
    "vehicle_ids": [{"vehicle_id": VEHICLE, "node_id": VEHICLE}, {"vehicle_id": "v11", "node_id": VEHICLE}],
    "product_nodes": [
        {"product_id": PART, "part_type": "Öl & Fett", "price": 50.0, "variant_group": ODD, "title": ODD, "brand": ODD}
        | {"created_at": WEEK_START, "is_withdrawn": False, "image_url": "https://ü/1.png"},
        {"product_id": "p7", "part_type": "Öl & Fett", "price": 50.0, "variant_group": ODD, "created_at": AS_OF - US}
        | {"is_withdrawn": True, "is_universal": True},
        {"product_id": "p8", "part_type": "", "price": 49.995, "is_refurbished": True, "is_available": True},
    ],
    "fits_edges": [{"product_id": PART, "vehicle_id": VEHICLE}, {"product_id": "p1", "vehicle_id": VEHICLE}],
    "owns_edges": [
        {"user_id": ODD, "vehicle_id": VEHICLE, "slot": 1, "added_at": WEEK_START},
        {"user_id": ODD, "vehicle_id": "v1", "slot": 1, "added_at": AS_OF - US},
        {"user_id": "u2", "vehicle_id": VEHICLE},
    ],
    "interaction_edges": [
        {"event_id": ODD, "user_id": ODD, "product_id": PART, "event_type": "order", "event_ts": WEEK_START, "order_id": ODD},
        {"event_id": "w1", "user_id": ODD, "product_id": "p1", "event_type": "order", "event_ts": WEEK_START, "quantity": 1},
        {"event_id": "w2", "user_id": "u2", "product_id": PART, "event_type": "order", "event_ts": WEEK_START - US},
        {"event_id": "w3", "user_id": "u2", "product_id": "p1", "event_type": "view", "event_ts": AS_OF - US},
        {
            "event_id": "w4",
            "user_id": "u5",
            "product_id": PART,
            "event_type": "cart",
            "event_ts": START,
            "returned_at": AS_OF - US,
        },
    ],
    "other_orders": [
        {"user_id": ODD, "product_id": PART, "event_ts": START - US},
        {"user_id": ODD, "product_id": "p1", "event_ts": START - US, "returned_at": AS_OF},
    ],
    "shared_accounts": [{"user_id": "gÄst"}],
    "profiles": [
        {"profile_id": f"user:{ODD}", "user_id": ODD, "stratum": "warm", "n_users": 1},
        {"profile_id": "garage:ü", "stratum": "cold", "n_users": HUGE},
    ],
    "profile_vehicles": [
        {"profile_id": f"user:{ODD}", "vehicle_id": VEHICLE},
        {"profile_id": "garage:ü", "vehicle_id": VEHICLE},
    ],
    "user_profiles": [
        {"user_id": ODD, "profile_id": f"user:{ODD}", "stratum": "warm", "n_events": 2, "n_vehicles": 2},
        {"user_id": "u3", "profile_id": f"user:{ODD}", "stratum": "warm", "n_events": 0, "n_vehicles": 0},
    ],
    "strata": [{"name": ODD, "min_events": 2, "max_events": HUGE}],
    "profile_recommendations": [
        {"profile_id": f"user:{ODD}", "rank": 1, "product_id": PART, "reason_code": "fits_vehicle", "source": "blend"}
        | {"reason_text": f"Fits your 2001 Škoda {ODD}", "reason_vehicle_id": VEHICLE, **_SCORES},
        {"profile_id": f"user:{ODD}", "rank": 2, "product_id": "p1", "reason_code": "bought_together", "source": "blend"}
        | {"reason_text": ODD, "reason_product_id": PART, "reason_count": 1, **_SCORES},
    ],
    "sql_scores": [
        {"profile_id": f"user:{ODD}", "product_id": PART, "pop_source": "global"},
        {"profile_id": f"user:{ODD}", "product_id": "p1"},
    ],
    "asked": [{"product_id": PART}, {"product_id": "p7"}, {"product_id": "p4"}],
    "asked_scores": [{"profile_id": "garage:ü", "product_id": PART, "score": 0.1 + 0.2}, {"profile_id": f"user:{ODD}"}],
    "asked_pairs": [
        {
            "product_id": PART,
            "profile_id": f"user:{ODD}",
            "outcome": "outranked",
            "n_users": 1,
            "rival_id": "p1",
            "gap": 0.1 + 0.2,
        },
        {"product_id": PART, "profile_id": "garage:ü", "outcome": "outranked", "n_users": HUGE, "rival_id": ODD, "gap": 0.5},
    ],
    "product_links": [{"product_id": PART, "link": "https://x/%C3%9C"}, {"product_id": "p9"}],
    "mail_addresses": [{"user_id": ODD, "email_lower": "änn@exämple.com"}, {"user_id": "u10", "email_lower": "änn@exämple.com"}],
    "addressees": [{"email_lower": "änn@exämple.com"}, {"email_lower": "nobody@example.com"}],
    "mail": [
        {"email_lower": "änn@exämple.com", "v1_make": "Škoda", "v1_model": ODD, "generated_at": WEEK_START, **_SLOTS},
        {"email_lower": "zoë@example.com", "v1_year": HUGE, "generated_at": NOW, **_SLOTS},
    ],
    "mail_slots": [
        {"email_lower": "änn@exämple.com", "moment": moment, "slot": 1, "product_id": PART, "price": 0.1 + 0.2}
        for moment in ("now", "before")
    ],
    "mail_compared": [
        {"email_lower": f"{name}@exämple.com", "segment": "hot", "is_now": 1, "is_before": 1, "n_now": HUGE, "n_before": 1}
        | {"parts_now": PART, "n_kept": 0, "n_in_place": 0, "n_repriced": 0}
        for name in ("änn", "zoë", "bob", "cai")
    ],
    "staged": [
        {"user_id": ODD, "week": WEEK, "rank": 1, "product_id": PART, "scored_at": WEEK_START, **_SCORES, **_LIST},
        {"user_id": ODD, "week": WEEK, "rank": 2, "product_id": "p1", "scored_at": NOW, **_SCORES, **_LIST},
        {"user_id": ODD, "week": SUNDAY, "rank": 1, "product_id": "p1", "model_week": SUNDAY, **_SCORES},
        {"user_id": "u4", "week": WEEK, "rank": 3, "product_id": "p7", "final_score": 1e-12, "model_week": WEEK},
        {"user_id": "u4", "week": NEXT, "rank": 3, "product_id": "p7", "final_score": 1e-12},
    ],
    "sql_lists": [{"profile_id": f"user:{ODD}", "product_id": PART, "rank": 1}],
    "companions": [{"product_id": PART, "companion_id": "p1"}, {"product_id": "p1", "companion_id": PART}],
    "publications": [
        {"sequence": 4, "publication_id": ODD, "week": NEXT, "version_after": ODD, "long_table": "l4", **_VERSION},
        {"sequence": 5, "publication_id": "publication5", "week": NEXT, "version_before": ODD, "version_after": ODD}
        | {"long_table": "l4", "wide_table": "w4", "n_mailed": 0, "n_withheld": HUGE, **_VERSION, "action": "restore"},
        {"sequence": 6, "publication_id": "publication6", "week": SUNDAY, "version_after": "publication6", "wide_table": "w6"}
        | {"long_table": "staged_long_three", "model_week": SUNDAY, "model_version": ODD, **_VERSION},
    ],
    "holds": [{"sequence": 4, "action": "set", "held_by": ODD, "reason": ODD, "held_until": LAST_MOMENT, "noted_at": WEEK_START}],
    "turn": [{"taken_by": ODD, "taken_at": WEEK_START}, {"taken_at": WEEK_START - US}],
    "staged_tables": [
        {"table_name": "staged_long", "staged_at": NOW},
        {"table_name": ODD, "staged_at": NOW},
        {"table_name": "w6", "staged_at": WEEK_START},
        {"table_name": "l4", "staged_at": WEEK_START - US},
    ],
    "verdicts": [
        {"gate": "mail_coverage", "week": NEXT, "decision": "WARN", "reason": ODD, "figures_json": f'{{"n_owners": {HUGE}}}'}
        | {"run_id": "it's a 'run'", "judged_at": WEEK_START},
        {"gate": "mail_coverage", "week": WEEK, "decision": "PASS", "figures_json": "{}", "judged_at": NOW, "run_id": ODD},
        {"gate": "hold", "week": WEEK, "decision": "WARN", "reason": ODD, "run_id": "it's a 'run'", "judged_at": NOW},
    ],
    "erasures": [
        {"sequence": 4, "erased_at": WEEK_START, "publication_id": "publication1", "table_name": ODD, "n_rows": 0, "n_users": 0},
        {"sequence": 5, "erased_at": NOW, "publication_id": ODD, "table_name": "staged_long", "n_erased": HUGE},
    ],
    "quarantine": [
        {
            "week": WEEK,
            "source_table": "events",
            "reason": ODD,
            "outcome": "set aside",
            "row_key": ODD,
            "row_json": f'{{"x": "{PART}"}}',
        },
        {"week": SUNDAY, "source_table": "events", "reason": "empty user_id", "outcome": "quarantined"},
        {"week": WEEK, "source_table": "events", "reason": "empty user_id", "outcome": "quarantined"},
    ],
    "audits": [
        {"audit_id": ODD, "week": WEEK, "staged_table": "l4", "decision": "PASS", "reason": ODD, "audited_at": WEEK_START},
        {"audit_id": "audit2", "week": SUNDAY, "n_rows": HUGE, "audited_at": days_ago(1)},
    ],
    "costs": [
        {"experiment": "e/50%", "step": ODD, "usd": 0.1 + 0.2, "noted_at": WEEK_START},
        {"experiment": ODD, "step": "user_nodes", "usd": 1e-12, "noted_at": days_ago(5) - US},
        {"step": "user_nodes", "usd": 0.25, "noted_at": days_ago(5)},
    ],
    "mail_events": [
        {"user_id": ODD, "send_id": ODD, "event_type": "sent", "event_ts": WEEK_START},
        {"user_id": ODD, "send_id": ODD, "event_type": "delivered", "event_ts": WEEK_START},
        {"user_id": ODD, "send_id": ODD, "event_type": "clicked", "event_ts": AS_OF - US},
        {"user_id": "u1", "send_id": "s9", "event_type": "clicked", "event_ts": WEEK_START - US, "product_id": PART},
    ],
    "rollout_assignment": [
        {"experiment": "e/50%", "user_id": ODD, "bucket": 4_999, "arm": "treated", "first_assigned_at": WEEK_START},
        {"experiment": ODD, "user_id": "u1", "bucket": 0, "arm": "control", "first_assigned_at": NOW},
        {"experiment": "e/50%", "user_id": "u10", "bucket": 9_999},
        {"experiment": "e/10%", "user_id": f"gone {ODD}", "arm": "control", "first_assigned_at": days_ago(200)},
    ],
    "rollout": [
        {
            "sequence": 5,
            "action": "move",
            "stage": "25",
            "share": 0.1 + 0.2,
            "reason": ODD,
            "moved_by": ODD,
            "noted_at": WEEK_START,
        },
        {"sequence": 4, "action": "hold", "stage": "10", "held_reason": ODD, "noted_at": WEEK_START - US},
    ],
    "people": [{"user_id": ODD}, {"user_id": "nobody"}],
    "arms": [{"user_id": ODD, "arm": "treated"}, {"user_id": "u3"}],
    "ab_mails": [
        {"user_id": ODD, "send_id": ODD, "sent_at": WEEK_START, "is_delivered": True, "is_clicked": True},
        {"user_id": ODD, "send_id": "s1", "sent_at": WEEK_START - US, "is_delivered": True, "is_clicked_by_person": True},
        {"user_id": "u1", "send_id": ODD, "sent_at": WEEK_START},
    ],
    "ab_users": [
        {"user_id": ODD, "arm": "treated", "n_sent": HUGE, "delivered": 0.1 + 0.2, "clicks": 1e9},
        {"user_id": "u10", "arm": "control", "delivered": 0.0},
    ],
}


# Of tables that have the columns of another one.
EDGES_OF = {"mail_before": "mail", "recommendations": "staged", "final_vehicle_recommendations": "mail", "counted": "user_nodes"}


def with_edges(name: str, table: pa.Table) -> pa.Table:
    """A table of the shop with the rows at the edges added."""
    rows = EDGES[EDGES_OF.get(name, name)]
    unknown = set().union(*rows) - set(table.column_names)
    if unknown:
        raise ValueError(f"rows at the edges of '{name}' have the columns {sorted(unknown)}, which it lacks.")
    return pa.concat_tables([table, pa.Table.from_pylist(list(rows), table.schema)])

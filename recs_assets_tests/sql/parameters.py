"""What the queries are asked with on the hand-made shop."""

from typing import Any

from recs_assets import settings_file
from recs_assets_tests.sql.rows import AS_OF, NOW, START, WEEK_START, days_ago

MAIL = settings_file.load().mail

RULES: dict[str, Any] = {
    "min_price": 50.0,
    "available_only": True,
    "exclude_refurbished": True,
    "https_image": True,
    "excluded_part_types": ["fluids"],
    "one_per_variant_group": True,
    "max_per_part_type": 1,
    "max_universal": 1,
    "exclude_bought_days": 365,
    "exclude_bought_variants": True,
    "list_length": 2,
    "slots": 2,
    "require_fitment": True,
    "has_fitment": True,
}

PARAMETERS: dict[str, Any] = RULES | {
    "as_of": AS_OF,
    "orders_start": days_ago(730),
    "start": START,
    "now": NOW,
    "week_start": WEEK_START,
    "week": WEEK_START.date(),
    "max_events_per_user_week": 3,
    "shared_user_ids": ["guest"],
    "max_account_orders_share": 0.05,
    "max_account_parts": 100,
    "source_table": "events",
    "window_days": 30,
    "max_parts_per_user": 2,
    "min_users": 2,
    "lookback_days": 365,
    "model_weight": 10.0,
    "model_min_orders": 2,
    "make_weight": 8.0,
    "make_min_orders": 3,
    "global_weight": 2.0,
    "kept": 3,
    "arm": "blend",
    "model_week": None,
    "run_id": "it's a 'run'",
    "scored_at": NOW,
    "generated_at": NOW,
    "pipeline_version": "1",
    "user_id": "u1",
    "length": 4,
    "popular_people": 2,
    "recent_days": 30,
    "trend": 2.0,
    **MAIL.parameters,
    "before": WEEK_START.date(),
    "kept_versions": 2,
    "table_name": "staged_long",
    "publication_id": "publication1",
    "moment": days_ago(100),
}

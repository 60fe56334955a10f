"""What a run stages, under names of its own, and the record of it that publishing reads."""

import datetime as dt

from recs_assets.assets.staging import Staged, StagedTables


def test_each_run_and_week_stages_under_names_of_its_own() -> None:
    assert StagedTables.of_run("0a1b2c3d-4e5f-6789-abcd-ef0123456789", dt.date(2026, 9, 28)) == StagedTables(
        "audit_20260928_0a1b2c3d4e5f",
        "staged_recommendations_20260928_0a1b2c3d4e5f",
        "staged_wide_20260928_0a1b2c3d4e5f",
    )


def test_the_record_holds_names_sizes_and_hashes_side_by_side() -> None:
    assert Staged(StagedTables("audit_1", "staged_1", "staged_2"), 40, 2, "1-2-40", "3-4-2").document() == {
        "audit_id": "audit_1",
        "long_table": "staged_1",
        "wide_table": "staged_2",
        "n_rows": 40,
        "n_users": 2,
        "content_hash": "1-2-40",
        "mail_hash": "3-4-2",
    }

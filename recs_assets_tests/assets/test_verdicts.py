"""Verdicts in the ledger, and that a list whose scores collapsed is not published by any way round."""

import datetime as dt
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from recs_assets.assets.verdicts import check_result
from recs_assets.gates.verdict import FAIL, INSUFFICIENT_EVIDENCE, PASS, WARN, Verdict
from recs_assets_tests.assets.test_serving import record
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import WEEK, materialized, messages


@pytest.mark.parametrize(
    ("decision", "passed", "severity"),
    [
        (PASS, True, dg.AssetCheckSeverity.ERROR),
        (WARN, False, dg.AssetCheckSeverity.WARN),
        (FAIL, False, dg.AssetCheckSeverity.ERROR),
        (INSUFFICIENT_EVIDENCE, False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_a_warning_never_blocks_and_a_failure_does(decision: str, passed: bool, severity: dg.AssetCheckSeverity) -> None:
    result = check_result(Verdict("overlap", decision, "why"), "overlap")
    assert (result.passed, result.severity) == (passed, severity)
    assert result.metadata["reason"].value == "why"


def test_a_list_whose_scores_collapsed_is_not_published_by_any_way_round(first_run: Run, tmp_path: Path) -> None:
    place = first_run.place.copy(tmp_path)
    record(place.store, WEEK, source="sql", model_week=None, alpha=None)
    assert place.materialize(["user_scores"], WEEK).success
    old = place.artifact("sql_scores")
    scores = old.table("sql_scores.parquet")
    equal = pa.repeat(1.0, scores.num_rows)
    with place.store.draft("sql_scores", WEEK, old.manifest.provenance) as new:
        index = scores.schema.get_field_index("sql_score")
        new.write_table("sql_scores.parquet", scores.set_column(index, "sql_score", equal))
    before = place.served()
    result = place.materialize(["recommendations", "published_recommendations"], WEEK)
    assert "score_drift" in messages(result)["recommendations"]
    assert "published_recommendations" not in materialized(result)
    alone = place.materialize(["published_recommendations"], WEEK)
    assert not alone.success
    assert place.served() == before
    failures = place.query(
        f"SELECT gate, decision, week FROM verdicts WHERE run_id = '{result.run_id}' AND decision = 'FAIL' ORDER BY 1"
    )
    assert failures == [(gate, "FAIL", dt.date(2026, 9, 28)) for gate in ("audit", "score_drift")]

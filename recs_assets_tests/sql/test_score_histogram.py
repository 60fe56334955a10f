"""Scores are held against the last list of the same source: SQL's are mostly zero by nature."""

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb

WEEK = dt.date(2026, 2, 23)
STAGED = shop.staged([("u1", 1, "p1", 0.5), ("u1", 2, "p2", 0.0)])


def served(*lists: tuple[dt.date, str, float]) -> pa.Table:
    row = STAGED.slice(0, 1).to_pylist()[0]
    rows = [row | {"week": week, "source": source, "final_score": score} for week, source, score in lists]
    return pa.Table.from_pylist(rows, STAGED.schema)


def before(recommendations: pa.Table) -> dict[int, int]:
    """How many scores of the list before lie in each twentieth."""
    tables: dict[str, Any] = {"staged": STAGED, "recommendations": recommendations}
    return {
        row["twentieth"]: row["n_before"]
        for row in on_duckdb("score_histogram", tables, {"before": WEEK, "source": "sql"})
        if row["n_before"]
    }


@pytest.mark.parametrize(
    ("lists", "counted"),
    [
        ([(WEEK, "sql", 0.5)], {10: 1}),
        ([(WEEK, "blend", 0.5)], {}),
        ([(WEEK, "blend", 0.0), (dt.date(2026, 2, 16), "sql", 0.25), (dt.date(2026, 2, 9), "sql", 0.75)], {5: 1}),
        ([(dt.date(2026, 3, 2), "sql", 0.5)], {}),
    ],
)
def test_the_list_before_is_the_last_one_of_the_same_source(
    lists: list[tuple[dt.date, str, float]], counted: dict[int, int]
) -> None:
    assert before(served(*lists)) == counted

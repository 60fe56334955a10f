"""Figures for the UI: numbers to four digits, and none that was not measured."""

import pyarrow as pa

from recs_assets.assets.figures import figures_of
from recs_assets.assets.preview import preview
from recs_assets.gates.verdict import Verdict
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import metadata


def metrics(*rows: tuple[str, str, str, int, float]) -> pa.Table:
    names = ("system", "stratum", "metric", "k", "value")
    return pa.Table.from_pylist(
        [dict(zip(names, row, strict=True)) for row in rows],
        pa.schema(
            [
                ("system", pa.string()),
                ("stratum", pa.string()),
                ("metric", pa.string()),
                ("k", pa.int64()),
                ("value", pa.float64()),
            ]
        ),
    )


def test_what_was_measured_is_shown_to_four_digits() -> None:
    verdict = Verdict("gate_1", "PASS", "", {"lift": 0.123456, "low": float("nan"), "high": 0.2, "users": 278})
    table = metrics(
        ("blend", "all", "recall", 10, 0.44671234),
        ("blend", "all", "hit", 4, 0.5),
        ("sql", "all", "recall", 10, 0.1),
        ("blend", "hot", "recall", 10, 0.9),
    )
    assert figures_of(verdict, table) == {"lift": 0.1235, "lift, high": 0.2, "users": 278, "Recall@10": 0.4467, "hit@4": 0.5}


def test_without_an_evaluation_there_is_no_figure() -> None:
    assert figures_of(Verdict("gate_1", "FAIL", "", {}), metrics()) == {}


def test_a_run_shows_them_as_numbers(first_run: Run) -> None:
    shown = metadata(first_run.result, "offline_metrics")
    figures = [shown[name] for name in ("lift", "lift, low", "lift, high", "Recall@10", "hit@4", "users")]
    assert all(isinstance(figure, int | float) and round(figure, 4) == figure for figure in figures)


def test_a_preview_shows_four_digits() -> None:
    (record,) = preview(pa.table({"value": [0.123456789], "k": [10]})).records
    assert record.data == {"value": "0.1235", "k": "10"}

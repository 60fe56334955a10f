"""Previews in the UI: a few rows, and nothing in them that names a person."""

import pyarrow as pa

from recs_assets.assets.preview import preview


def test_a_preview_shows_five_rows_and_nothing_that_names_a_person() -> None:
    table = pa.table({"user_id": ["u"] * 9, "email": ["e"] * 9, "order_id": ["o"] * 9, "part": [*"abcdefghi"], "n": range(9)})
    shown = preview(table)
    assert [record.data for record in shown.records] == [{"part": part, "n": str(n)} for n, part in enumerate("abcde")]
    assert [(column.name, column.type) for column in shown.schema.columns] == [("part", "string"), ("n", "int64")]


def test_a_table_without_rows_has_a_preview_too() -> None:
    shown = preview(pa.table({"profile_id": pa.array([], pa.string()), "score": pa.array([], pa.float64())}))
    assert shown.records == []
    assert [column.name for column in shown.schema.columns] == ["score"]

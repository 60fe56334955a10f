"""The hash of a mail: the same for the same mail, another one for any other."""

from typing import Any

import pyarrow as pa
import pytest

from recs_assets.own_tables import wide_columns
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb

ADDED = ["reason", "title", "link", "user_id"]
COLUMNS = wide_columns(2, ADDED)
ROWS = [
    (
        "ann@example.com",
        1970,
        "Chevrolet",
        "Camaro",
        *shop.MAIL_SLOT,
        *shop.EMPTY_SLOT,
        shop.NOW,
        "1",
        *shop.ADDED,
        *shop.ADDED,
        "u1",
    ),
    ("bob@example.com", None, None, None, *shop.MAIL_SLOT, *shop.MAIL_SLOT, shop.NOW, "1", *shop.ADDED, *shop.ADDED, "u2"),
]
OTHER: dict[str, Any] = {"STRING": "other", "INT64": 1, "FLOAT64": 0.25, "TIMESTAMP": shop.AS_OF}


def mail_hash(rows: list[tuple[Any, ...]]) -> str:
    mail: pa.Table = shop.table(COLUMNS, rows)
    (row,) = on_duckdb("mail_hash", {"mail": mail}, {"slots": 2, "columns": ADDED})
    return str(row["mail_hash"])


def test_the_order_of_rows_does_not_count() -> None:
    assert mail_hash(ROWS) == mail_hash(ROWS[::-1])
    assert mail_hash(ROWS) != mail_hash(ROWS[:1])


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_counts_but_the_moment_at_which_it_was_made(column: str) -> None:
    place = list(COLUMNS).index(column)
    changed = (*ROWS[0][:place], OTHER[COLUMNS[column]], *ROWS[0][place + 1 :])
    assert (mail_hash([changed, ROWS[1]]) == mail_hash(ROWS)) == (column == "generated_at")

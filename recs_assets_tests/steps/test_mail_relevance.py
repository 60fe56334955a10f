"""What the log of the mail says of orders and clicks, as rows of the graph."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recs_assets import settings_file
from recs_assets.gnn.snapshots import microseconds
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.steps.mail_relevance import MailRelevance, mail_relevance
from recs_assets.weeks import ONE_WEEK
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import AS_OF, days_ago

MOMENT = pa.timestamp("us", "UTC")
LOG = pa.schema([(name, pa.string()) for name in ("user_id", "send_id", "event_type", "product_id")] + [("event_ts", MOMENT)])


def told(folder: Path, mails: Sequence[tuple[Any, ...]]) -> MailRelevance | None:
    """Of the week from ``AS_OF`` on, of u3's order of p2 on the sixth day of it and u4's of p1 at its first moment."""
    tables = five_users.tables() | {
        "mail_events": pa.Table.from_pylist([dict(zip(LOG.names, row, strict=True)) for row in mails], LOG)
    }
    exports = {}
    for name in ("user_nodes", "product_nodes", "interaction_edges", "mail_events"):
        pq.write_table(tables[name], folder / f"{name}.parquet")
        exports[name] = [folder / f"{name}.parquet"]
    warehouse = DuckDBWarehouse(folder / "warehouse.duckdb", folder, settings_file.load().compute)
    return mail_relevance(warehouse, exports, start=AS_OF, end=AS_OF + ONE_WEEK, min_click_seconds=5)


def test_orders_and_clicks_stand_by_the_rows_of_the_graph(tmp_path: Path) -> None:
    mails = [
        ("u1", "s0", "sent", "p3", days_ago(7)),  # from here on it is known what was mailed before an order
        ("u3", "s1", "sent", "p2", days_ago(-1)),
        ("u3", "s1", "delivered", None, days_ago(-1)),
        ("u3", "s1", "opened", None, days_ago(-2)),
        ("u3", "s1", "clicked", "p2", days_ago(-3)),
        ("u3", "s1", "clicked", "p9", days_ago(-3)),  # of no catalogue
    ]
    relevance = told(tmp_path, mails)
    assert relevance is not None
    week = {
        name: [column.tolist() for column in relevance.pairs(name, microseconds(AS_OF))]
        for name in ("organic", "mailed", "click")
    }
    # u1 ordered p2 on the second day, without a mail that held it.
    assert {name: sorted(zip(*pairs, strict=True)) for name, pairs in week.items()} == {
        "organic": [(0, 1), (3, 0)],
        "mailed": [(2, 1)],
        "click": [(2, 1)],
    }


def test_without_a_log_nothing_is_said(tmp_path: Path) -> None:
    assert told(tmp_path, []) is None

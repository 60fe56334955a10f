"""Versions of lists as tests stage, audit, publish and restore them, on any engine, and what a reader of DuckDB's file finds."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from recs_assets.own_tables import AUDITS
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.publishing import Publication, Published
from recs_assets.resources.restoring import Restoration
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import tables_read
from recs_assets_tests.sql.parameters import MAIL
from recs_assets_tests.warehouse_reader import reading

WEEK = shop.WEEK_START.date()
Rows = Sequence[tuple[Any, ...]]

FIRST: Rows = [("u1", 1, "p1", 0.5), ("u2", 1, "p2", 0.25)]
SECOND: Rows = [("u1", 1, "p2", 0.75), ("u2", 1, "p2", 0.25), ("u3", 1, "p1", 0.5)]


def stage(
    warehouse: DuckDBWarehouse,
    name: str,
    rows: Rows,
    *,
    decision: str = "PASS",
    slots: int = 1,
    columns: Sequence[str] = (),
    week: dt.date = WEEK,
) -> Publication:
    """Stage a long and a wide table of some lists, with an audit, and say how to publish them."""
    long_table, wide_table = f"staged_long_{name}", f"staged_wide_{name}"
    tables = _tables_of(rows) | {"staged": long_table, "mail": wide_table}
    shape = {"slots": slots, "columns": columns}
    moments = {"week": week, "run_id": f"run {name}", "scored_at": shop.NOW, "model_week": None}
    with warehouse.session(tables) as session:
        assert session.stage(long_table, "recommendations", **moments) == len(rows)
        session.stage(
            wide_table,
            "final_vehicle_recommendations",
            week=week,
            as_of=shop.AS_OF,
            **shape,
            generated_at=shop.NOW,
            pipeline_version="1",
        )
        content = session.audit("content_hash", week=week) | session.audit("mail_hash", **shape)
    hashes = content["content_hash"], content["mail_hash"]
    audit = (f"audit {name}", week, long_table, *hashes, decision, *counts(content), "{}", "as told", f"run {name}", shop.NOW)
    warehouse.append("audits", shop.table(AUDITS, [audit]), replace={"audit_id": f"audit {name}"})
    return Publication(
        publication_id=f"publication {name}",
        week=week,
        long_table=long_table,
        wide_table=wide_table,
        audit_id=f"audit {name}",
        content_hash=content["content_hash"],
        mail_hash=content["mail_hash"],
        expected_version=warehouse.served_version(week),
        run_id=f"run {name}",
        model_week=None,
        model_version=None,
        settings_hash="settings",
        n_rows=content["n_rows"],
        n_users=content["n_users"],
        published_at=dt.datetime.now(dt.UTC),
        reason="test",
        mail=MAIL,
    )


def _tables_of(rows: Rows) -> dict[str, Any]:
    """What the queries of the two tables read: of the shop, with lists of one profile a person."""
    profiles = shop.table(
        {"user_id": "STRING", "profile_id": "STRING", "stratum": "STRING", "n_events": "INT64", "n_vehicles": "INT64"},
        [(row[0], row[0], "warm", 1, 0) for row in rows],
    )
    lists = shop.table(
        LIST_COLUMNS,
        [(user, rank, product, score, score, None, "sql", "code", None, "all") for user, rank, product, score in rows],
    )
    addresses = shop.table({"user_id": "STRING", "email_lower": "STRING"}, [(row[0], f"{row[0]}@example.com") for row in rows])
    arms = shop.table({"user_id": "STRING", "arm": "STRING"}, [(user, "all") for user in sorted({row[0] for row in rows})])
    own = {"user_profiles": profiles, "profile_recommendations": lists, "mail_addresses": addresses, "arms": arms}
    read = tables_read("recommendations") | tables_read("final_vehicle_recommendations")
    return {name: table for name, table in (shop.TABLES | own).items() if name in read}


def write_users(folder: Path, consents: Mapping[str, bool | None]) -> None:
    """The store's users as they are now: whether each of them may be mailed."""
    rows = [(user, f"{user}@example.com", None, consent) for user, consent in consents.items()]
    pq.write_table(shop.source("users", rows), folder / "users.parquet")


LIST_COLUMNS = dict(list(shop.PROFILE_RECOMMENDATION_COLUMNS.items())[:9]) | {"arm": "STRING"}


def counts(content: dict[str, Any]) -> tuple[int, int]:
    return content["n_rows"], content["n_users"]


def publish(warehouse: DuckDBWarehouse, publication: Publication) -> Published:
    return warehouse.publish(publication, kept_versions=2)


def restoration(warehouse: DuckDBWarehouse, name: str, version: str | None = None) -> Restoration:
    expected = warehouse.served_version(WEEK)
    return Restoration(f"restoration {name}", WEEK, version, expected, "run", dt.datetime.now(dt.UTC), "it was bad", MAIL)


def query(warehouse: DuckDBWarehouse, text: str) -> list[tuple[Any, ...]]:
    with reading(warehouse.file) as connection:
        return connection.execute(text).fetchall()


def served(warehouse: DuckDBWarehouse) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The long and the wide table as a reader finds them."""
    long = "SELECT user_id, rank, product_id, final_score FROM recommendations ORDER BY ALL"
    mail = "SELECT email_lower, rec_part_1 FROM final_vehicle_recommendations ORDER BY ALL"
    with reading(warehouse.file) as connection:
        return connection.execute(long).fetchall(), connection.execute(mail).fetchall()


def wide(rows: Rows) -> list[tuple[Any, ...]]:
    return [(f"{user}@example.com", product) for user, _, product, _ in rows]

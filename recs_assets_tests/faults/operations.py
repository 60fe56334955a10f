"""What writes: seven operations on a small home, each with the state before it, the state after it, and its fault points."""

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from recs_assets.gnn.checkpoints import Checkpoints
from recs_assets.resources.publishing import Publication
from recs_assets.resources.restoring import Restoration
from recs_assets.resources.store.pruning import remove, stored, superfluous
from recs_assets.resources.store.store import Store
from recs_assets_tests.faults.homes import warehouse_of
from recs_assets_tests.resources.store.test_store import ORIGIN, ROWS
from recs_assets_tests.resources.store.test_store import WEEK as STORE_WEEK
from recs_assets_tests.resources.versions import FIRST, SECOND, WEEK, Rows, publish, stage, write_users
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import tables_read
from recs_assets_tests.sql.parameters import MAIL
from recs_assets_tests.warehouse_reader import reading

THIRD: Rows = [("u1", 1, "p1", 0.875), ("u3", 1, "p2", 0.25)]
# What stands only in BigQuery, where a staged table is made before it is filled.
OF_BIGQUERY = {"stage.made"}
# Which operation passes which points, by their first word.
PASSES = {
    "draft": ("draft", "export", "store", "scratch"),
    "stage": ("stage", "append", "attach", "scratch"),
    "publish": ("publish",),
    "restore": ("restore",),
    "checkpoint": ("checkpoint",),
    "prune": ("prune",),
    "erase": ("erase",),
}


def prepare(home: Path) -> None:
    """Two versions published, the second one served; a third one staged and audited; one artifact."""
    home.mkdir(parents=True, exist_ok=True)
    warehouse = warehouse_of(home)
    write_users(home, {"u1": True, "u2": True, "u3": True})
    publish(warehouse, stage(warehouse, "one", FIRST))
    publish(warehouse, stage(warehouse, "two", SECOND))
    stage(warehouse, "three", THIRD)
    draft(home, "of a week before", "2026-01-05")
    draft(home, "one before")
    draft(home, "first")
    for epoch in (1, 2):
        checkpoints_of(home).save(epoch, {"epoch": epoch, "weights": torch.ones(1_000)})


def draft(home: Path, note: str = "second", week: str = STORE_WEEK) -> None:
    with (
        Store(home / "store").draft("scores", week, ORIGIN) as new,
        warehouse_of(home).session({name: shop.TABLES[name] for name in tables_read("profiles")}) as session,
    ):
        session.export("profiles", new.path("profiles.parquet"))
        new.write_table("scores.parquet", ROWS)
        new.write_document("note.json", {"note": note})


def stage_and_audit(home: Path) -> None:
    stage(warehouse_of(home), "four", FIRST)


def publish_third(home: Path) -> None:
    warehouse = warehouse_of(home)
    with reading(warehouse.file) as connection:
        columns = "content_hash, n_rows, n_users, mail_hash"
        audit = connection.execute(f"SELECT {columns} FROM audits WHERE audit_id = 'audit three'").fetchone()
    assert audit is not None
    publication = Publication(
        publication_id="publication three",
        week=WEEK,
        long_table="staged_long_three",
        wide_table="staged_wide_three",
        audit_id="audit three",
        content_hash=audit[0],
        mail_hash=audit[3],
        expected_version="publication two",
        run_id="run three",
        model_week=None,
        model_version=None,
        settings_hash="settings",
        n_rows=audit[1],
        n_users=audit[2],
        published_at=dt.datetime.now(dt.UTC),
        reason="test",
        mail=MAIL,
    )
    publish(warehouse, publication)


def restore_first(home: Path) -> None:
    moment = dt.datetime.now(dt.UTC)
    restoration = Restoration("restoration", WEEK, "publication one", "publication two", "run", moment, "it was bad", MAIL)
    warehouse_of(home).restore(restoration)


def prune(home: Path) -> None:
    store, moment = Store(home / "store"), dt.datetime.now(dt.UTC)
    versions, long_ago = stored(store), ORIGIN.as_of - dt.timedelta(days=3650)
    with store.location.alone():
        remove(store, superfluous(versions, roots=(), run_ids=(), weeks=1, personal_since=long_ago), versions)
    # A week later the staged list that was never published has nobody who would publish it.
    later, before = moment + dt.timedelta(days=7), WEEK - dt.timedelta(days=7)
    warehouse_of(home).prune(kept_versions=2, now=later, lists_up_to=before, quarantined_weeks=[before.isoformat()])


def erase_one(home: Path) -> None:
    write_users(home, {"u2": True, "u3": True})
    moment = dt.datetime.now(dt.UTC)
    warehouse_of(home).erase(made_before=moment, now=moment, kept_versions=2, max_share=0.5)


def checkpoints_of(home: Path) -> Checkpoints:
    return Checkpoints(home / "store" / ".work" / "training", "inputs and settings")


def save_third_epoch(home: Path) -> None:
    checkpoints_of(home).save(3, {"epoch": 3, "weights": torch.ones(1_000)})


OPERATIONS: Mapping[str, Callable[[Path], Any]] = {
    "draft": draft,
    "stage": stage_and_audit,
    "publish": publish_third,
    "restore": restore_first,
    "checkpoint": save_third_epoch,
    "prune": prune,
    "erase": erase_one,
}
# What the lists of the week are before and after each operation.
LISTS: Mapping[str, tuple[Rows, Rows]] = {
    "draft": (SECOND, SECOND),
    "stage": (SECOND, SECOND),
    "publish": (SECOND, THIRD),
    "restore": (SECOND, FIRST),
    "checkpoint": (SECOND, SECOND),
    "prune": (SECOND, SECOND),
    "erase": (SECOND, [row for row in SECOND if row[0] != "u1"]),
}

"""What writes where tables are BigQuery's and files a bucket's: eight operations, and what somebody else finds of each."""

import datetime as dt
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from recs_assets.gnn.checkpoints import Checkpoints
from recs_assets.own_tables import AUDITS, FIXED_TABLES, QUARANTINE
from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.bigquery.warehouse import BigQueryWarehouse
from recs_assets.resources.publishing import Publication
from recs_assets.resources.restoring import Restoration
from recs_assets_tests.resources.bigquery.conftest import warehouse_at, write_users
from recs_assets_tests.resources.bigquery.reading import query, served
from recs_assets_tests.resources.store.places import Place
from recs_assets_tests.resources.store.test_store import ORIGIN, ROWS
from recs_assets_tests.resources.store.test_store import WEEK as STORE_WEEK
from recs_assets_tests.resources.versions import FIRST, SECOND, WEEK, Rows, publish, stage, wide
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.parameters import MAIL

ORPHAN, AUDIT = "staged_orphan", "audit of an orphan"
OLD_WEEK = WEEK - dt.timedelta(days=7)
# Of tables that were staged when a draft was written, by its note.
N_STAGED = {"first": 2, "second": 4}
# A transaction in which nothing has happened for so long is of a process that was killed: here nobody else is at work.
TURN_SECONDS = 0.1
# What may be served, by name: one version, whole.
SERVED: Mapping[str, Rows] = {"one": FIRST, "two": SECOND, "one, erased": [row for row in FIRST if row[0] != "u1"]}


@dataclass(frozen=True)
class Cluster:
    """Where all of it is, for whoever comes: each has clients of their own. ``second``: the version to publish."""

    places: Places
    files: Place
    second: Publication | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without the client of the places, which another process makes for itself."""
        return self.__dict__ | {"places": replace(self.places)}

    @property
    def warehouse(self) -> BigQueryWarehouse:
        """The warehouse, as another process would open it."""
        return warehouse_at(replace(self.places), turn_seconds=TURN_SECONDS)

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """What somebody else reads of our own tables."""
        return query(replace(self.places), text)


def prepare(at: Cluster) -> Cluster:
    """One version served, another one staged and audited; one artifact, two checkpoints, and what an old week had left out."""
    write_users(replace(at.places), {"u1": True, "u2": True, "u3": True})
    publish(at.warehouse, stage(at.warehouse, "one", FIRST))
    old = [(OLD_WEEK, "users", "no_id", "quarantined", "u9", "{}")]
    at.warehouse.append("quarantine", shop.table(QUARANTINE, old))
    write_draft(at, "first")
    for epoch in (1, 2):
        save_epoch(at, epoch)
    return replace(at, second=stage(at.warehouse, "two", SECOND))


def open_warehouse(at: Cluster) -> None:
    at.warehouse.served_version(WEEK)


def write_draft(at: Cluster, note: str = "second") -> None:
    with at.files.store.draft("scores", STORE_WEEK, ORIGIN) as new, at.warehouse.session() as session:
        session.export("staged_tables", new.path("staged.parquet"))
        new.write_table("scores.parquet", ROWS)
        new.write_document("note.json", {"note": note})


def save_epoch(at: Cluster, epoch: int = 3) -> None:
    with at.files.store.working("training") as work:
        Checkpoints(work.folder, "inputs and settings", work.keep).save(epoch, {"epoch": epoch, "weights": torch.ones(1_000)})


def stage_and_audit(at: Cluster) -> None:
    with at.warehouse.session() as session:
        session.stage(ORPHAN, "staged_tables")
    audit = (AUDIT, WEEK, ORPHAN, "content", "mail", "FAIL", 0, 0, "{}", "as told", "run", shop.NOW)
    at.warehouse.append("audits", shop.table(AUDITS, [audit]), replace={"audit_id": AUDIT})


def publish_second(at: Cluster) -> None:
    assert at.second
    publish(at.warehouse, at.second)


def restore_first(at: Cluster) -> None:
    moment = dt.datetime.now(dt.UTC)
    restoration = Restoration("restoration", WEEK, "publication one", "publication two", "run", moment, "it was bad", MAIL)
    at.warehouse.restore(restoration)


def prune_tables(at: Cluster) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=7)
    at.warehouse.prune(kept_versions=2, now=later, lists_up_to=OLD_WEEK, quarantined_weeks=[OLD_WEEK.isoformat()])


def erase_one(at: Cluster) -> None:
    moment = dt.datetime.now(dt.UTC)
    at.warehouse.erase(made_before=moment, now=moment, kept_versions=2, max_share=0.5)


def without_one(at: Cluster) -> Cluster:
    """The person who is erased is no user any more."""
    write_users(replace(at.places), {"u2": True, "u3": True})
    return at


def fixed_tables(at: Cluster) -> int:
    tables = {item.table_id for item in replace(at.places).client.list_tables(at.places.tables)}
    return len(tables & FIXED_TABLES.keys())


def current_note(at: Cluster) -> str:
    artifact = at.files.store.current("scores", STORE_WEEK)
    assert artifact.table("scores.parquet").equals(ROWS)
    note = str(artifact.document("note.json")["note"])
    assert artifact.n_rows("staged.parquet") == N_STAGED[note]
    return note


def newest_epoch(at: Cluster) -> int:
    """Of the training that another machine goes on with."""
    with (
        tempfile.TemporaryDirectory() as elsewhere,
        replace(at.files, local=Path(elsewhere)).store.working("training") as work,
    ):
        state = Checkpoints(work.folder, "inputs and settings").newest()
    assert state is not None, "a training would begin from nothing"
    assert int(state["weights"].sum()) == 1_000
    return int(state["epoch"])


def staged_and_audited(at: Cluster) -> tuple[bool, int | None, int]:
    """Whether the orphan is listed, how many rows it has (``None``: it is not there), and how many audits of it there are."""
    listed, there = staged_tables(at)
    n_rows = at.rows(f"SELECT COUNT(*) FROM {ORPHAN}")[0][0] if ORPHAN in there else None
    return ORPHAN in listed, n_rows, at.rows(f"SELECT COUNT(*) FROM audits WHERE audit_id = '{AUDIT}'")[0][0]


def staged_tables(at: Cluster) -> tuple[set[str], set[str]]:
    """The staged tables in the list of them, and those that are there: none of which the list does not know."""
    listed = {name for (name,) in at.rows("SELECT table_name FROM staged_tables")}
    tables = {item.table_id for item in replace(at.places).client.list_tables(at.places.tables)}
    there = {name for name in tables if name.startswith("staged_")} - FIXED_TABLES.keys()
    assert there <= listed, f"nobody will ever drop {there - listed}"
    return listed, there


def served_version(at: Cluster) -> str:
    tables = served(replace(at.places))
    names = [name for name, rows in SERVED.items() if tables == (list(rows), wide(rows))]
    assert names, f"what is served is no whole version: {tables}"
    return names[0]


def pruned(at: Cluster) -> tuple[bool, bool, int]:
    """Whether the orphan is listed, and there; the rows that an old week had left out."""
    listed, there = staged_tables(at)
    return ORPHAN in listed, ORPHAN in there, at.rows("SELECT COUNT(*) FROM quarantine")[0][0]


def erased(at: Cluster) -> tuple[str, int]:
    """What is served, and how many tables the ledger says to be another one since: lists and mail, served and of two versions."""
    return served_version(at), at.rows("SELECT COUNT(*) FROM erasures")[0][0]

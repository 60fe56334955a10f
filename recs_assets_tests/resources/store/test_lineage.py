"""What goes together: artifacts of one origin, and never one beside another version of what it was made from."""

import datetime as dt
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from recs_assets.resources.store.artifact import Artifact, StoreError
from recs_assets.resources.store.lineage import inputs_of, origins_of, parquet_of
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.store import Store

WEEK = "2026-09-28"
AS_OF = dt.datetime(2026, 10, 5, tzinfo=dt.UTC)


def made(store: Store, asset: str, *origins: Artifact, run: str = "run 1", rows: int = 1) -> Artifact:
    inputs = {origin.manifest.asset: origin.reference for origin in origins}
    with store.draft(asset, WEEK, Provenance(AS_OF, inputs, "settings", "1", run)) as new:
        new.write_table(f"{asset}.parquet", pa.table({"n": range(rows)}))
    return new.written


def test_a_run_reads_what_it_made_itself_and_else_what_is_current(tmp_path: Path) -> None:
    store = Store(tmp_path)
    own, users = made(store, "product_nodes", run="own"), made(store, "user_nodes", run="another")
    made(store, "product_nodes", run="another", rows=2)
    inputs = inputs_of(store, WEEK, "own", ["product_nodes", "user_nodes"])
    assert {asset: artifact.version for asset, artifact in inputs.items()} == {
        "product_nodes": own.version,
        "user_nodes": users.version,
    }


def test_what_was_made_from_another_version_than_the_one_beside_it_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old = made(store, "user_nodes")
    made(store, "hetero_graph", old)
    assert set(inputs_of(store, WEEK, "run 2", ["user_nodes", "hetero_graph"])) == {"user_nodes", "hetero_graph"}
    new = made(store, "user_nodes", rows=2, run="run 2")
    told = (
        f"hetero_graph of week {WEEK} was made from user_nodes {old.reference}, and user_nodes is {new.reference} now: another "
        "run of the week is at work, or user_nodes alone was made again. Materialize hetero_graph and what follows it again."
    )
    with pytest.raises(StoreError, match=re.escape(told)):
        inputs_of(store, WEEK, "run 2", ["user_nodes", "hetero_graph"])


def test_inputs_are_tables_under_the_names_of_their_assets(tmp_path: Path) -> None:
    store = Store(tmp_path)
    inputs = {asset: made(store, asset) for asset in ("user_nodes", "fits_edges")}
    files = {name: [path.name for path in paths] for name, paths in parquet_of(inputs).items()}
    assert files == {"user_nodes": ["user_nodes.parquet"], "fits_edges": ["fits_edges.parquet"]}


def test_the_origins_of_an_artifact_are_the_versions_it_was_made_from_whatever_is_current_by_now(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old = made(store, "user_nodes")
    graph = made(store, "hetero_graph", old)
    assert made(store, "user_nodes", rows=2).version != old.version
    assert origins_of(store, graph, ["user_nodes"])["user_nodes"].version == old.version
    shutil.rmtree(tmp_path / "user_nodes" / WEEK / old.version)
    with pytest.raises(StoreError, match=rf"manifest.json cannot be read .*: materialize user_nodes for week {WEEK} again"):
        origins_of(store, graph, ["user_nodes"])

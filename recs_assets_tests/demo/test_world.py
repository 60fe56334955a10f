"""The folder as a whole: names, types, bytes, and not writing twice."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recs_assets.demo import world
from recs_assets.demo.presets import PRESETS
from recs_assets.demo.truth import user_projects
from recs_assets.demo.world import write_world
from recs_assets_tests.demo.reading import Source

TIMESTAMP = pa.timestamp("us", tz="UTC")
SCHEMAS = {
    "users": {"user_id": pa.string(), "email": pa.string(), "created_at": TIMESTAMP, "email_consent": pa.bool_()},
    "vehicles": {
        "vehicle_id": pa.string(),
        "year": pa.int64(),
        "make": pa.string(),
        "model": pa.string(),
        "engine": pa.string(),
    },
    "ownership": {"user_id": pa.string(), "vehicle_id": pa.string(), "slot": pa.int64(), "added_at": TIMESTAMP},
    "products": {
        "product_id": pa.string(),
        "part_type": pa.string(),
        "price": pa.float64(),
        "brand": pa.string(),
        "title": pa.string(),
        "image_url": pa.string(),
        "variant_group": pa.string(),
        "is_refurbished": pa.bool_(),
        "is_universal": pa.bool_(),
        "created_at": TIMESTAMP,
    },
    "fitment": {"product_id": pa.string(), "vehicle_id": pa.string()},
    "events": {
        "event_id": pa.string(),
        "user_id": pa.string(),
        "product_id": pa.string(),
        "event_type": pa.string(),
        "event_ts": TIMESTAMP,
        "order_id": pa.string(),
        "quantity": pa.int64(),
    },
    "email_events": {
        "user_id": pa.string(),
        "send_id": pa.string(),
        "event_type": pa.string(),
        "event_ts": TIMESTAMP,
        "product_id": pa.string(),
    },
}


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("table", SCHEMAS)
def test_a_table_has_the_columns_of_the_contract(tiny: Source, table: str) -> None:
    schema = pq.read_schema(tiny.folder / f"{table}.parquet")
    assert {field.name: field.type for field in schema} == SCHEMAS[table]


def test_the_same_seed_gives_the_same_bytes(tiny: Source, tmp_path: Path) -> None:
    write_world(tmp_path, PRESETS["tiny"], seed=1)
    assert digests(tmp_path) == digests(tiny.folder)


def test_another_seed_changes_every_table_but_the_list_of_vehicles(tiny: Source, tmp_path: Path) -> None:
    write_world(tmp_path, PRESETS["tiny"], seed=2)
    ours, theirs = digests(tiny.folder), digests(tmp_path)
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] == theirs[name]} <= {"truth/companions.parquet", "truth/faults.json"}


def test_a_complete_folder_is_left_alone(tmp_path: Path) -> None:
    first = write_world(tmp_path, PRESETS["tiny"], seed=1)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    second = write_world(tmp_path, PRESETS["tiny"], seed=1)
    assert (first.written, second.written) == (True, False)
    assert second.rows == first.rows
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == times


@pytest.mark.parametrize(("seed", "no_signal"), [(2, False), (1, True)])
def test_a_folder_with_another_world_is_written_anew(tmp_path: Path, seed: int, no_signal: bool) -> None:
    write_world(tmp_path, PRESETS["tiny"], seed=1)
    assert write_world(tmp_path, PRESETS["tiny"], seed=seed, no_signal=no_signal).written


def test_a_folder_of_another_version_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_world(tmp_path, PRESETS["tiny"], seed=1)
    monkeypatch.setattr(world, "VERSION", world.VERSION + 1)
    assert write_world(tmp_path, PRESETS["tiny"], seed=1).written


def test_a_folder_left_half_written_has_no_marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_world(tmp_path, PRESETS["tiny"], seed=1)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(world, "write_truth", fail)
    with pytest.raises(OSError, match="disk full"):
        write_world(tmp_path, PRESETS["tiny"], seed=2)
    assert world.existing(tmp_path) is None


def test_rows_are_counted_as_they_lie_in_the_files(tiny: Source) -> None:
    summary = world.existing(tiny.folder)
    assert summary is not None
    assert summary.rows == {name: len(table) for name, table in tiny.raw.items()}


def test_the_world_behind_a_folder_is_built_again_with_sarah_among_the_active(tiny: Source) -> None:
    rebuilt = world.rebuilt(tiny.folder)
    assert rebuilt is not None
    assert rebuilt.active.user[0] == 0
    assert (np.diff(rebuilt.active.user) > 0).all()
    assert pq.read_table(tiny.folder / "truth" / "user_projects.parquet").equals(user_projects(rebuilt))


@pytest.mark.long
def test_no_world_is_built_again_that_has_no_signal_or_was_written_otherwise(tiny: Source, flat: Source, tmp_path: Path) -> None:
    assert world.rebuilt(flat.folder) is None
    assert world.rebuilt(tmp_path) is None
    write_world(tmp_path, replace(PRESETS["tiny"], users=400), seed=1)
    assert world.rebuilt(tmp_path) is None

"""The floor under a stage: what DuckDB needs to read the same Parquet and write the same rows, and nothing else."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.store import Store
from recs_assets.targets import home, source

TABLES_IN_THE_WAREHOUSE = {"recommendations": ("recommendations", "final_vehicle_recommendations")}


@dataclass(frozen=True)
class Floor:
    """Rows in and out of a stage, and the seconds that moving them takes at least."""

    rows_in: int
    rows_out: int
    seconds: float


def floor(store: Store, asset: str, week: str, threads: int) -> Floor:
    """The floor of the asset's newest version.

    Args:
        store: where it and its inputs lie.
        asset: its name.
        week: the key of its partition.
        threads: of DuckDB.
    """
    artifact = store.current(asset, week)
    read = _sources(asset) if asset.startswith("raw_") else _inputs(store, artifact)
    written = sorted(Path(artifact.address).glob("*.parquet"))
    served = TABLES_IN_THE_WAREHOUSE.get(asset, ())
    with tempfile.TemporaryDirectory(dir=home()) as folder, duckdb.connect(config={"threads": threads}) as connection:
        connection.execute(f"ATTACH '{home() / 'warehouse.duckdb'}' AS warehouse (READ_ONLY)")
        started = time.perf_counter()
        for number, path in enumerate(read):
            connection.execute(f"CREATE TEMP TABLE read_{number} AS SELECT * FROM read_parquet('{path}')")
        seconds = time.perf_counter() - started
        outputs = [f"SELECT * FROM read_parquet('{path}')" for path in written]
        outputs += [f"SELECT * FROM warehouse.main.{table}" for table in served]
        rows_out = 0
        for number, select in enumerate(outputs):
            connection.execute(f"CREATE TEMP TABLE written_{number} AS {select}")
            rows_out += _n_rows(connection, f"written_{number}")
            started = time.perf_counter()
            to = Path(folder) / f"{number}.parquet"
            connection.execute(f"COPY written_{number} TO '{to}' (FORMAT parquet, COMPRESSION zstd)")
            seconds += time.perf_counter() - started
            connection.execute(f"DROP TABLE written_{number}")
    return Floor(sum(pq.read_metadata(path).num_rows for path in read), rows_out, seconds)


def _sources(asset: str) -> Sequence[Path]:
    path = source() / f"{asset.removeprefix('raw_')}.parquet"
    return [path] if path.exists() else []


def _inputs(store: Store, artifact: Artifact) -> list[Path]:
    inputs = artifact.manifest.provenance.inputs
    folders = [Path(store.location.address(f"{asset}/{reference}")) for asset, reference in inputs.items()]
    files = [path for folder in folders for path in sorted(folder.glob("*.parquet"))]
    raw = [path for name in inputs if name.startswith("raw_") for path in _sources(name)]
    return [*files, *raw]


def _n_rows(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0

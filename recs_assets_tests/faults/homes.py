"""A home where the project's commands run as processes of their own, and what anybody can find there after a fault."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from recs_assets import settings_file
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.store import Store
from recs_assets_tests.warehouse_reader import reading

COMPUTE = settings_file.load().compute.model_copy(update={"threads": 1})
# A fingerprint of each served table, but for who wrote it and when: a look must not hold the file for long.
FINGERPRINT = "SELECT COUNT(*), SUM(hash(served)::HUGEINT) FROM (SELECT * EXCLUDE ({}) FROM {}) AS served"
SERVED = (
    FINGERPRINT.format("run_id, scored_at", "recommendations"),
    FINGERPRINT.format("generated_at", "final_vehicle_recommendations"),
)
# Rows and run of every week, as the newest row of the ledger says and as they are served; rows of which only one side knows.
DISAGREEMENT = """
WITH newest AS (SELECT * FROM publications QUALIFY ROW_NUMBER() OVER (PARTITION BY week ORDER BY sequence DESC) = 1),
recorded AS (
  SELECT newest.week, made.run_id, newest.n_rows
  FROM newest JOIN publications AS made ON made.publication_id = newest.version_after
),
as_served AS (SELECT week, run_id, COUNT(*) AS n_rows FROM recommendations GROUP BY ALL)
(SELECT 'only in the ledger', * FROM recorded EXCEPT SELECT 'only in the ledger', * FROM as_served)
UNION ALL
(SELECT 'only served', * FROM as_served EXCEPT SELECT 'only served', * FROM recorded)
"""
PUBLISHED_TWICE = """
SELECT week, content_hash, COUNT(*) AS n_publications FROM publications WHERE action = 'publish'
GROUP BY week, content_hash HAVING COUNT(*) > 1
"""
# Staged tables that the list of them does not know. One that is listed and was never made, or is dropped already, is forgotten by
# a later pruning.
UNLISTED_TABLES = r"""
SELECT table_name FROM duckdb_tables()
WHERE table_name LIKE 'staged\_%' ESCAPE '\' AND table_name <> 'staged_tables'
  AND table_name NOT IN (SELECT table_name FROM staged_tables)
ORDER BY table_name
"""


def warehouse_of(home: Path) -> DuckDBWarehouse:
    """The warehouse of a home, on one thread."""
    return DuckDBWarehouse(home / "warehouse.duckdb", home, COMPUTE)


@dataclass(frozen=True)
class Home:
    """One source and one home, as ``RECS_SOURCE`` and ``RECS_HOME`` name them to each process."""

    folder: Path
    source: Path

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def start(self, *arguments: str, log: IO[bytes], **environment: str) -> "subprocess.Popen[bytes]":
        """A command of the project, begun; what it says goes into ``log``."""
        command = [sys.executable, "-m", "recs_assets", *arguments]
        return subprocess.Popen(command, env=self._environment() | environment, stdout=log, stderr=subprocess.STDOUT)

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """A command of the project, awaited; all that it said is in ``stdout``."""
        command = [sys.executable, "-m", "recs_assets", *arguments]
        to, merged = subprocess.PIPE, subprocess.STDOUT
        return subprocess.run(command, env=self._environment() | environment, stdout=to, stderr=merged, text=True, check=False)

    def finish(self, *arguments: str, **environment: str) -> None:
        """A command that has to end well.

        Raises:
            RuntimeError: it did not; the message is what it said.
        """
        ended = self.run(*arguments, **environment)
        if ended.returncode:
            raise RuntimeError(f"{' '.join(arguments)} ended with {ended.returncode}:\n{ended.stdout}")

    def query(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of a query, as any reader of the warehouse file finds them."""
        with reading(self.warehouse) as connection:
            return connection.execute(text).fetchall()

    def served(self) -> list[tuple[Any, ...]]:
        """What tells the rows of both served tables from any others, in one look."""
        with reading(self.warehouse) as connection:
            return [row for text in SERVED for row in connection.execute(text).fetchall()]

    def violations(self) -> list[str]:
        """Promises that hold at every moment and are broken here: ledger and served tables agree, every artifact is whole."""
        disagreement = [f"ledger and served tables differ: {row}" for row in self.query(DISAGREEMENT)]
        twice = [f"one content was published more than once: {row}" for row in self.query(PUBLISHED_TWICE)]
        return [*disagreement, *twice, *self._damaged()]

    def versions(self) -> dict[tuple[str, str], str]:
        """The current version of every asset's week. A version is named by all that is in it, but not by who made it."""
        store = Store(self.folder / "store")
        newest = {key: store.find(*key) for key in self._partitions()}
        return {key: artifact.version for key, artifact in newest.items() if artifact is not None}

    def orphans(self) -> list[str]:
        """What is left of work that has ended: drafts, spill, checkpoints, staged tables that nobody knows."""
        folders = [self.folder / name for name in ("warehouse.spill", "store/.drafts", "store/.work")]
        left = [str(path) for folder in folders if folder.exists() for path in folder.iterdir()]
        return left + [name for (name,) in self.query(UNLISTED_TABLES)]

    def put_back(self, prepared: Path) -> None:
        """Make warehouse and store those of another home again, under readers that look on."""
        copy = self.warehouse.with_suffix(".copy")
        shutil.copy(prepared / self.warehouse.name, copy)
        self.warehouse.with_name(f"{self.warehouse.name}.wal").unlink(missing_ok=True)
        copy.replace(self.warehouse)
        shutil.rmtree(self.folder / "store")
        shutil.copytree(prepared / "store", self.folder / "store")

    def _partitions(self) -> list[tuple[str, str]]:
        assets = [path for path in (self.folder / "store").iterdir() if not path.name.startswith(".")]
        return sorted((asset.name, week.name) for asset in assets for week in asset.iterdir())

    def _damaged(self) -> list[str]:
        store, told = Store(self.folder / "store"), []
        for asset, week in self._partitions():
            try:
                artifact = store.find(asset, week)
                for name in artifact.manifest.files if artifact else ():
                    artifact.path(name)
            except StoreError as error:
                told.append(str(error))
        return told

    def _environment(self) -> dict[str, str]:
        dagster_home = self.folder / "dagster"
        dagster_home.mkdir(parents=True, exist_ok=True)
        places = {"RECS_HOME": self.folder, "RECS_SOURCE": self.source, "DAGSTER_HOME": dagster_home}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RECS_")}
        return inherited | {name: str(path) for name, path in places.items()}

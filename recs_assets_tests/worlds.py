"""Where the graph runs in tests: a source folder, a home of its own, settings, and Dagster's own way to launch."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from recs_assets import definitions, settings_file
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.store import Store
from recs_assets.settings import Settings
from recs_assets_tests.warehouse_reader import reading

# The tiny world's last whole week, and the week in which its last three days of events lie.
WEEK, NEXT_WEEK = "2026-09-28", "2026-10-05"

TINY_GATES = {"max_false_promotions": 0.1}
# Towers for a few hundred people: those of the settings are for hundreds of thousands, and most of a small run's work.
SMALL_TOWERS = {"dimension": 16, "hash_buckets": 1000, "epochs": 2, "patience": 2}

LONG = "SELECT * EXCLUDE (run_id, scored_at) FROM recommendations ORDER BY ALL"
WIDE = "SELECT * EXCLUDE (generated_at) FROM final_vehicle_recommendations ORDER BY ALL"


def tiny_settings() -> Settings:
    """The packaged settings, but for what is meant for many people: the evidence that gate 1 asks for, and the towers."""
    packaged = settings_file.load()
    gates, towers = packaged.gates.model_copy(update=TINY_GATES), packaged.towers.model_copy(update=SMALL_TOWERS)
    return packaged.model_copy(update={"gates": gates, "towers": towers})


@dataclass(frozen=True)
class Place:
    """One source and one home, as ``RECS_SOURCE`` and ``RECS_HOME`` would name them, with the event log in memory."""

    source: Path
    home: Path
    settings: Settings = field(default_factory=tiny_settings)
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)

    @property
    def store(self) -> Store:
        return Store(self.home / "store")

    @property
    def warehouse(self) -> DuckDBWarehouse:
        return DuckDBWarehouse(
            self.home / "warehouse.duckdb", self.source, self.settings.compute, self.settings.source.blank_texts
        )

    def definitions(self) -> dg.Definitions:
        """The project's own definitions with this place's resources."""
        return dg.Definitions(
            assets=definitions.defs.assets,
            jobs=definitions.defs.jobs,
            resources={"settings": self.settings, "warehouse": self.warehouse, "store": self.store},
            executor=dg.in_process_executor,
        )

    def launch(self, job: str, week: str) -> dg.ExecuteInProcessResult:
        """Run a job for a week; a failure is in the result."""
        known = self.definitions().resolve_job_def(job)
        return known.execute_in_process(partition_key=week, instance=self.instance, raise_on_error=False)

    def materialize(self, assets: Sequence[str], week: str, **config: Any) -> dg.ExecuteInProcessResult:
        """Run some assets for a week; ``config`` is that of ``published_recommendations``."""
        job = self.definitions().resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            partition_key=week,
            instance=self.instance,
            raise_on_error=False,
            asset_selection=[dg.AssetKey(asset) for asset in assets],
            run_config={"ops": {"published_recommendations": {"config": config}}} if config else None,
        )

    def artifact(self, asset: str, week: str = WEEK) -> Artifact:
        """The current version of an asset's week."""
        return self.store.current(asset, week)

    def table(self, asset: str, week: str = WEEK) -> pa.Table:
        """The asset's Parquet file of its own name."""
        return self.artifact(asset, week).table(f"{asset}.parquet")

    def query(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of a query, as any reader of the warehouse file finds them."""
        with reading(self.home / "warehouse.duckdb") as connection:
            return connection.execute(text).fetchall()

    def served(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """All rows of both served tables but for who wrote them and when."""
        return self.query(LONG), self.query(WIDE)

    def quarantined(self, table: str) -> list[tuple[str, str | None]]:
        """Reason and key of every quarantined row of a source table."""
        return self.query(f"SELECT reason, row_key FROM quarantine WHERE source_table = '{table}' ORDER BY ALL")

    def copy(self, folder: Path, **changes: Any) -> "Place":
        """The same place in a folder of its own, to be changed at will."""
        shutil.copytree(self.source, folder / "source")
        if self.home.exists():
            shutil.copytree(self.home, folder / "home")
        fresh = dg.DagsterInstance.ephemeral()
        return replace(self, source=folder / "source", home=folder / "home", instance=fresh, **changes)

    def rewrite(self, table: str, rows: pa.Table) -> None:
        """Put other rows in the place of a source table's."""
        pq.write_table(rows, self.source / f"{table}.parquet")

    def read_source(self, table: str) -> pa.Table:
        """A source table as it is."""
        return pq.read_table(self.source / f"{table}.parquet")


def settings_with(folder: Path, keys: Mapping[str, Any]) -> Settings:
    """The packaged settings with some keys overridden, by way of a file as ``RECS_SETTINGS`` would name it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "settings.yaml"
    tiny = {"gates": TINY_GATES, "towers": SMALL_TOWERS}
    path.write_text(yaml.safe_dump(dict(keys) | {section: {**own, **keys.get(section, {})} for section, own in tiny.items()}))
    return settings_file.load(path)


def messages(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """What each failed step says, by asset."""
    told_by = {}
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            told = data.user_failure_data.description if data.user_failure_data else data.error_display_string
            told_by[str(event.step_key)] = str(told)
    return told_by


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    """The assets that a run has materialized."""
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    """The numbers that an asset shows in the UI, but for how long it took."""
    (shown,) = (
        event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(asset)
    )
    return {name: value.value for name, value in shown.items() if name != "seconds"}


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], bool]:
    """Which checks of a run passed, by asset and name."""
    evaluations = result.get_asset_check_evaluations()
    return {(evaluation.asset_key.to_user_string(), evaluation.check_name): evaluation.passed for evaluation in evaluations}

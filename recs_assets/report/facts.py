"""What came of a week, gathered once and plain: whatever form a report has, it says this and no more."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from recs_assets import targets
from recs_assets.asset_files import METRICS, USER_PROFILES, VERDICT
from recs_assets.assets.graph import EXPORT_NAMES
from recs_assets.assets.staging import INPUTS
from recs_assets.ranking.cutoff import K
from recs_assets.resources.store.artifact import Artifact, StoreError
from recs_assets.resources.store.lineage import origins_of, parquet_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Mount, Warehouse
from recs_assets.settings import Settings

SYSTEMS = ("sql", "similarity", "popularity", "item_knn", "ease", "p3", "channels", "model", "blend", "ceiling")
LENGTH = K
# The person whom the demo world plants.
SARAH = "sarah"


@dataclass(frozen=True)
class Comparison:
    """How the systems did on the held-out weeks.

    Attributes:
        recall: Recall@10 by system and stratum (``all``, ``cold``, ``warm``, ``hot``, ``population``), where it is known.
        users: how many were compared, by stratum.
        first_changed: share of lists whose first parts differ from SQL's with the blend, by how many come first.
    """

    recall: Mapping[str, Mapping[str, float]]
    users: Mapping[str, int]
    first_changed: Mapping[int, float]


@dataclass(frozen=True)
class Gate:
    """The verdict of gate 1, and the weight of SQL in the blend by stratum."""

    decision: str
    reason: str
    alpha: Mapping[str, float]


@dataclass(frozen=True)
class Served:
    """The newest publication of the week."""

    n_users: int
    n_rows: int
    source: str
    model_week: str | None
    version: str
    run_id: str


@dataclass(frozen=True)
class SarahsPart:
    """One rank of Sarah's list: what SQL would have put there, and what was served, at which price and with which reason."""

    rank: int
    by_sql: str
    served: str
    price: float
    reason: str


@dataclass(frozen=True)
class Planted:
    """What became of the pairs that the demo world plants: people who wait for the second part, and whose list has it."""

    n_waiting: int
    n_served: int
    n_by_sql: int
    sarah: Sequence[SarahsPart]


@dataclass(frozen=True)
class Facts:
    """All that a report of a week may say.

    Attributes:
        week: its Monday.
        measured_week: the week whose evaluation counts: itself, or the newest one before that was learned from.
        comparison: of the systems.
        gate: what it decided.
        served: ``None`` where nothing has been published.
        planted: ``None`` outside the demo world, and where nothing has been published.
        home: the folder of everything.
        metrics_folder: where the figures are.
        hold: what holds publishing at this moment, in words; ``None``: nothing does.
    """

    week: str
    measured_week: str
    comparison: Comparison
    gate: Gate
    served: Served | None
    planted: Planted | None
    home: Path
    metrics_folder: str
    hold: str | None = None


def gather(warehouse: Warehouse, store: Store, settings: Settings, week: str) -> Facts:
    """The facts of a week.

    Raises:
        StoreError: neither the week nor any before it has been learned from.
    """
    measured = store.newest("offline_metrics", up_to=week) or store.current("offline_metrics", week)
    served = _served(warehouse, week)
    companions = targets.source() / "truth" / "companions.parquet"
    planted = None
    if served is not None and companions.exists():
        # What the served list was made from, whatever is current by now: SQL's list stands beside it.
        inputs = _served_from(store, week, served)
        planted = _planted(warehouse, inputs, companions, settings, week) if inputs else None
    hold = warehouse.held(dt.datetime.now(dt.UTC))
    return Facts(
        week,
        measured.manifest.week,
        _comparison(measured),
        _gate(measured),
        served,
        planted,
        targets.home(),
        measured.address,
        str(hold) if hold else None,
    )


def _served_from(store: Store, week: str, served: Served) -> dict[str, Artifact] | None:
    """What the served list was made from; ``None`` where that has been removed since."""
    listed = store.find("recommendations", week) and store.of_run("recommendations", week, served.run_id)
    if listed is None or listed.manifest.provenance.run_id != served.run_id:
        return None
    try:
        return origins_of(store, listed, INPUTS)
    except StoreError:
        return None


def _comparison(measured: Artifact) -> Comparison:
    metrics = measured.table(METRICS).to_pandas()
    recall = metrics[(metrics["k"] == LENGTH) & (metrics["metric"] == "recall") & metrics["system"].isin(SYSTEMS)]
    of_sql = recall[recall["system"] == "sql"]
    changed = metrics[(metrics["system"] == "blend") & (metrics["metric"] == "first_changed_sql")].dropna()
    return Comparison(
        recall={
            system: {row.stratum: float(row.value) for row in recall[recall["system"] == system].dropna().itertuples()}
            for system in SYSTEMS
        },
        users={row.stratum: int(row.users) for row in of_sql.itertuples()},
        first_changed={int(row.k): float(row.value) for row in changed.itertuples()},
    )


def _gate(measured: Artifact) -> Gate:
    verdict = measured.document(VERDICT)
    return Gate(verdict["decision"], verdict["reason"], verdict["alpha"])


def _served(warehouse: Warehouse, week: str) -> Served | None:
    with warehouse.session() as session:
        publications = session.read("publications", week=dt.date.fromisoformat(week)).to_pylist()
    if not publications:
        return None
    newest = publications[-1]
    # A rollback is in the ledger too: the list itself was made by the run that published it first.
    (made_by,) = (row["run_id"] for row in publications if row["publication_id"] == newest["version_after"])
    model_week = newest["model_week"] and newest["model_week"].isoformat()
    return Served(newest["n_users"], newest["n_rows"], newest["source"], model_week, newest["version_after"], made_by)


def _planted(warehouse: Warehouse, inputs: Mapping[str, Artifact], companions: Path, settings: Settings, week: str) -> Planted:
    from recs_assets.steps.rank_lists import profile_recommendations  # torch and pandas: 5 s at load

    sql_lists = pa.concat_tables(profile_recommendations(inputs, source="sql", alpha=None, settings=settings))
    graph, day = inputs["hetero_graph"], dt.date.fromisoformat(week)
    tables: dict[str, Mount] = {**parquet_of({name: inputs[name] for name in EXPORT_NAMES})}
    tables |= {"companions": [companions], "sql_lists": sql_lists, "user_profiles": [graph.path(USER_PROFILES)]}
    with warehouse.session(tables) as session:
        pairs = session.audit("served_companions", week=day, as_of=graph.as_of, length=LENGTH)
        sarahs_list = session.read("user_list", week=day, user_id=SARAH, length=LENGTH).to_pylist()
    return Planted(pairs["n_waiting"], pairs["n_found"], pairs["n_found_by_sql"], _sarah(sarahs_list, sql_lists, graph))


def _sarah(served: Sequence[Mapping[str, Any]], sql_lists: pa.Table, graph: Artifact) -> list[SarahsPart]:
    profiles = graph.table(USER_PROFILES).to_pandas()
    profile = profiles.loc[profiles["user_id"] == SARAH, "profile_id"]
    lists = sql_lists.to_pandas()
    by_sql = lists[lists["profile_id"].isin(profile)].sort_values("rank").head(LENGTH)["product_id"].tolist()
    return [
        SarahsPart(row["rank"], sql, row["product_id"], row["price"], row["reason_text"])
        for sql, row in zip(by_sql, served, strict=False)
    ]

"""What became of the pairs that the demo world plants, for the terminal: SQL's lists are ranked again beside the served ones."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from recs_assets import targets
from recs_assets.asset_files import LIST_INPUTS, USER_PROFILES
from recs_assets.cutoff import K
from recs_assets.report.lists import Served
from recs_assets.resources.store.artifact import Artifact, StoreError
from recs_assets.resources.store.lineage import export_tables, origins_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Mount, Warehouse
from recs_assets.settings import Settings

# The person whom the demo world plants.
SARAH = "sarah"


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


def gather(warehouse: Warehouse, store: Store, settings: Settings, week: str, served: Served | None) -> Planted | None:
    """The planted pairs of a week; ``None`` outside the demo world, where nothing is served, or its files are removed since."""
    companions = targets.source() / "truth" / "companions.parquet"
    if served is None or not companions.exists():
        return None
    # What the served list was made from, whatever is current by now: SQL's list stands beside it.
    inputs = _served_from(store, week, served)
    return _planted(warehouse, inputs, companions, settings, week) if inputs else None


def _served_from(store: Store, week: str, served: Served) -> dict[str, Artifact] | None:
    """What the served list was made from; ``None`` where that has been removed since."""
    listed = store.find("recommendations", week) and store.of_run("recommendations", week, served.run_id)
    if listed is None or listed.manifest.provenance.run_id != served.run_id:
        return None
    try:
        return origins_of(store, listed, LIST_INPUTS)
    except StoreError:
        return None


def _planted(warehouse: Warehouse, inputs: Mapping[str, Artifact], companions: Path, settings: Settings, week: str) -> Planted:
    from recs_assets.steps.rank_lists import profile_recommendations  # torch and pandas: 5 s at load

    sql_lists = pa.concat_tables(profile_recommendations(inputs, source="sql", alpha=None, settings=settings))
    graph, day = inputs["hetero_graph"], dt.date.fromisoformat(week)
    tables: dict[str, Mount] = {**export_tables(inputs)}
    tables |= {"companions": [companions], "sql_lists": sql_lists, "user_profiles": [graph.file(USER_PROFILES)]}
    tables["people"] = pa.table({"user_id": [SARAH]})
    with warehouse.session(tables) as session:
        pairs = session.audit("served_companions", week=day, as_of=graph.as_of, length=K)
        sarahs_list = session.rows("people_lists", week=day, slots=K)
    return Planted(pairs["n_waiting"], pairs["n_found"], pairs["n_found_by_sql"], _sarah(sarahs_list, sql_lists, graph))


def _sarah(served: Sequence[Mapping[str, Any]], sql_lists: pa.Table, graph: Artifact) -> list[SarahsPart]:
    profiles = graph.table(USER_PROFILES).to_pandas()
    profile = profiles.loc[profiles["user_id"] == SARAH, "profile_id"]
    lists = sql_lists.to_pandas()
    by_sql = lists[lists["profile_id"].isin(profile)].sort_values("rank").head(K)["product_id"].tolist()
    return [
        SarahsPart(row["rank"], sql, row["product_id"], row["price"], row["reason_text"])
        for sql, row in zip(by_sql, served, strict=False)
    ]

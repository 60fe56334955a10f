"""What a week's run found, in a form that a product person can read."""

import datetime as dt
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from recs_assets import targets
from recs_assets.asset_files import METRICS, USER_PROFILES, VERDICT
from recs_assets.assets.graph import EXPORT_NAMES
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.lineage import parquet_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

STRATA = ("all", "cold", "warm", "hot", "population")
SHOWN_SYSTEMS = ("sql", "similarity", "popularity", "item_knn", "ease", "p3", "channels", "model", "blend", "ceiling")
LENGTH = 10
# The person whom the demo world plants, and the part that her list should hold.
SARAH, PLANTED = "sarah", "MSD-8529"


def text(warehouse: Warehouse, store: Store, settings: Settings, week: str) -> str:
    """The report of a week: systems by stratum, the verdict, who is served, and where the files are.

    In the demo world also Sarah's list and the planted pairs found.

    Raises:
        StoreError: the week has not been run.
    """
    from recs_assets.steps import rank_lists as lists  # torch and pandas: 5 s at load

    measured = store.current("offline_metrics", week)
    inputs = {name: store.current(name, week) for name in [*EXPORT_NAMES, "hetero_graph", "sql_scores", "product_similarities"]}
    inputs["user_scores"] = store.current("user_scores", week)
    sql_lists = pa.concat_tables(lists.profile_recommendations(inputs, source="sql", alpha=None, settings=settings))
    parts = [
        _systems(measured, week),
        _verdict(measured),
        _served(warehouse, week),
        _planted(warehouse, inputs, sql_lists, week),
        f"Files: {targets.home()}\n  metrics and verdict: {measured.folder}",
    ]
    return "\n\n".join(part for part in parts if part)


def _systems(measured: Artifact, week: str) -> str:
    metrics = measured.table(METRICS).to_pandas()
    chosen = metrics[(metrics["k"] == LENGTH) & (metrics["metric"] == "recall") & metrics["system"].isin(SHOWN_SYSTEMS)]
    table = chosen.pivot_table(index="system", columns="stratum", values="value").reindex(SHOWN_SYSTEMS)
    users = chosen[chosen["system"] == "sql"].set_index("stratum")["users"]
    rows = [[name, *(_share(table.loc[name].get(stratum)) for stratum in STRATA)] for name in SHOWN_SYSTEMS]
    counts = ["users", *(f"{users[stratum]:,}" if stratum in users else "-" for stratum in STRATA)]
    title = f"Recall@{LENGTH} on the held-out weeks up to {week} (population: strata weighted as among all users)"
    return "\n".join([title, _table(["system", *STRATA], [*rows, counts]), *_changed(metrics)])


def _changed(metrics: "pd.DataFrame") -> list[str]:
    changed = metrics[(metrics["system"] == "blend") & (metrics["metric"] == "first_changed_sql")].dropna()
    return [
        f"With the blend {value:.0%} of these lists begin with other {slots} parts than SQL's, or with the same in another order."
        for value, slots in zip(changed["value"], changed["k"], strict=True)
    ]


def _verdict(measured: Artifact) -> str:
    verdict = measured.document(VERDICT)
    alphas = ", ".join(f"{stratum} {alpha:.1f}" for stratum, alpha in verdict["alpha"].items())
    return (
        f"Gate 1: {verdict['decision']}\n  {verdict['reason']}\n  weight of SQL in the blend (chosen on earlier weeks): {alphas}"
    )


def _served(warehouse: Warehouse, week: str) -> str:
    with warehouse.session() as session:
        published = session.read("publications", week=dt.date.fromisoformat(week)).to_pylist()
    if not published:
        return "Nothing has been published for this week."
    newest = published[-1]
    model = f"the model of week {newest['model_week']}" if newest["model_week"] else "no model"
    return (
        f"Served: {newest['n_users']:,} users, {newest['n_rows']:,} rows, source {newest['source']} with {model}, "
        f"version {newest['version_after']}"
    )


def _planted(warehouse: Warehouse, inputs: dict[str, Artifact], sql_lists: "pa.Table", week: str) -> str:
    truth = targets.source() / "truth" / "companions.parquet"
    if not truth.exists():
        return ""
    tables: dict[str, Any] = parquet_of({name: inputs[name] for name in EXPORT_NAMES})
    tables |= {"companions": [Path(truth)], "sql_lists": sql_lists, "user_profiles": [inputs["hetero_graph"].path(USER_PROFILES)]}
    day = dt.date.fromisoformat(week)
    with warehouse.session(tables) as session:
        pairs = session.audit("served_companions", week=day, as_of=inputs["hetero_graph"].as_of, length=LENGTH)
        sarah = session.read("user_list", week=day, user_id=SARAH, length=LENGTH).to_pylist()
    return (
        f"Planted companion pairs: of {pairs['n_waiting']} people who bought the first part within 30 days and not yet "
        f"the second, {pairs['n_found']} find it among their first {LENGTH} (with SQL alone {pairs['n_found_by_sql']}).\n\n"
        + _sarah(sarah, sql_lists, inputs)
    )


def _sarah(served: Sequence[dict[str, Any]], sql_lists: "pa.Table", inputs: dict[str, Artifact]) -> str:
    profiles = inputs["hetero_graph"].table(USER_PROFILES).to_pandas()
    profile = profiles.loc[profiles["user_id"] == SARAH, "profile_id"]
    frame: pd.DataFrame = sql_lists.to_pandas()
    by_sql = frame[frame["profile_id"].isin(profile)].sort_values("rank").head(LENGTH)["product_id"].tolist()
    rows = [
        [str(row["rank"]), *(_marked(part) for part in (sql, row["product_id"])), f"${row['price']:,.2f}", row["reason_text"]]
        for sql, row in zip(by_sql, served, strict=False)
    ]
    heading = "Sarah (1967 Ford Mustang) bought a Holley 0-80508S last month; its planted companion is marked with *."
    return f"{heading}\n{_table(['rank', 'SQL v5.17', 'served', 'price', 'reason'], rows)}"


def _marked(part: str) -> str:
    return f"{part} *" if part == PLANTED else part


def _share(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.4f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [header, *rows]]
    return "\n".join(["  " + lines[0], "  " + "-" * max(map(len, lines)), *("  " + line for line in lines[1:])])

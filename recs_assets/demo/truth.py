"""What is true of the planted world and no source table says: projects, companions, popularity, the ceiling."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from recs_assets.demo.catalogue import HOLLEY
from recs_assets.demo.part_types import PROJECTS
from recs_assets.demo.past import begins
from recs_assets.demo.people import SARAH
from recs_assets.demo.purchases import Orders, World
from recs_assets.demo.tables import product_ids, timestamps, user_ids
from recs_assets.demo.timeline import END_OF_LAST_WEEK, WEEK

USER_PROJECTS = "user_projects.parquet"

CEILING_WEEKS = 4
"""The last complete weeks over which the ceiling is taken, as the evaluation takes them."""


def write_truth(folder: Path, world: World, orders: Orders, faults: dict[str, dict[str, int]]) -> None:
    """Writes what was planted under ``folder``: tables as Parquet, figures as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(user_projects(world), folder / USER_PROJECTS)
    pq.write_table(companions(world), folder / "companions.parquet")
    pq.write_table(part_popularity(world), folder / "part_popularity.parquet")
    (folder / "ceiling.json").write_text(json.dumps(ceiling(world, orders), indent=2, sort_keys=True) + "\n")
    (folder / "faults.json").write_text(json.dumps(faults, indent=2, sort_keys=True) + "\n")


def user_projects(world: World) -> pa.Table:
    """(user_id, project): one row for each project of each active user; none without signal."""
    active = world.active
    user = np.append(np.repeat(active.user, active.projects.shape[1]), SARAH)
    project = np.append(active.projects.ravel(), world.parts.project[HOLLEY])
    pairs = np.unique(np.column_stack([user, project]), axis=0)[: 0 if world.no_signal else None]
    names = [PROJECTS[p][0] for p in pairs[:, 1]]
    ids = user_ids(world.preset.users).take(pa.array(pairs[:, 0]))
    return pa.table({"user_id": ids, "project": pa.array(names, pa.string())})


def companions(world: World) -> pa.Table:
    """(product_id, companion_id): who buys the one is likely to buy the other within 30 days; none without signal."""
    pairs = world.parts.companions[: 0 if world.no_signal else None]
    ids = pa.array(product_ids(world.parts), pa.string())
    return pa.table({"product_id": ids.take(pa.array(pairs[:, 0])), "companion_id": ids.take(pa.array(pairs[:, 1]))})


def part_popularity(world: World) -> pa.Table:
    """(product_id, week, weight): how popular a part truly was in each of the last weeks, the unfinished one included.

    Universal and fitting parts are weighted apart: a weight compares with those of its own kind.
    """
    rows = world.preset.weeks - np.arange(CEILING_WEEKS, -1, -1)
    n_parts = world.parts.price.size
    return pa.table(
        {
            "product_id": pa.array(product_ids(world.parts) * rows.size, pa.string()),
            "week": timestamps(np.repeat(END_OF_LAST_WEEK + (rows - world.preset.weeks) * WEEK, n_parts)),
            "weight": pa.array(world.demand.popularity[rows].ravel()),
        }
    )


def ceiling(world: World, orders: Orders) -> dict[str, int | float]:
    """What the best recommender could reach of the last weeks' new purchases.

    A purchase is new when its buyer had not bought the part before; it is reachable when the part is eligible and fits
    the garage or is universal (here every purchase does).
    """
    at, buyer = orders.at[orders.line_order], orders.active[orders.line_order]
    new = _first_purchase(buyer, orders.line_part, at) & (at >= END_OF_LAST_WEEK - CEILING_WEEKS * WEEK) & (at < END_OF_LAST_WEEK)
    reachable = new & world.parts.eligible[orders.line_part]
    return {
        "weeks": CEILING_WEEKS,
        "new_purchases": int(new.sum()),
        "reachable": int(reachable.sum()),
        "ceiling": round(float(reachable.sum() / max(new.sum(), 1)), 6),
        "universal_share": round(float(world.parts.universal[orders.line_part[new]].mean()), 6),
    }


def _first_purchase(buyer: NDArray[np.int64], part: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which lines are the first of their buyer and part."""
    order = np.lexsort((at, part, buyer))
    first = np.zeros(order.size, dtype=bool)
    first[order] = begins(buyer[order], part[order])
    return first

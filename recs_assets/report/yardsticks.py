"""How far the best possible rankers of the demo world come on the weeks of an evaluation, for the terminal.

The evaluation itself never reads what is true of that world: here lists are made for rankers that know it: from the same graph,
for the same people and held-out parts, among the same candidates and under the same rules.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recs_assets import targets
from recs_assets.asset_files import GRAPH, PRODUCT_NODES, USER_NODES, USER_PROFILES
from recs_assets.cutoff import RECALL, K
from recs_assets.demo.browsing import Interactions
from recs_assets.demo.past import OtherWorldError
from recs_assets.demo.purchases import World
from recs_assets.demo.tables import product_ids, user_ids
from recs_assets.demo.timeline import WEEK, start
from recs_assets.demo.world import rebuilt
from recs_assets.resources.store.artifact import Artifact, StoreError
from recs_assets.resources.store.lineage import origins_of
from recs_assets.resources.store.store import Store
from recs_assets.settings import Settings
from recs_assets.week_split import split_weeks
from recs_assets.weeks import week_of

if TYPE_CHECKING:
    import pandas as pd

    from recs_assets.ranking.arrays import Ints
    from recs_assets.steps.cohort import Cohort

ORIGINS = ("user_nodes", "product_nodes", "hetero_graph")


def gather(store: Store, settings: Settings, week: str) -> Mapping[str, Mapping[str, float]]:
    """Recall@10 by yardstick and stratum on the held-out weeks of the newest evaluation up to ``week``.

    Nothing outside the demo world, where its tables have been changed or views count as found too, and where what was evaluated
    has been removed since.
    """
    measured = store.newest("offline_metrics", up_to=week)
    world = rebuilt(targets.source()) if measured and settings.evaluation.relevance == "order" else None
    if measured is None or world is None:
        return {}
    try:
        return _recall(world, origins_of(store, measured, ORIGINS), settings, measured.manifest.week)
    except (StoreError, OtherWorldError):
        return {}


def _recall(world: World, inputs: Mapping[str, Artifact], settings: Settings, week: str) -> dict[str, dict[str, float]]:
    # torch and pandas: 5 s at load
    import pandas as pd

    from recs_assets.gnn import graph
    from recs_assets.ranking import evaluation, metrics
    from recs_assets.steps.cohort import cohort, population_shares

    source = inputs["hetero_graph"]
    data = graph.load(source.path(GRAPH))
    user = _rows(inputs["user_nodes"], USER_NODES, "user_id", user_ids(world.preset.users))
    part = _rows(inputs["product_nodes"], PRODUCT_NODES, "product_id", pa.array(product_ids(world.parts)))
    rows: dict[str, list[pd.DataFrame]] = {}
    for moment in split_weeks(week_of(week, source.as_of), settings).evaluation:
        people = cohort(data, moment, settings, ("order",))
        held_out = people.held_out["order"]
        about = pd.DataFrame({"user_id": people.users, "week": moment, "stratum": people.strata})
        for system, listed in _lists(world, people, user, part).items():
            rows.setdefault(system, []).append(metrics.per_user(listed, held_out, [K]).join(about))
    shares = population_shares(source.table(USER_PROFILES))
    recalls: dict[str, dict[str, float]] = {}
    for system, tables in rows.items():
        columns = [(K, "recall", RECALL)]
        recall = pd.DataFrame(evaluation.stratum_rows(system, pd.concat(tables), columns, shares), columns=evaluation.COLUMNS)
        recalls[system] = dict(zip(recall["stratum"], recall["value"].astype(float), strict=True))
    return recalls


def _lists(world: World, people: "Cohort", user: "Ints", part: "Ints") -> dict[str, "pd.DataFrame"]:
    """The ranked lists of both for the people of a week; ``user`` and ``part``: the world's row by node of the graph, or -1."""
    from recs_assets.demo.best_possible import BestPossible  # scipy: 0.2 s at load
    from recs_assets.gnn.candidates import part_attributes
    from recs_assets.ranking.rules import apply_list_rules
    from recs_assets.ranking.sparse_matrices import row_of_entry

    log, candidates = people.past.log, people.eligibility.candidates(people.users)
    week = (log.time - start(world.preset.weeks)) // WEEK
    # The first week of a log that begins later than the world may not be whole.
    whole = week > week.min(initial=world.preset.weeks)
    log = log.where((user[log.user] >= 0) & (part[log.product] >= 0) & ((week == 0) | whole))
    no_order = np.full(log.user.size, -1)
    past = Interactions(user[log.user], part[log.product], log.event_type, log.time, no_order)
    best = BestPossible(world, past, (people.past.as_of - start(world.preset.weeks)) // WEEK)
    buyer, bought = user[people.users][row_of_entry(candidates)], part[candidates.indices]
    lists = {name: people.kept.of(chances, candidates) for name, chances in best.chances(buyer, bought).items()}
    parts = part_attributes(people.past.data)
    return {name: apply_list_rules(listed, parts, people.settings.rules) for name, listed in lists.items()}


def _rows(nodes: Artifact, file: str, column: str, ids: pa.Array) -> "Ints":
    """The world's row of each node of a kind, -1 where it has none."""
    return np.asarray(pc.fill_null(pc.index_in(nodes.table(file, columns=[column])[column], ids), -1), dtype=np.int64)

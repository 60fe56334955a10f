"""Today's query v5.17: how it is asked by the nightly run for everybody, and what it would have listed in a held-out week."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recs_assets.ranking.arrays import blocks_of
from recs_assets.resources.store.artifact import TableFile
from recs_assets.resources.warehouse import Parameter, Warehouse
from recs_assets.settings import Settings
from recs_assets.steps.cohort import Cohort
from recs_assets.steps.nodes import node_ids

PAIRS_AT_ONCE = 40_000_000  # of people and parts: DuckDB takes half a GiB for them


def v5_17_parameters(settings: Settings, has_fitment: bool) -> dict[str, Parameter]:
    """The parameters of ``v5_17.sql`` but for the moment."""
    rules = settings.rules
    return {
        **settings.sql.model_dump(),
        "require_fitment": settings.candidates.require_fitment,
        "has_fitment": has_fitment,
        "exclude_bought_days": rules.exclude_bought_days,
        "exclude_bought_variants": bool(rules.exclude_bought_variants),
        "kept": settings.candidates.kept,
        **rules.model_dump(include={"list_length", "slots", "one_per_variant_group", "max_per_part_type"}),
    }


def v5_17_lists(people: Cohort, warehouse: Warehouse, exports: Mapping[str, Sequence[TableFile]]) -> pd.DataFrame:
    """What v5.17 would have listed: columns profile, product, score, in the order of profiles."""
    # Where everybody may be shown everything, DuckDB would take all the memory that it may have.
    at_once = len(people.users) if people.requires_fitment else PAIRS_AT_ONCE // max(1, people.past.n_products)
    ids = {kind: node_ids(exports, kind) for kind in ("user", "vehicle", "product")}
    parameters, lists = v5_17_parameters(people.settings, has_fitment=people.has_fitment), []
    for rows in blocks_of(len(people.users), max(1, at_once)):
        users, profile_ids = people.users[rows], pa.array(np.arange(rows.start, rows.stop).astype(str))
        row, vehicle = people.past.garages[users].nonzero()
        tables = {
            "profiles": pa.table({"profile_id": profile_ids, "user_id": ids["user"].take(pa.array(users))}),
            "profile_vehicles": pa.table({"profile_id": profile_ids.take(row), "vehicle_id": ids["vehicle"].take(vehicle)}),
        }
        with warehouse.session({**exports, **tables}) as session:
            listed = session.read("v5_17", as_of=people.start, **parameters)
        columns = {
            "profile": listed["profile_id"].to_numpy().astype(np.int64),
            "product": pc.index_in(listed["product_id"], ids["product"]).to_numpy().astype(np.int64),
            "score": listed["sql_score"].to_numpy(),
        }
        # The query orders them by their ids, as texts.
        lists.append(pd.DataFrame(columns).sort_values("profile", kind="stable", ignore_index=True))
    return pd.concat(lists, ignore_index=True)

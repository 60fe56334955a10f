"""What some parts score in every profile's list before the rules, by the formula that the lists themselves were made with."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recs_assets.asset_files import GRAPH, PRODUCT_SIMILARITIES, PROFILES, USER_NODES, own_file
from recs_assets.gnn import graph
from recs_assets.gnn.snapshots import FOREVER, microseconds, snapshot
from recs_assets.resources.store.artifact import Artifact
from recs_assets.settings import Settings
from recs_assets.steps.rank_lists import scored_candidates, scores_of_blocks
from recs_assets.steps.similar_parts import indexed_similarities


def asked_scores(inputs: Mapping[str, Artifact], asked: pa.Array, settings: Settings) -> pa.Table:
    """The scores of some parts wherever they are among the candidates that a profile's list was made from.

    Args:
        inputs: as for ``rank_lists.profile_recommendations``; ``user_scores`` says what serves.
        asked: ids of parts.
        settings: weights.

    Returns:
        Columns profile_id, product_id, score, on the scale of ``final_score``; no row where a profile does not have the part.
    """
    known, served = inputs["hetero_graph"], inputs["user_scores"].facts
    data, profiles = graph.load(known.path(GRAPH)), known.table(PROFILES)
    user_ids = inputs["user_nodes"].table(USER_NODES, columns=["user_id"])["user_id"].combine_chunks()
    product_ids = inputs["product_nodes"].table(own_file("product_nodes"), columns=["product_id"])["product_id"].combine_chunks()
    profile_ids = profiles["profile_id"].combine_chunks()
    representative = pc.index_in(profiles["user_id"], user_ids).to_numpy().astype(np.int64)
    history = snapshot(data, microseconds(known.as_of), settings.events).touched(FOREVER)
    similarities = indexed_similarities(inputs["product_similarities"].table(PRODUCT_SIMILARITIES), product_ids)
    numbers = pc.index_in(asked, product_ids).drop_null().to_numpy()
    of_blocks = []
    for block, sql_scores, user_scores in scores_of_blocks(inputs, profile_ids, product_ids):
        scored = scored_candidates(
            source=served["source"],
            alpha=served["alpha"],
            strata=profiles["stratum"].to_pandas()[block],
            sql_scores=sql_scores.rename(columns={"sql_score": "score"}),
            user_scores=user_scores,
            similarities=similarities,
            history=history[representative[block]],
            settings=settings,
        )
        wanted = scored.loc[scored["product"].isin(numbers), ["profile", "product", "score"]]
        of_blocks.append(wanted.assign(profile=wanted["profile"] + block.start))
    rows = pd.concat(of_blocks, ignore_index=True)
    return pa.table(
        {
            "profile_id": profile_ids.take(pa.array(rows["profile"])),
            "product_id": product_ids.take(pa.array(rows["product"])),
            "score": pa.array(rows["score"], pa.float64()),
        }
    )

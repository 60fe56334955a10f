"""One profile's candidates before any rule: what its list was made from, made again."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recs_assets.asset_files import GRAPH, PRODUCT_SIMILARITIES, PROFILES, USER_NODES, own_file
from recs_assets.gnn import graph
from recs_assets.gnn.snapshots import FOREVER, microseconds, snapshot
from recs_assets.resources.store.artifact import Artifact
from recs_assets.settings import Settings
from recs_assets.steps.rank_lists import SCORES, scored_candidates
from recs_assets.steps.score_blocks import indexed
from recs_assets.steps.similar_parts import indexed_similarities


def person_scores(inputs: Mapping[str, Artifact], profile_id: str, source: str, settings: Settings) -> pa.Table:
    """What a profile's list was chosen from.

    Args:
        inputs: as for ``rank_lists.profile_recommendations``; ``user_scores`` has the weights of SQL.
        profile_id: of one of the graph's profiles.
        source: of the list: ``blend``, ``similarity`` or ``sql``.
        settings: rules and weights.

    Returns:
        Columns profile_id, product_id, score of the candidates, on the scale of ``final_score``.
    """
    known = inputs["hetero_graph"]
    data, profile = graph.load(known.path(GRAPH)), known.table(PROFILES).filter(pc.field("profile_id") == profile_id)
    user_ids = inputs["user_nodes"].table(USER_NODES, columns=["user_id"])["user_id"].combine_chunks()
    product_ids = inputs["product_nodes"].table(own_file("product_nodes"), columns=["product_id"])["product_id"].combine_chunks()
    owner = np.array([pc.index(user_ids, profile["user_id"][0]).as_py()])
    texts = pa.array([profile_id])
    sql_scores, user_scores = (
        indexed(_of_profile(inputs[name], file, profile_id), texts, product_ids) for name, file in SCORES.items()
    )
    rows = scored_candidates(
        source=source,
        alpha=inputs["user_scores"].facts["alpha"],
        strata=profile["stratum"].to_pandas(),
        sql_scores=sql_scores.rename(columns={"sql_score": "score"}),
        user_scores=user_scores,
        similarities=indexed_similarities(inputs["product_similarities"].table(PRODUCT_SIMILARITIES), product_ids),
        history=snapshot(data, microseconds(known.as_of), settings.events).touched(FOREVER)[owner],
        settings=settings,
    )
    return pa.table(
        {
            "profile_id": pa.array([profile_id] * len(rows), pa.string()),
            "product_id": product_ids.take(pa.array(rows["product"].to_numpy())),
            "score": pa.array(rows["score"], pa.float64()),
        }
    )


def _of_profile(scores: Artifact, file: str, profile_id: str) -> pa.Table:
    """Rows of one profile, ids as codes: no more of the file is in memory."""
    rows = pq.read_table(scores.path(file), filters=[("profile_id", "=", profile_id)])
    for name in ("profile_id", "product_id"):
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, name, rows[name].cast(pa.string()).dictionary_encode())
    return rows

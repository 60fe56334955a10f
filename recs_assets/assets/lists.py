"""The list of every profile on the rung that has its evidence: blend, similar parts, or SQL."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from recs_assets.assets.graph import GRAPH, PROFILES
from recs_assets.assets.serving import SQL_SCORES, USER_SCORES
from recs_assets.gnn import graph
from recs_assets.gnn.snapshots import microseconds, snapshot
from recs_assets.ranking import similarity
from recs_assets.ranking.blend import blend, normalise_sql
from recs_assets.ranking.reasons import REASON_TEXTS, blend_reasons, similarity_reasons
from recs_assets.ranking.rules import PartAttributes, apply_list_rules
from recs_assets.resources.store import Artifact
from recs_assets.settings import Settings

KEYS = ["profile", "product"]


def profile_recommendations(
    inputs: Mapping[str, Artifact], *, source: str, alpha: Mapping[str, float] | None, settings: Settings
) -> pa.Table:
    """Every profile's list as the query ``recommendations`` expands it to people.

    Args:
        inputs: current artifacts by asset: hetero_graph, product_nodes, sql_scores, user_scores, product_similarities.
        source: the rung: ``blend``, ``similarity`` or ``sql``.
        alpha: weight of SQL by stratum; of the blend only.
        settings: rules and weights.
    """
    known = inputs["hetero_graph"]
    data = graph.load(known.path(GRAPH))
    store = graph.catalogue(data)
    profiles = known.table(PROFILES)
    profile_ids = profiles["profile_id"].combine_chunks()
    product_ids = inputs["product_nodes"].table("product_nodes.parquet")["product_id"].combine_chunks()
    user_ids = inputs["user_nodes"].table("user_nodes.parquet")["user_id"].combine_chunks()
    past = snapshot(data, microseconds(known.as_of), settings.events)
    representative = pc.index_in(profiles["user_id"], user_ids).to_numpy().astype(np.int64)
    similar = inputs["product_similarities"].table("product_similarities.parquet")
    ranked = ranked_lists(
        source=source,
        alpha=alpha,
        strata=profiles["stratum"].to_pandas(),
        sql_scores=indexed(inputs["sql_scores"].table(SQL_SCORES), profile_ids, product_ids).rename(
            columns={"sql_score": "score"}
        ),
        user_scores=indexed(inputs["user_scores"].table(USER_SCORES), profile_ids, product_ids),
        similarities=indexed_similarities(similar, product_ids),
        history=past.touched(float("inf"))[representative],
        parts=PartAttributes(store.variant_group, store.part_type, store.is_universal),
        settings=settings,
    )
    return pa.table(
        {
            "profile_id": profile_ids.take(pa.array(ranked["profile"])),
            "rank": pa.array(ranked["rank"]),
            "product_id": product_ids.take(pa.array(ranked["product"])),
            "final_score": pa.array(ranked["score"]),
            "sql_score": pa.array(ranked["sql_score"]),
            "gnn_score": pa.array(ranked["gnn_score"]),
            "source": pa.array([source] * len(ranked), pa.string()),
            "reason_code": pa.array(ranked["reason_code"], pa.string()),
            "reason_text": pa.array(ranked["reason_text"], pa.string()),
        }
    )


def ranked_lists(
    *,
    source: str,
    alpha: Mapping[str, float] | None,
    strata: pd.Series,
    sql_scores: pd.DataFrame,
    user_scores: pd.DataFrame,
    similarities: pd.DataFrame,
    history: sparse.csr_array,
    parts: PartAttributes,
    settings: Settings,
) -> pd.DataFrame:
    """Every profile's list after the rules.

    Args:
        source: the rung: ``blend``, ``similarity`` or ``sql``.
        alpha: weight of SQL by stratum; of the blend only.
        strata: stratum of each profile, by profile number.
        sql_scores: columns profile, product, score, pop_source.
        user_scores: columns profile, product, score, channel; empty where no model is served.
        similarities: columns product, neighbour, similarity.
        history: [profiles x products] non-zero where the profile's owner has a history with the part.
        parts: attributes of every product.
        settings: rules and weights.

    Returns:
        Columns profile, rank, product, score, sql_score, gnn_score, reason_code, reason_text, sorted by profile and rank.
    """
    if source == "blend":
        weights = np.asarray(strata.map(alpha or {}), dtype=np.float64)
        listed = blend(sql_scores[[*KEYS, "score"]], user_scores[[*KEYS, "score"]], weights)
        listed = listed.merge(sql_scores[[*KEYS, "pop_source"]], on=KEYS, how="left")
        listed = listed.merge(user_scores[[*KEYS, "channel"]], on=KEYS, how="left")
        sql_weight = weights[listed["profile"]]
        terms = listed.assign(sql_term=sql_weight * listed["sql_score"], gnn_term=(1 - sql_weight) * listed["gnn_score"])
        listed["reason_code"] = blend_reasons(terms)
    else:
        listed = sql_scores.assign(sql_score=normalise_sql(sql_scores), similarity=0.0)
        if source == "similarity":
            found = similarity.similarity_lists(sql_scores[[*KEYS, "score"]], history, similarities, settings.similarity.weight)
            listed[["score", "similarity"]] = found[["score", "similarity"]].to_numpy()
        else:
            listed["score"] = listed["sql_score"]
        listed = listed.assign(gnn_score=0.0, reason_code=similarity_reasons(listed))
    ranked = apply_list_rules(listed[[*KEYS, "score"]], parts, settings.rules)
    detailed = ranked.merge(listed[[*KEYS, "sql_score", "gnn_score", "reason_code"]], on=KEYS, how="left", validate="one_to_one")
    return detailed.assign(reason_text=detailed["reason_code"].map(REASON_TEXTS))


def indexed_similarities(similar: pa.Table, product_ids: pa.Array) -> pd.DataFrame:
    """Similarities with numbers in place of ids: columns product, neighbour, similarity."""
    return pd.DataFrame(
        {
            "product": pc.index_in(similar["product_id"], product_ids).to_numpy().astype(np.int64),
            "neighbour": pc.index_in(similar["similar_product_id"], product_ids).to_numpy().astype(np.int64),
            "similarity": similar["similarity"].to_numpy(),
        }
    )


def indexed(scores: pa.Table, profile_ids: pa.Array, product_ids: pa.Array) -> pd.DataFrame:
    """Scores with numbers in place of ids: profile and product by their position in the given arrays."""
    numbers: dict[str, Any] = {
        "profile": pc.index_in(scores["profile_id"], profile_ids).to_numpy().astype(np.int64),
        "product": pc.index_in(scores["product_id"], product_ids).to_numpy().astype(np.int64),
    }
    frame: pd.DataFrame = scores.drop_columns(["profile_id", "product_id"]).to_pandas()
    return frame.assign(**numbers)

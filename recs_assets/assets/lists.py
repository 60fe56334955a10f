"""The list of every profile on the rung that has its evidence: blend, similar parts, or SQL."""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from recs_assets.assets.graph import GRAPH, PROFILES
from recs_assets.assets.serving import SQL_SCORES, USER_SCORES
from recs_assets.gnn import graph
from recs_assets.gnn.channels import Evidence
from recs_assets.gnn.explanations import Explainer, strongest_edges
from recs_assets.gnn.snapshots import microseconds, snapshot
from recs_assets.ranking import similarity
from recs_assets.ranking.blend import blend, normalise_sql
from recs_assets.ranking.reasons import CODES, Terms, blend_terms, names_of, similarity_terms, texts
from recs_assets.ranking.rules import PartAttributes, apply_list_rules
from recs_assets.resources.artifact import Artifact
from recs_assets.settings import Settings

KEYS = ["profile", "product"]
TEXTS = ("profile_id", "product_id", "pop_source", "channels")  # few of them, over many rows of scores
PROFILES_AT_ONCE = 8_192  # by a thread; bounds memory: both halves of a blend, their union and its order

log = logging.getLogger(__name__)


def profile_recommendations(
    inputs: Mapping[str, Artifact], *, source: str, alpha: Mapping[str, float] | None, settings: Settings
) -> pa.Table:
    """Every profile's list as the query ``recommendations`` expands it to people, and the edge behind each reason.

    Args:
        inputs: current artifacts by asset: hetero_graph, user_nodes, vehicle_nodes, product_nodes, sql_scores, user_scores,
            product_similarities.
        source: the rung: ``blend``, ``similarity`` or ``sql``.
        alpha: weight of SQL by stratum; of the blend only.
        settings: rules and weights.
    """
    known = inputs["hetero_graph"]
    data = graph.load(known.path(GRAPH))
    store = graph.catalogue(data)
    profiles = known.table(PROFILES)
    nodes = {name: inputs[name].table(f"{name}.parquet") for name in ("user_nodes", "vehicle_nodes", "product_nodes")}
    profile_ids = profiles["profile_id"].combine_chunks()
    product_ids = nodes["product_nodes"]["product_id"].combine_chunks()
    past = snapshot(data, microseconds(known.as_of), settings.events)
    user_ids = nodes["user_nodes"]["user_id"].combine_chunks()
    representative = pc.index_in(profiles["user_id"], user_ids).to_numpy().astype(np.int64)
    sql_scores = inputs["sql_scores"].table(SQL_SCORES, TEXTS)
    similarities = indexed_similarities(inputs["product_similarities"].table("product_similarities.parquet"), product_ids)
    ranked, terms = ranked_lists(
        source=source,
        alpha=alpha,
        strata=profiles["stratum"].to_pandas(),
        sql_scores=indexed(sql_scores.rename_columns({"sql_score": "score"}), profile_ids, product_ids),
        user_scores=indexed(inputs["user_scores"].table(USER_SCORES, TEXTS), profile_ids, product_ids),
        similarities=similarities,
        history=past.touched(float("inf"))[representative],
        parts=PartAttributes(store.variant_group, store.part_type, store.is_universal),
        settings=settings,
    )
    log.info("%s rows of %s profiles are ranked; their reasons are looked for", f"{len(ranked):,}", f"{len(profiles):,}")
    users = representative[ranked["profile"].to_numpy()]
    similar = similarity_matrix(similarities, past.n_products)
    explainer = Explainer(Evidence(past, settings.model), similar, settings.sql, settings.reasons, settings.compute.cores)
    edges = strongest_edges(explainer, users, ranked["product"].to_numpy(), terms)
    return pa.table(
        {
            "profile_id": profile_ids.take(pa.array(ranked["profile"])),
            "rank": pa.array(ranked["rank"]),
            "product_id": product_ids.take(pa.array(ranked["product"])),
            "final_score": pa.array(ranked["score"]),
            "sql_score": pa.array(ranked["sql_score"]),
            "gnn_score": pa.array(ranked["gnn_score"]),
            "source": pa.array([source] * len(ranked), pa.string()),
            **reason_columns(edges, nodes, settings),
        }
    )


def reason_columns(edges: pd.DataFrame, nodes: Mapping[str, pa.Table], settings: Settings) -> dict[str, pa.Array]:
    """Each row's reason in words, and the edge that they speak of: ids of a part and a vehicle, and how many people."""
    products, vehicles = nodes["product_nodes"], nodes["vehicle_nodes"]
    names = names_of(products.to_pydict(), vehicles.to_pydict())
    return {
        "reason_code": pa.array(np.array(CODES, dtype=object)[edges["code"]], pa.string()),
        "reason_text": pa.array(texts(edges, names, settings.reasons.popular_people), pa.string()),
        "reason_product_id": products["product_id"].combine_chunks().take(_optional(edges["history"])),
        "reason_vehicle_id": vehicles["vehicle_id"].combine_chunks().take(_optional(edges["vehicle"])),
        "reason_count": _optional(edges["count"]),
    }


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
) -> tuple[pd.DataFrame, Terms]:
    """Every profile's list after the rules.

    Args:
        source: the rung: ``blend``, ``similarity`` or ``sql``.
        alpha: weight of SQL by stratum; of the blend only.
        strata: stratum of each profile, by profile number.
        sql_scores: columns profile, product, score, pop_source.
        user_scores: columns profile, product, score, channels; empty where no model is served.
        similarities: columns product, neighbour, similarity.
        history: [profiles x products] non-zero where the profile's owner has a history with the part.
        parts: attributes of every product.
        settings: rules and weights.

    Returns:
        Columns profile, rank, product, score, sql_score, gnn_score, sorted by profile and rank; and what each row's score
        is made of, the most important first.
    """
    if source == "blend":
        weights = np.asarray(strata.map(alpha or {}), dtype=np.float64)
        listed = _blended(sql_scores, user_scores, weights, parts, settings)
        return listed, blend_terms(listed.assign(alpha=weights[listed["profile"]]))
    scored = sql_scores.assign(sql_score=normalise_sql(sql_scores), similarity=0.0, gnn_score=0.0)
    if source == "similarity":
        found = similarity.similarity_lists(sql_scores[[*KEYS, "score"]], history, similarities, settings.similarity.weight)
        scored[["score", "similarity"]] = found[["score", "similarity"]].to_numpy()
    else:
        scored["score"] = scored["sql_score"]
    listed = apply_list_rules(scored, parts, settings.rules)
    halves = listed.assign(
        sql_term=listed["sql_score"],
        similarity_term=settings.similarity.weight * listed["similarity"],
        pop_source=np.asarray(listed["pop_source"], dtype=object),
    )
    return listed, similarity_terms(halves)


def _blended(
    sql_scores: pd.DataFrame, user_scores: pd.DataFrame, alpha: np.ndarray, parts: PartAttributes, settings: Settings
) -> pd.DataFrame:
    """The lists of a blend with pop_source and channels of either half; as ``ranked_lists``, some profiles at a time."""

    def block(first: int) -> pd.DataFrame:
        profiles = (first, first + PROFILES_AT_ONCE)
        sql, model = (
            scores[slice(*np.searchsorted(scores["profile"], profiles))].reset_index(drop=True)
            for scores in (sql_scores, user_scores)
        )
        ranked = apply_list_rules(blend(sql[[*KEYS, "score"]], model[[*KEYS, "score"]], alpha), parts, settings.rules)
        # What one half lacks, the row -1, is in no index: null.
        tier, channels = sql["pop_source"].reindex(ranked["sql_row"]), model["channels"].reindex(ranked["gnn_row"])
        return ranked.assign(pop_source=np.asarray(tier, dtype=object), channels=np.asarray(channels, dtype=object))

    with ThreadPoolExecutor(settings.compute.cores) as executor:
        return pd.concat(executor.map(block, range(0, len(alpha), PROFILES_AT_ONCE)), ignore_index=True)


def _optional(numbers: "pd.Series[int]") -> pa.Array:
    """The numbers with null in place of -1."""
    return pa.array(numbers.to_numpy(), mask=(numbers < 0).to_numpy())


def similarity_matrix(similarities: pd.DataFrame, n_products: int) -> sparse.csr_array:
    """[products x products] similarity of each neighbour (column) to a part (row)."""
    places = (similarities["product"], similarities["neighbour"])
    return sparse.csr_array((similarities["similarity"], places), shape=(n_products, n_products))


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
    """Scores with numbers in place of ids, profile and product by their position in the given arrays; profiles ascend."""
    frame: pd.DataFrame = scores.drop_columns(["profile_id", "product_id"]).to_pandas()
    frame = frame.assign(profile=_numbers(scores["profile_id"], profile_ids), product=_numbers(scores["product_id"], product_ids))
    return frame if frame["profile"].is_monotonic_increasing else frame.sort_values("profile", kind="stable", ignore_index=True)


def _numbers(column: pa.ChunkedArray, ids: pa.Array) -> np.ndarray:
    """[rows] int64 positions in ``ids`` of a column of codes; each of its few texts is looked up once."""
    encoded = column.unify_dictionaries()
    numbers = pc.index_in(encoded.chunk(0).dictionary, ids).to_numpy() if encoded.num_chunks else np.array([])
    codes = [chunk.indices.to_numpy() for chunk in encoded.chunks]
    return numbers[np.concatenate(codes)].astype(np.int64) if codes else np.array([], dtype=np.int64)

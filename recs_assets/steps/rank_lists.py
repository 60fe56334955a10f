"""The list of every profile from the source that may serve: the blend, SQL with similar parts added, or SQL."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from recs_assets.asset_files import GRAPH, PRODUCT_SIMILARITIES, PROFILES, SQL_SCORES, USER_NODES, USER_SCORES, own_file
from recs_assets.gnn import graph
from recs_assets.gnn.candidates import part_attributes
from recs_assets.gnn.channels.evidence import Evidence
from recs_assets.gnn.explain.explainer import Explainer, strongest_edges
from recs_assets.gnn.snapshots import FOREVER, microseconds, snapshot
from recs_assets.model_settings import ReasonsSettings
from recs_assets.ranking import similarity
from recs_assets.ranking.arrays import blocks_of
from recs_assets.ranking.blend import blend, normalise_sql, scale_sql
from recs_assets.ranking.reasons import CODES, Terms, blend_terms, names_of, similarity_terms, texts
from recs_assets.ranking.rules import PartAttributes, apply_list_rules
from recs_assets.resources.store.artifact import Artifact
from recs_assets.settings import Settings
from recs_assets.steps.score_blocks import by_block, report
from recs_assets.steps.similar_parts import indexed_similarities, similarity_matrix

KEYS = ["profile", "product"]
SCORES = {"sql_scores": SQL_SCORES, "user_scores": USER_SCORES}
PROFILES_AT_ONCE = 8_192  # bounds memory: their lists, with the reason of every row
PROFILES_OF_A_THREAD = 4_096  # the same: both halves of a blend, their union and its order


def profile_recommendations(
    inputs: Mapping[str, Artifact], *, source: str, alpha: Mapping[str, float] | None, settings: Settings
) -> Iterator[pa.Table]:
    """Every profile's list as the query ``recommendations`` expands it to people, and the edge behind each reason.

    Args:
        inputs: current artifacts by asset: hetero_graph, user_nodes, vehicle_nodes, product_nodes, sql_scores, user_scores,
            product_similarities.
        source: ``blend``, ``similarity`` or ``sql``.
        alpha: weight of SQL by stratum; of the blend only.
        settings: rules and weights.

    Yields:
        The lists of some profiles, in the order of the profiles; at least one table.

    Raises:
        StoreError: scores are not in the order of the profiles.
    """
    known = inputs["hetero_graph"]
    data, profiles = graph.load(known.path(GRAPH)), known.table(PROFILES)
    vehicles, products = (inputs[name].table(own_file(name)) for name in ("vehicle_nodes", "product_nodes"))
    user_ids = inputs["user_nodes"].table(USER_NODES, columns=["user_id"])["user_id"].combine_chunks()
    profile_ids, product_ids = profiles["profile_id"].combine_chunks(), products["product_id"].combine_chunks()
    past = snapshot(data, microseconds(known.as_of), settings.events)
    representative = pc.index_in(profiles["user_id"], user_ids).to_numpy().astype(np.int64)
    parts, history, strata = part_attributes(data), past.touched(FOREVER), profiles["stratum"].to_pandas()
    similarities = indexed_similarities(inputs["product_similarities"].table(PRODUCT_SIMILARITIES), product_ids)
    similar = similarity_matrix(similarities, past.n_products)
    explainer = Explainer(Evidence(past, settings.model), similar, settings.sql, settings.reasons, settings.compute.cores)
    words = Words(products, vehicles, settings.reasons)
    started = time.monotonic()
    for block, sql_scores, user_scores in scores_of_blocks(inputs, profile_ids, product_ids):
        users = representative[block]
        ranked, terms = ranked_lists(
            source=source,
            alpha=alpha,
            strata=strata[block],
            sql_scores=sql_scores.rename(columns={"sql_score": "score"}),
            user_scores=user_scores,
            similarities=similarities,
            history=history[users],
            parts=parts,
            settings=settings,
        )
        edges = strongest_edges(explainer, users[ranked["profile"].to_numpy()], ranked["product"].to_numpy(), terms)
        report("ranked", min(block.stop, len(profiles)), len(profiles), started)
        yield _as_table(ranked, profile_ids[block], product_ids, source, words.columns(edges))


def scores_of_blocks(
    inputs: Mapping[str, Artifact], profile_ids: pa.Array, product_ids: pa.Array
) -> Iterator[tuple[slice, pd.DataFrame, pd.DataFrame]]:
    """The scores of SQL and of the model, some profiles at a time, in the order of the profiles; one block at least.

    Raises:
        StoreError: scores are in another order.
    """
    blocks = blocks_of(max(len(profile_ids), 1), PROFILES_AT_ONCE)
    scores = (by_block(inputs[name], file, profile_ids, product_ids, blocks) for name, file in SCORES.items())
    return zip(blocks, *scores, strict=True)


def _as_table(
    ranked: pd.DataFrame, profile_ids: pa.Array, product_ids: pa.Array, source: str, reasons: Mapping[str, pa.Array]
) -> pa.Table:
    return pa.table(
        {
            "profile_id": profile_ids.take(pa.array(ranked["profile"])),
            "rank": pa.array(ranked["rank"]),
            "product_id": product_ids.take(pa.array(ranked["product"])),
            "final_score": pa.array(ranked["score"]),
            "sql_score": pa.array(ranked["sql_score"]),
            "gnn_score": pa.array(ranked["gnn_score"]),
            "source": pa.array([source] * len(ranked), pa.string()),
            **reasons,
        }
    )


class Words:
    """Reasons as people read them."""

    def __init__(self, products: pa.Table, vehicles: pa.Table, options: ReasonsSettings) -> None:
        self._product_ids, self._vehicle_ids = products["product_id"].combine_chunks(), vehicles["vehicle_id"].combine_chunks()
        self._names, self._options = names_of(products.to_pydict(), vehicles.to_pydict()), options

    def columns(self, edges: pd.DataFrame) -> dict[str, pa.Array]:
        """Each row's reason in words, and the edge that they speak of: ids of a part and a vehicle, and how many people."""
        return {
            "reason_code": pa.array(np.array(CODES, dtype=object)[edges["code"]], pa.string()),
            "reason_text": pa.array(texts(edges, self._names, self._options.popular_people), pa.string()),
            "reason_product_id": self._product_ids.take(_optional(edges["history"])),
            "reason_vehicle_id": self._vehicle_ids.take(_optional(edges["vehicle"])),
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
        source: ``blend``, ``similarity`` or ``sql``.
        alpha: weight of SQL by stratum; of the blend only.
        strata: stratum of each profile, by profile number.
        sql_scores: columns profile, product, score, pop_source.
        user_scores: columns profile, product, score, channels; empty where no model is served.
        similarities: columns product, neighbour, similarity.
        history: [profiles x products] non-zero where the profile's owner has a history with the part.
        parts: attributes of every part.
        settings: rules and weights.

    Returns:
        Columns profile, rank, product, score, sql_score, gnn_score, sorted by profile and rank; and what each row's score
        is made of, the most important first.
    """
    if source == "blend":
        weights = np.asarray(strata.map(alpha or {}), dtype=np.float64)
        listed = _blended(sql_scores, user_scores, weights, parts, settings)
        return listed, blend_terms(listed.assign(alpha=weights[listed["profile"]]))
    scored = _scored_by_sql(source, sql_scores, similarities, history, settings)
    listed = apply_list_rules(scored, parts, settings.rules)
    halves = listed.assign(
        sql_term=listed["sql_score"],
        similarity_term=settings.similarity.weight * listed["similarity"],
        pop_source=np.asarray(listed["pop_source"], dtype=object),
    )
    return listed, similarity_terms(halves)


def scored_candidates(
    *,
    source: str,
    alpha: Mapping[str, float] | None,
    strata: pd.Series,
    sql_scores: pd.DataFrame,
    user_scores: pd.DataFrame,
    similarities: pd.DataFrame,
    history: sparse.csr_array,
    settings: Settings,
) -> pd.DataFrame:
    """What ``ranked_lists`` ranks, before any rule: columns profile, product, score, sql_score and gnn_score; its arguments."""
    if source != "blend":
        return _scored_by_sql(source, sql_scores, similarities, history, settings)
    weights = np.asarray(strata.map(alpha or {}), dtype=np.float64)
    return blend(sql_scores[[*KEYS, "score"]], user_scores[[*KEYS, "score"]], weights, kept=settings.candidates.kept)


def _scored_by_sql(
    source: str, sql_scores: pd.DataFrame, similarities: pd.DataFrame, history: sparse.csr_array, settings: Settings
) -> pd.DataFrame:
    """SQL's candidates with their score, with similar parts added or without: then it is the blend of alpha = 1."""
    scale = normalise_sql if source == "similarity" else scale_sql
    scored = sql_scores.assign(sql_score=scale(sql_scores), similarity=0.0, gnn_score=0.0)
    if source == "similarity":
        added = similarity.similarity_lists(sql_scores[[*KEYS, "score"]], history, similarities, settings.similarity.weight)
        scored[["score", "similarity"]] = added[["score", "similarity"]].to_numpy()
    else:
        scored["score"] = scored["sql_score"]
    return scored


def _blended(
    sql_scores: pd.DataFrame, user_scores: pd.DataFrame, alpha: np.ndarray, parts: PartAttributes, settings: Settings
) -> pd.DataFrame:
    """The lists of a blend with pop_source and channels of either half; as ``ranked_lists``, some profiles at a time."""

    def block(first: int) -> pd.DataFrame:
        profiles = (first, first + PROFILES_OF_A_THREAD)
        sql, model = (
            scores[slice(*np.searchsorted(scores["profile"], profiles))].reset_index(drop=True)
            for scores in (sql_scores, user_scores)
        )
        both = blend(sql[[*KEYS, "score"]], model[[*KEYS, "score"]], alpha, kept=settings.candidates.kept)
        ranked = apply_list_rules(both, parts, settings.rules)
        # A part that one half does not have is its row -1, which no index holds: null.
        tier, channels = sql["pop_source"].reindex(ranked["sql_row"]), model["channels"].reindex(ranked["gnn_row"])
        return ranked.assign(pop_source=np.asarray(tier, dtype=object), channels=np.asarray(channels, dtype=object))

    with ThreadPoolExecutor(settings.compute.cores) as executor:
        return pd.concat(executor.map(block, range(0, len(alpha), PROFILES_OF_A_THREAD)), ignore_index=True)


def _optional(numbers: "pd.Series[int]") -> pa.Array:
    """The numbers with null in place of -1."""
    return pa.array(numbers.to_numpy(), mask=(numbers < 0).to_numpy())

"""SQL's list with item-item evidence added: what is served in weeks without an approved model."""

import numpy as np
import pandas as pd
from scipy import sparse

from recs_assets.ranking.arrays import Floats, Ints, pair_keys, positions
from recs_assets.ranking.blend import normalise_sql


def product_similarities(pairs: pd.DataFrame, n_buyers: Ints, neighbours: int, shrinkage: float) -> pd.DataFrame:
    """The most similar parts of each part, by shrunk cosine of their buyers.

    n_ab / (sqrt(n_a n_b) + shrinkage), where n_ab users bought both parts together and n_a users bought part a (Sarwar et al.
    2001; shrinkage as in Bell & Koren 2007).

    Args:
        pairs: columns product_a < product_b, n_users; one row a pair.
        n_buyers: [products], distinct buyers of each part.
        neighbours: parts kept for each part: the most similar, ties by product ascending.
        shrinkage: evidence at which a similarity counts half.

    Returns:
        Columns product int64, neighbour int64, similarity float64, n_users, sorted by product, similarity descending,
        neighbour. Every pair counts in both directions.

    Raises:
        ValueError: a pair is not in ascending order (it would count twice, or be its own neighbour).
    """
    if not (pairs["product_a"] < pairs["product_b"]).all():
        raise ValueError("co-purchase pairs must have product_a < product_b, each pair once.")
    one_way = pairs.rename(columns={"product_a": "product", "product_b": "neighbour"})
    other_way = pairs.rename(columns={"product_b": "product", "product_a": "neighbour"})
    edges = pd.concat([one_way, other_way], ignore_index=True)[["product", "neighbour", "n_users"]]
    buyers = np.asarray(n_buyers, dtype=np.float64)
    expected = np.sqrt(buyers[edges["product"].to_numpy()] * buyers[edges["neighbour"].to_numpy()])
    edges.insert(2, "similarity", edges["n_users"].to_numpy() / (expected + shrinkage))
    edges = edges.sort_values(["product", "similarity", "neighbour"], ascending=[True, False, True], ignore_index=True)
    nearest = positions(edges["product"].to_numpy(np.int64)) < neighbours
    return edges[nearest].reset_index(drop=True)


def similarity_lists(
    sql_lists: pd.DataFrame, history: sparse.csr_array, similarities: pd.DataFrame, weight: float
) -> pd.DataFrame:
    """SQL's lists with score = normalised SQL score + ``weight`` x best similarity to a part of the history.

    Args:
        sql_lists: columns profile, product, score (>= 0); the candidates stay the same.
        history: CSR [profiles x products], non-zero for the parts of a profile's history.
        similarities: as from :func:`product_similarities`.
        weight: how much a similarity of 1 counts against the best SQL score of the list.

    Returns:
        Columns profile, product, score, sql_score (normalised), similarity (0 without evidence), in the order of
        ``sql_lists``.
    """
    evidence = _best_similarity(sql_lists, history, similarities)
    sql_score = normalise_sql(sql_lists)
    return pd.DataFrame(
        {
            "profile": sql_lists["profile"].to_numpy(np.int64),
            "product": sql_lists["product"].to_numpy(np.int64),
            "score": sql_score + weight * evidence,
            "sql_score": sql_score,
            "similarity": evidence,
        }
    )


def _best_similarity(sql_lists: pd.DataFrame, history: sparse.csr_array, similarities: pd.DataFrame) -> Floats:
    entries = sparse.coo_array(history)
    seen = pd.DataFrame({"profile": entries.row.astype(np.int64), "product": entries.col.astype(np.int64)})
    reached = seen[seen["profile"].isin(sql_lists["profile"])].merge(similarities, on="product")
    best = reached.groupby(["profile", "neighbour"])["similarity"].max()
    profiles = np.concatenate([sql_lists["profile"], best.index.get_level_values("profile")])
    products = np.concatenate([sql_lists["product"], best.index.get_level_values("neighbour")])
    keys = pair_keys(profiles.astype(np.int64), products.astype(np.int64))
    similarity = pd.Series(best.to_numpy(), index=keys[len(sql_lists) :]).reindex(keys[: len(sql_lists)])
    return similarity.fillna(0.0).to_numpy(np.float64)

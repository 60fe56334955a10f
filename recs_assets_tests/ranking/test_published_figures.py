"""Two public data sets, against the figures that others published for them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from recs_assets.ranking import baselines, metrics
from recs_assets.ranking.candidates import top_of_sparse

BENCHMARKS = Path(__file__).parents[3] / "shared" / "data" / "benchmarks"
K = 20
CHUNK = 1_000


def _read(name: str) -> tuple[sparse.csr_array, pd.DataFrame]:
    folder = BENCHMARKS / name
    if not folder.is_dir():
        pytest.skip(f"the public data set {name} is not beside the repository (shared/data/benchmarks)")
    train, test = (
        pd.read_parquet(folder / f"{part}.parquet").set_axis(["profile", "product"], axis=1).astype(np.int64)
        for part in ("train", "test")
    )
    shape = tuple(pd.concat([train, test]).max() + 1)
    entries = (np.ones(len(train)), (train["profile"], train["product"]))
    return sparse.csr_array(entries, shape=shape), test


def _mean_recall_and_ndcg(train: sparse.csr_array, test: pd.DataFrame, weights: sparse.csr_array) -> tuple[float, float]:
    """Over the whole catalogue, without the training items: the protocol of the LightGCN paper."""
    users, tables = np.unique(test["profile"]), []
    for start in range(0, len(users), CHUNK):
        rows = users[start : start + CHUNK]
        scores = sparse.csr_array(train[rows] @ weights)
        unseen = sparse.csr_array(scores - scores.multiply(train[rows]))
        unseen.eliminate_zeros()
        lists = top_of_sparse(unseen.data, unseen, K)
        tables.append(lists.assign(profile=rows[lists["profile"]], rank=lists.groupby("profile").cumcount() + 1))
    found = metrics.per_user(pd.concat(tables), test, [K]).mean()
    return found[f"recall_at_{K}"], found[f"ndcg_at_{K}"]


def test_three_step_walk_on_gowalla_gives_the_known_recall_and_ndcg():
    train, test = _read("gowalla")
    # The first step's normalisation divides a user's scores by one number: the ranking is the same without it.
    recall, ndcg = _mean_recall_and_ndcg(train, test, baselines.walk_weights(train))
    assert recall == pytest.approx(0.1862, abs=0.00005)
    assert ndcg == pytest.approx(0.1563, abs=0.00005)


def test_ease_on_amazon_electronics_gives_the_known_ndcg():
    train, test = _read("amazon_electronics")
    weights = baselines.ease(train, regularization=100.0, max_parts=train.shape[1])
    _, ndcg = _mean_recall_and_ndcg(train, test, sparse.csr_array(weights.weights))
    assert ndcg == pytest.approx(0.0823, abs=0.00005)

"""Public benchmark figures with the project's own code: ``python -m recs_assets.reference``.

Two static splits without time, the whole catalogue ranked, what a user has in training left out, Recall@20 and NDCG@20. The
rows of other people's systems stand beside the figures they were published with; our channels have their decay switched off
and learn their weights from training items hidden at random.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from scipy import sparse
from torch_geometric.data import HeteroData

from recs_assets import settings as settings_file
from recs_assets.gnn import training
from recs_assets.gnn.channels import Evidence, at_candidates
from recs_assets.gnn.graph import ATTRIBUTES, FITS, INTERACTS, ORDER, OWNS
from recs_assets.gnn.scoring import top_scores
from recs_assets.gnn.snapshots import DAY, Ints, Snapshot, incidence, snapshot
from recs_assets.ranking import baselines, metrics
from recs_assets.ranking.candidates import top_candidates
from recs_assets.settings import Settings

K = 20
USERS_PER_CHUNK = 1024
FOLDS = 8
HIDDEN_SHARE = 0.2
FOREVER = float("inf")
EASE_REGULARIZATION = 100.0

PUBLISHED = {
    ("gowalla", "p3"): "0.1862 / 0.1563",
    ("gowalla", "ease"): "0.1765 / 0.1467",
    ("gowalla", "gf_cf"): "0.1849 / 0.1518",
    ("gowalla", "UltraGCN"): "0.1862 / 0.1580",
    ("gowalla", "SimpleX"): "0.1872 / 0.1557",
    ("gowalla", "LightGCN"): "0.1830 / 0.1554",
    ("amazon_electronics", "ease"): "- / 0.0823",
}


@dataclass(frozen=True)
class Split:
    """A static data set: [users x items] matrices of ones, and the held-out pairs as columns profile and product."""

    name: str
    train: sparse.csr_array
    held_out: pd.DataFrame


def read_split(folder: Path) -> Split:
    """The data set in a folder with ``train.parquet`` and ``test.parquet``, each with a user and an item column."""
    train, test = (
        np.stack([column.to_numpy() for column in pq.read_table(folder / f"{part}.parquet").columns])
        for part in ("train", "test")
    )
    n_users, n_items = (int(max(train[row].max(), test[row].max())) + 1 for row in (0, 1))
    matrix = incidence(train, (n_users, n_items))
    return Split(folder.name, matrix, pd.DataFrame({"profile": test[0], "product": test[1]}))


def _pairs(path: Path) -> Ints:
    return np.stack([column.to_numpy() for column in pq.read_table(path).columns]).astype(np.int64)


def judged(split: Split, score: Callable[[Ints], pd.DataFrame]) -> tuple[float, float]:
    """Recall@20 and NDCG@20 of lists that ``score`` makes for some users at a time (column profile counts within them)."""
    users = np.unique(split.held_out["profile"].to_numpy())
    found = []
    for start in range(0, len(users), USERS_PER_CHUNK):
        chosen = users[start : start + USERS_PER_CHUNK]
        lists = score(chosen)
        found.append(lists.assign(profile=chosen[lists["profile"]], rank=lists.groupby("profile").cumcount() + 1))
    measured = metrics.per_user(pd.concat(found, ignore_index=True), split.held_out, [K])
    return float(measured[f"recall_at_{K}"].mean()), float(measured[f"ndcg_at_{K}"].mean())


def systems(split: Split, settings: Settings) -> Iterator[tuple[str, Callable[[Ints], pd.DataFrame]]]:
    """Every system with the function that makes its lists; fitting happens when the pair is asked for."""
    train, options = split.train, settings.baselines
    popular = np.asarray(train.sum(axis=0), dtype=np.float64).ravel()

    def listed(dense: Callable[[sparse.csr_array], np.ndarray]) -> Callable[[Ints], pd.DataFrame]:
        return lambda users: top_candidates(baselines.add_popularity(dense(train[users]), popular), unseen(train[users]), K)

    yield "popularity", listed(lambda history: np.broadcast_to(popular, history.shape))
    knn = baselines.item_knn(train, options.item_knn_shrinkage, options.item_knn_neighbours)
    yield "item_knn", listed(lambda history: baselines.score_history(history, knn))
    walk = baselines.walk_weights(train)
    yield "p3", listed(lambda history: baselines.score_history(history, walk))
    weights = baselines.ease(train, EASE_REGULARIZATION, options.ease_max_parts)
    yield "ease", listed(lambda history: baselines.score_history(history, weights))
    yield "gf_cf", listed(baselines.gf_cf(train))
    yield "channels", channels(split, settings)


def unseen(history: sparse.csr_array) -> sparse.csr_array:
    """[users x items] every item that is not in a user's history."""
    return sparse.csr_array(np.asarray(history.toarray() == 0))


def channels(split: Split, settings: Settings) -> Callable[[Ints], pd.DataFrame]:
    """Our evidence channels without time, their weights learned from training items hidden at random."""
    timeless = settings.model.model_copy(
        update={
            "popularity_half_lives_days": (FOREVER, FOREVER, FOREVER),
            "cosine_half_lives_days": (FOREVER,),
            "walk_half_life_days": FOREVER,
            "history_half_life_days": FOREVER,
        }
    )
    options = settings.model_copy(update={"model": timeless})
    rng = np.random.default_rng(timeless.seed)
    fitted = training.fit([_example(split.train, options, rng) for _ in range(FOLDS)], options, report=print).model
    evidence = Evidence(_past(split.train, options), timeless)
    return lambda users: top_scores(fitted, evidence, users, unseen(split.train[users]), K)


def _example(train: sparse.csr_array, settings: Settings, rng: np.random.Generator) -> training.Example:
    """A fold: some users' items hidden, to be found from everybody's others."""
    entries = sparse.coo_array(train)
    is_hidden = rng.random(entries.nnz) < HIDDEN_SHARE
    kept = incidence(np.stack([entries.row, entries.col])[:, ~is_hidden], train.shape)
    hidden = incidence(np.stack([entries.row, entries.col])[:, is_hidden], train.shape)
    past = _past(kept, settings)
    able = np.flatnonzero((np.diff(hidden.indptr) > 0) & (np.diff(kept.indptr) > 0))
    n_users = max(1, settings.model.max_entries_per_snapshot // train.shape[1])
    users = np.sort(rng.permutation(able)[:n_users])
    candidates = unseen(kept[users])
    return training.Example(
        moment=past.as_of,
        users=users,
        candidates=candidates,
        features=Evidence(past, settings.model).features(users, candidates),
        targets=at_candidates(hidden[users], candidates),
        state=past.state[users].astype(np.float32),
    )


def _past(train: sparse.csr_array, settings: Settings) -> Snapshot:
    """The matrix as a graph of orders that all happened a day ago, without vehicles and without attributes."""
    entries = sparse.coo_array(train)
    data = HeteroData()
    data["user"].num_nodes, data["vehicle"].num_nodes, data["product"].num_nodes = train.shape[0], 0, train.shape[1]
    data["vehicle"].model_code = data["vehicle"].make_code = torch.empty(0, dtype=torch.int64)
    for name in ATTRIBUTES:
        data["product"][name] = torch.full((train.shape[1],), -1)
    for kind in (OWNS, FITS):
        data[kind].edge_index = torch.empty((2, 0), dtype=torch.int64)
    data[OWNS].added_at = torch.empty(0, dtype=torch.int64)
    data[INTERACTS].edge_index = torch.from_numpy(np.stack([entries.row, entries.col]).astype(np.int64))
    data[INTERACTS].time = torch.zeros(entries.nnz, dtype=torch.int64)
    data[INTERACTS].event_type = torch.full((entries.nnz,), ORDER)
    return snapshot(data, DAY, settings.events)


def main(arguments: Sequence[str]) -> int:
    """Print the table of every data set found below ``--data``."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets.reference", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="one folder a data set, with train.parquet and test.parquet")
    parser.add_argument("--only", help="one data set")
    options = parser.parse_args(arguments)
    settings = settings_file.load()
    for folder in sorted(path.parent for path in options.data.glob("*/train.parquet")):
        if options.only in (None, folder.name):
            split = read_split(folder)
            print(f"\n{split.name}: {split.train.shape[0]:,} users, {split.train.shape[1]:,} items, {split.train.nnz:,} pairs")
            started = time.monotonic()
            for name, score in systems(split, settings):
                recall, ndcg = judged(split, score)
                published = PUBLISHED.get((split.name, name), "")
                print(f"  {name:<12} {recall:.5f} / {ndcg:.5f}   {published:<18} {time.monotonic() - started:6.0f} s", flush=True)
                started = time.monotonic()
            for (data, name), figures in PUBLISHED.items():
                if data == split.name and name[0].isupper():
                    print(f"  {name:<12} {'':<17}   {figures} (published, not run here)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

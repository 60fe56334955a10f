"""Static data sets without time: their matrices, how some of each user's items are hidden, and how lists are evaluated."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from scipy import sparse

from recs_assets.ranking import metrics
from recs_assets.ranking.arrays import Ints
from recs_assets.ranking.sparse_matrices import incidence, row_of_entry

K = 20  # of the published figures
USERS_PER_CHUNK = 128  # dense scores of 41,000 items take 42 MB, which a process keeps: larger blocks it asks the system for anew
HIDDEN_SHARE = 0.2

# Dense scores [users x items], of float32 or float64.
Scores = NDArray[np.floating]


@dataclass(frozen=True)
class Split:
    """A static data set: [users x items] a matrix of ones, and the held-out pairs as columns profile and product."""

    name: str
    train: sparse.csr_array
    held_out: pd.DataFrame


def read_split(folder: Path) -> Split:
    """The data set in a folder with ``train.parquet`` and ``test.parquet``, each with a user and an item column."""
    train, test = (
        np.stack([column.to_numpy() for column in pq.read_table(folder / f"{part}.parquet").columns]).astype(np.int64)
        for part in ("train", "test")
    )
    n_users, n_items = (int(max(train[row].max(), test[row].max())) + 1 for row in (0, 1))
    return Split(folder.name, incidence(train, (n_users, n_items)), pd.DataFrame({"profile": test[0], "product": test[1]}))


def hide(matrix: sparse.csr_array, rng: np.random.Generator) -> tuple[sparse.csr_array, sparse.csr_array]:
    """A fifth of every user's items taken out as one stretch of the list, which runs on from its end to its start.

    A stretch and not a random fifth: Gowalla's items are numbered in the order in which users reached them, so neighbours in
    number are neighbours in time, and its own test items are no random ones either (the share of a popular item's visits that
    is in the test part varies 36 times as much as by chance). Where numbers mean nothing, a stretch is a random fifth.

    Args:
        matrix: CSR [users x items] of ones, indices sorted.
        rng: draws where each user's stretch begins.

    Returns:
        What is kept and what is hidden, both as ``matrix``. A user with a single item keeps it.
    """
    sizes = np.diff(matrix.indptr)
    user = row_of_entry(matrix)
    position = np.arange(matrix.nnz) - matrix.indptr[user]
    start = np.floor(rng.random(len(sizes)) * sizes).astype(np.int64)
    n_hidden = np.where(sizes > 1, np.maximum(1, np.round(sizes * HIDDEN_SHARE)), 0)
    is_hidden = (position - start[user]) % sizes[user] < n_hidden[user]
    pairs = np.stack([user, matrix.indices])
    return incidence(pairs[:, ~is_hidden], matrix.shape), incidence(pairs[:, is_hidden], matrix.shape)


def validation(split: Split, seed: int) -> Split:
    """The split that choices are made on: cut from the training part, the test part unseen."""
    kept, hidden = hide(split.train, np.random.default_rng(seed))
    user, item = hidden.nonzero()
    return Split(split.name, kept, pd.DataFrame({"profile": user, "product": item}))


def chunks(users: Ints) -> Iterator[Ints]:
    """The users, some at a time."""
    for start in range(0, len(users), USERS_PER_CHUNK):
        yield users[start : start + USERS_PER_CHUNK]


def recall_and_ndcg(split: Split, score: Callable[[Ints], Scores]) -> tuple[float, float]:
    """Recall@20 and NDCG@20 over the whole catalogue without what the user has in training.

    Args:
        split: its users with something held out count, each once.
        score: takes users [n], gives scores [n x items].
    """
    lists = []
    for users in chunks(np.unique(split.held_out["profile"].to_numpy())):
        best = best_unseen(score(users), split.train[users], K)
        shape = best.shape
        columns = {
            "profile": np.repeat(users, shape[1]),
            "product": best.ravel(),
            "rank": np.tile(np.arange(shape[1]) + 1, shape[0]),
        }
        lists.append(pd.DataFrame(columns))
    measured = metrics.per_user(pd.concat(lists, ignore_index=True), split.held_out, [K])
    return float(measured[f"recall_at_{K}"].mean()), float(measured[f"ndcg_at_{K}"].mean())


def best_unseen(scores: Scores, history: sparse.csr_array, k: int) -> Ints:
    """[users x k] the best items outside each user's history, best first, equal scores in ascending order of items.

    The user's own items come last where there are no others left.
    """
    unseen = np.array(scores)
    seen = sparse.coo_array(history)
    unseen[seen.row, seen.col] = -np.inf
    # Twice as many, so that which of equal ones comes first is settled by number and not by the selection. By torch: where
    # most scores are zero, numpy's partition takes ten times as long.
    n_first = min(2 * k, unseen.shape[1])
    best = np.sort(torch.from_numpy(unseen).topk(n_first, dim=1, sorted=False).indices.numpy(), axis=1)
    order = np.argsort(-np.take_along_axis(unseen, best, axis=1), axis=1, kind="stable")[:, :k]
    return np.take_along_axis(best, order, axis=1).astype(np.int64)

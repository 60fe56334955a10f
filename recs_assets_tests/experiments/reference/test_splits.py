"""Hiding and evaluating on matrices small enough to read."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from recs_assets.experiments.reference import splits

# User 0 has items 0, 1, 2; user 1 has item 3; user 2 has nothing.
TRAIN = sparse.csr_array(np.array([[1.0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]))


def test_a_split_is_read_from_two_files(tmp_path: Path) -> None:
    pd.DataFrame({"user_id": [0, 1, 1], "item_id": [2, 0, 0]}).to_parquet(tmp_path / "train.parquet")
    pd.DataFrame({"user_id": [1], "item_id": [3]}).to_parquet(tmp_path / "test.parquet")
    split = splits.read_split(tmp_path)
    assert split.name == tmp_path.name
    assert split.train.toarray().tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]
    assert split.held_out.to_dict("list") == {"profile": [1], "product": [3]}


def test_a_fifth_is_hidden_as_one_stretch_that_runs_on_from_the_end() -> None:
    ten_items, starts = sparse.csr_array(np.ones((40, 10))), set()
    kept, hidden = splits.hide(ten_items, np.random.default_rng(0))
    assert (kept + hidden).toarray().tolist() == np.ones((40, 10)).tolist()
    for row in hidden.toarray():
        first, second = np.flatnonzero(row)
        assert (first, second) == (0, 9) or second == first + 1
        starts.add(int(second if (first, second) == (0, 9) else first))
    assert starts == set(range(10))


def test_one_item_is_hidden_of_few_and_a_single_one_is_kept() -> None:
    kept, hidden = splits.hide(TRAIN, np.random.default_rng(0))
    assert hidden.sum(axis=1).tolist() == [1, 0, 0]
    assert kept.sum(axis=1).tolist() == [2, 1, 0]


def test_validation_comes_from_the_training_part_alone() -> None:
    cut = splits.validation(splits.Split("small", TRAIN, pd.DataFrame({"profile": [1], "product": [0]})), seed=1)
    assert cut.held_out["profile"].tolist() == [0]
    hidden = int(cut.held_out["product"].iloc[0])
    expected = TRAIN.toarray()
    expected[0, hidden] = 0
    assert hidden < 3
    assert cut.train.toarray().tolist() == expected.tolist()


def test_the_best_unseen_come_first_and_ties_go_to_the_smaller_item() -> None:
    scores = np.array([[9.0, 5, 7, 7, 1, 7, 0, 0]])
    history = sparse.csr_array(np.array([[1.0, 0, 0, 0, 0, 0, 0, 0]]))
    assert splits.best_unseen(scores, history, 4).tolist() == [[2, 3, 5, 1]]
    assert scores[0, 0] == 9.0


def test_recall_and_ndcg_by_hand() -> None:
    # 42 items scored by descending number. User 0 has items 41 and 40 already, so that 39 ranks first and 20 last;
    # held out are 39 (rank 1), 37 (rank 3) and 0 (far below). User 1's only held-out item is the 20th of the list: 22.
    train = sparse.csr_array(([1.0, 1.0], ([0, 0], [41, 40])), shape=(2, 42))
    held_out = pd.DataFrame({"profile": [0, 0, 0, 1], "product": [39, 37, 0, 22]})
    split = splits.Split("small", train, held_out)
    recall, ndcg = splits.recall_and_ndcg(split, lambda users: np.tile(np.arange(42.0), (len(users), 1)))
    assert recall == pytest.approx((2 / 3 + 1) / 2)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert ndcg == pytest.approx(((1 + 1 / 2) / ideal + 1 / math.log2(21)) / 2)

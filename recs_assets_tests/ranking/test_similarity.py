"""Similarities by hand, and SQL's list with them added."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from recs_assets.ranking.similarity import product_similarities, similarity_lists

PAIRS = pd.DataFrame({"product_a": [0, 0, 1], "product_b": [1, 2, 2], "n_users": [4, 2, 1]})


def test_similarity_is_the_shrunk_cosine_in_both_directions():
    similar = product_similarities(PAIRS, np.array([16, 4, 9]), neighbours=5, shrinkage=2.0)
    # 4 / (8 + 2), 2 / (12 + 2), 1 / (6 + 2)
    expected = pd.DataFrame(
        {
            "product": [0, 0, 1, 1, 2, 2],
            "neighbour": [1, 2, 0, 2, 0, 1],
            "similarity": [0.4, 1 / 7, 0.4, 1 / 8, 1 / 7, 1 / 8],
            "n_users": [4, 2, 4, 1, 2, 1],
        }
    )
    pd.testing.assert_frame_equal(similar, expected)


def test_only_the_nearest_are_kept_and_ties_go_to_the_lower_product():
    pairs = pd.DataFrame({"product_a": [0, 0, 0], "product_b": [3, 2, 1], "n_users": [1, 1, 1]})
    similar = product_similarities(pairs, np.array([4, 1, 1, 1]), neighbours=2, shrinkage=1.0)
    assert similar.loc[similar["product"] == 0, "neighbour"].tolist() == [1, 2]


def test_pairs_in_the_wrong_order_are_refused():
    pairs = pd.DataFrame({"product_a": [1], "product_b": [1], "n_users": [1]})
    with pytest.raises(ValueError, match="product_a < product_b"):
        product_similarities(pairs, np.ones(2), neighbours=2, shrinkage=1.0)


def test_sql_list_gains_the_best_similarity_to_the_history():
    similarities = product_similarities(PAIRS, np.array([16, 4, 9]), neighbours=5, shrinkage=2.0)
    sql_lists = pd.DataFrame({"profile": [0, 0, 1], "product": [2, 3, 2], "score": [5.0, 10.0, 3.0]})
    history = sparse.csr_array(np.array([[1, 3, 0, 0], [0, 0, 0, 0]]))
    lists = similarity_lists(sql_lists, history, similarities, weight=0.5)
    # Part 2 is 1/7 like part 0 and 1/8 like part 1; profile 1 has no history.
    expected = sql_lists.assign(score=[0.5 + 0.5 / 7, 1.0, 1.0], sql_score=[0.5, 1.0, 1.0], similarity=[1 / 7, 0.0, 0.0])
    pd.testing.assert_frame_equal(lists, expected)

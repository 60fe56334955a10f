"""The worked example of the metric definitions, and what the list-wide figures are on a few rows."""

from math import log2

import numpy as np
import pandas as pd
import pytest

from recs_assets.ranking import metrics


def _ranked(lists: dict[int, list[int]]) -> pd.DataFrame:
    rows = [(profile, part, rank) for profile, parts in lists.items() for rank, part in enumerate(parts, start=1)]
    return pd.DataFrame(rows, columns=["profile", "product", "rank"], dtype=np.int64)


def _held_out(items: dict[int, list[int]]) -> pd.DataFrame:
    rows = [(profile, part) for profile, parts in items.items() for part in parts]
    return pd.DataFrame(rows, columns=["profile", "product"], dtype=np.int64)


def test_worked_example():
    ranked = _ranked(
        {
            1: [100, 1, 101, 2, 3, 4, 5, 6, 7, 8],
            2: [1, 2, 3],
            4: list(range(400, 410)),
            5: [1, 2, 500],
            6: [1, 2, 3, 4, 5, 6, 7, 8, 9, 600],
        }
    )
    held_out = _held_out({1: [100, 101], 3: [300], 4: list(range(400, 415)), 5: [500], 6: [600]})

    figures = metrics.per_user(ranked, held_out, [10])

    expected = pd.DataFrame(
        {
            "recall_at_10": [1.0, 0.0, 10 / 15, 1.0, 1.0],
            "ndcg_at_10": [(1 + 1 / 2) / (1 + 1 / log2(3)), 0.0, 1.0, 1 / 2, 1 / log2(11)],
            "mrr_at_10": [1.0, 0.0, 1.0, 1 / 3, 1 / 10],
            "hit_at_10": [1.0, 0.0, 1.0, 1.0, 1.0],
        },
        index=pd.Index([1, 3, 4, 5, 6], name="profile"),
    )
    pd.testing.assert_frame_equal(figures, expected)
    assert figures["recall_at_10"].mean() == pytest.approx(0.733333, abs=1e-6)
    assert figures["ndcg_at_10"].mean() == pytest.approx(0.541757, abs=1e-6)


def test_a_hit_below_k_counts_for_nothing():
    figures = metrics.per_user(_ranked({1: [7, 8, 9]}), _held_out({1: [9]}), [2, 3])
    assert figures.loc[1, ["recall_at_2", "ndcg_at_2", "mrr_at_2", "hit_at_2"]].tolist() == [0, 0, 0, 0]
    assert figures.loc[1, ["recall_at_3", "ndcg_at_3", "mrr_at_3", "hit_at_3"]].tolist() == [1, 0.5, pytest.approx(1 / 3), 1]


def test_repeats_count_once_at_their_first_rank():
    figures = metrics.per_user(_ranked({1: [5, 9, 9, 9]}), _held_out({1: [9, 9, 4]}), [10])
    assert figures.loc[1, "recall_at_10"] == 0.5
    assert figures.loc[1, "mrr_at_10"] == 0.5
    assert figures.loc[1, "ndcg_at_10"] == pytest.approx((1 / log2(3)) / (1 + 1 / log2(3)))


def test_k_beyond_the_list_keeps_the_achievable_ideal():
    figures = metrics.per_user(_ranked({1: [3, 4]}), _held_out({1: [3, 4]}), [50])
    assert figures.loc[1].tolist() == [1, 1, 1, 1]


def test_rows_in_any_order_give_the_same_figures():
    ranked = _ranked({1: [9, 8], 2: [9, 8]})
    shuffled = ranked.iloc[[3, 0, 2, 1]]
    held_out = _held_out({2: [8], 1: [9]})
    pd.testing.assert_frame_equal(
        metrics.per_user(ranked, held_out, [1, 2]), metrics.per_user(shuffled, held_out.iloc[::-1], [1, 2])
    )


def test_no_lists_at_all_gives_zeros():
    figures = metrics.per_user(_ranked({}), _held_out({1: [3]}), [4])
    assert figures.loc[1].tolist() == [0, 0, 0, 0]


def test_coverage_counts_distinct_parts_in_the_first_ranks():
    assert metrics.coverage(_ranked({1: [0, 1], 2: [0, 2]}), n_products=10, k=1) == pytest.approx(0.1)
    assert metrics.coverage(_ranked({1: [0, 1], 2: [0, 2]}), n_products=10, k=2) == pytest.approx(0.3)


def test_novelty_is_the_mean_surprise_in_bits():
    popularity = np.array([4.0, 2.0, 2.0, 0.0])
    assert metrics.novelty(_ranked({1: [0, 1]}), popularity, k=2) == pytest.approx((1 + 2) / 2)
    assert metrics.novelty(_ranked({1: [3]}), popularity, k=2) == pytest.approx(2)
    assert np.isnan(metrics.novelty(_ranked({}), popularity, k=2))


def test_overlap_is_the_mean_share_of_the_first_list():
    ours, theirs = _ranked({1: [5, 6], 2: [5, 6], 3: [5]}), _ranked({1: [6, 7], 2: [8, 9], 4: [5]})
    assert metrics.overlap(ours, theirs, k=2) == pytest.approx((0.5 + 0 + 0) / 3)
    assert metrics.overlap(ours, theirs, k=1) == 0


def test_first_slots_changed_by_part_order_or_absence():
    before = _ranked({1: [5, 6, 7], 2: [5, 6], 3: [5], 4: [5]})
    after = _ranked({1: [5, 6, 8], 2: [6, 5], 3: [5]})
    assert metrics.share_first_changed(before, after, slots=2) == pytest.approx(2 / 4)
    assert metrics.share_first_changed(before, after, slots=3) == pytest.approx(3 / 4)

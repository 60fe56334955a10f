"""Normalised scores by hand, alpha = 1 as SQL itself, and the choice of alpha."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recs_assets import settings_file
from recs_assets.ranking.blend import blend, choose_alpha, normalise_gnn, normalise_sql
from recs_assets.ranking.rules import PartAttributes, apply_list_rules

SETTINGS = settings_file.load()
N_PARTS = 30


def _lists(*rows: tuple[int, int, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["profile", "product", "score"])
    return frame.astype({"profile": np.int64, "product": np.int64, "score": np.float64})


def _no_attributes(n_parts: int = N_PARTS) -> PartAttributes:
    return PartAttributes(np.full(n_parts, -1), np.full(n_parts, -1), np.zeros(n_parts, dtype=bool))


def test_sql_is_divided_by_its_best_and_keeps_its_zero():
    lists = _lists((0, 1, 8.0), (0, 2, 2.0), (0, 3, 0.0), (1, 1, 5.0), (2, 4, 0.0))
    assert normalise_sql(lists).tolist() == [1.0, 0.25, 0.0, 1.0, 0.0]


def test_the_model_is_stretched_between_its_worst_and_best():
    lists = _lists((0, 1, 4.0), (0, 2, -4.0), (0, 3, 2.0), (1, 1, -7.0), (1, 2, -7.0))
    assert normalise_gnn(lists, kept=3).tolist() == [1.0, 0.0, 0.75, 1.0, 1.0]


def test_what_is_kept_for_the_rules_alone_leaves_the_scale_of_the_model_as_it_was():
    lists = _lists((0, 1, 4.0), (0, 2, 2.0), (0, 3, 0.0), (0, 4, -4.0), (1, 1, 3.0))
    assert normalise_gnn(lists, kept=3).tolist() == [1.0, 0.5, 0.0, -1.0, 1.0]


def test_negative_sql_scores_are_refused():
    with pytest.raises(ValueError, match="1 SQL scores are below zero"):
        normalise_sql(_lists((0, 1, -0.5)))


def test_both_lists_are_joined_with_zero_for_what_one_lacks():
    sql = _lists((0, 1, 8.0), (0, 2, 4.0))
    gnn = _lists((0, 3, 10.0), (0, 2, 6.0), (0, 4, 2.0))
    blended = blend(sql, gnn, np.array([0.25]), kept=100)
    expected = pd.DataFrame(
        {
            "profile": [0, 0, 0, 0],
            "product": [1, 2, 3, 4],
            "score": [0.25, 0.25 * 0.5 + 0.75 * 0.5, 0.75, 0.0],
            "sql_score": [1.0, 0.5, 0.0, 0.0],
            "gnn_score": [0.0, 0.5, 1.0, 0.0],
            "sql_row": [0, 1, -1, -1],
            "gnn_row": [-1, 1, 0, 2],
        }
    )
    pd.testing.assert_frame_equal(blended[expected.columns], expected)


def test_alpha_is_read_per_profile_and_zero_is_the_model_alone():
    sql, gnn = _lists((0, 1, 8.0), (1, 1, 8.0)), _lists((0, 2, 5.0), (1, 2, 5.0))
    blended = blend(sql, gnn, np.array([1.0, 0.0]), kept=100)
    assert blended[["profile", "product"]].to_numpy().tolist() == [[0, 1], [1, 2]]


# Scores of v5.17: weight x LOG(1 + orders). 10 LN(81) and 8 LN(243) are the same number, one rounding apart.
sql_scores = st.builds(lambda w, n: w * math.log(1 + n), st.sampled_from([10, 8, 2]), st.integers(0, 300))
sql_scores = sql_scores | st.sampled_from([10 * math.log(81), 8 * math.log(243), 0.0])


def _random_lists(scores):
    pairs = st.tuples(st.integers(0, 2), st.integers(0, N_PARTS - 1))
    return st.dictionaries(pairs, scores, max_size=50).map(lambda d: _lists(*((*pair, s) for pair, s in d.items())))


codes = st.lists(st.integers(-1, 6), min_size=N_PARTS, max_size=N_PARTS).map(np.array)
flags = st.lists(st.booleans(), min_size=N_PARTS, max_size=N_PARTS).map(np.array)


@given(_random_lists(sql_scores), _random_lists(st.floats(-50, 50)), st.builds(PartAttributes, codes, codes, flags))
def test_alpha_one_is_the_list_of_sql_row_for_row(sql, gnn, parts):
    columns = ["profile", "product", "rank"]
    blended = apply_list_rules(blend(sql, gnn, np.ones(3), kept=100), parts, SETTINGS.rules)
    served_today = apply_list_rules(sql, parts, SETTINGS.rules)
    pd.testing.assert_frame_equal(blended[columns], served_today[columns])


def test_two_sql_scores_one_rounding_apart_stay_apart():
    higher, lower = 8 * math.log(243), 10 * math.log(81)
    higher, lower = max(higher, lower), min(higher, lower)
    assert np.nextafter(lower, np.inf) == higher
    tops = np.linspace(65, 87, 200)  # dividing by most of these gives the two the same quotient
    sql = _lists(*(row for p, top in enumerate(tops) for row in ((p, 1, lower), (p, 2, higher), (p, 3, top))))
    ranked = apply_list_rules(blend(sql, _lists(), np.ones(len(tops)), kept=100), _no_attributes(), SETTINGS.rules)
    assert ranked["product"].tolist() == [3, 2, 1] * len(tops)


@given(_random_lists(sql_scores), _random_lists(st.floats(-50, 50)), st.floats(0, 1))
def test_the_score_can_be_recomputed_from_its_row(sql, gnn, alpha):
    blended = blend(sql, gnn, np.full(3, alpha), kept=100)
    np.testing.assert_array_equal(blended["score"], alpha * blended["sql_score"] + (1 - alpha) * blended["gnn_score"])
    assert blended["sql_score"].between(0, 1).all()
    assert blended["gnn_score"].between(0, 1).all(), "with no more in a list than are kept for their score"


# Of twelve parts a list, none in both: which one a person took.
SQL_FIRST, MODEL_FIRST, MODEL_TENTH = 0, 12, 21


def _chosen(strata: list[str], taken: list[int], users: list[str] | None = None, **update: object):
    profiles = range(len(taken))
    return choose_alpha(
        _lists(*((p, i, 12.0 - i) for p in profiles for i in range(12))),
        _lists(*((p, 12 + i, 12.0 - i) for p in profiles for i in range(12))),
        pd.DataFrame({"profile": list(profiles), "product": taken}),
        profiles=pd.DataFrame({"stratum": strata, "user_id": users or [f"u{number}" for number in profiles]}),
        parts=_no_attributes(),
        rules=SETTINGS.rules,
        settings=SETTINGS.blend.model_copy(update=update),
        kept=100,
    )


def test_everybody_takes_the_largest_alpha_that_is_best_for_all():
    # SQL's first part scores alpha and must beat the model's tenth with (1 - alpha) x 2/11: so from alpha = 0.2. The model's
    # first part scores 1 - alpha and must beat SQL's tenth with alpha x 3/12: so up to alpha = 0.7.
    chosen, curve = _chosen(["cold", "cold", "warm", "warm"], [SQL_FIRST, SQL_FIRST, MODEL_FIRST, MODEL_FIRST])
    assert chosen == {"cold": 0.7, "warm": 0.7, "hot": 0.7}
    at = curve.set_index(["stratum", "alpha"])
    assert at.loc[("all", 1.0), ["recall", "users"]].tolist() == [0.5, 4]
    assert at.loc[("all", 0.5), ["recall", "users", "z"]].tolist() == [1.0, 4, 0.0]
    assert at.loc[("cold", 0.0), ["recall", "users"]].tolist() == [0.0, 2]
    assert at.loc[("warm", 0.0), ["recall", "users", "z"]].tolist() == [1.0, 2, 0.0]
    # Two people who lose one part each: 2 / sqrt(2 + 0.8 x 2).
    assert at.loc[("warm", 1.0), "z"] == at.loc[("all", 1.0), "z"] == pytest.approx(-2 / 3.6**0.5)


@pytest.mark.parametrize(("people", "users", "own"), [(5, None, 1.0), (4, None, 0.1), (6, ["one"] * 6, 0.1)])
def test_a_stratum_takes_an_alpha_of_its_own_where_that_is_better_beyond_chance(people: int, users: list[str] | None, own: float):
    # Up to alpha = 0.1 twenty warm people find the model's tenth part, from 0.2 on hot ones SQL's first.
    warm = [f"w{number}" for number in range(20)]
    hot = users or [f"h{number}" for number in range(people)]
    chosen, curve = _chosen(["warm"] * 20 + ["hot"] * people, [MODEL_TENTH] * 20 + [SQL_FIRST] * people, warm + hot)
    recall = curve.set_index(["stratum", "alpha"])["recall"]
    assert recall[[("warm", 0.1), ("warm", 0.2), ("hot", 0.1), ("hot", 0.2)]].tolist() == [1.0, 0.0, 0.0, 1.0]
    assert chosen == {"cold": 0.1, "warm": 0.1, "hot": own}


def test_nothing_to_choose_on_leaves_what_is_served_today():
    chosen, _ = _chosen([], [])
    assert chosen == {"cold": 1.0, "warm": 1.0, "hot": 1.0}


def test_a_number_in_the_settings_is_taken_as_it_is():
    chosen, _ = _chosen(["warm", "warm"], [SQL_FIRST, SQL_FIRST], alpha=0.3)
    assert chosen == {"cold": 0.3, "warm": 0.3, "hot": 0.3}

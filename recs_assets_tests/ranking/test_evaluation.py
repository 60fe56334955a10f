"""Two systems and the ceiling on four rows of three users."""

import numpy as np
import pandas as pd
import pytest

from recs_assets.ranking.evaluation import EvaluationResult, ceiling, evaluate, ideal_lists

PROFILES = pd.DataFrame(
    {
        "user_id": ["ann", "bob", "ann", "cid", "dan"],
        "week": ["2024-01-01", "2024-01-01", "2024-01-08", "2024-01-08", "2024-01-08"],
        "stratum": ["cold", "warm", "warm", "cold", "hot"],
        "vehicle_density": ["rare", "none", "rare", "common", "none"],
    },
    index=pd.Index(range(5), name="profile"),
)
# Profile 4 (dan) has nothing held out.
HELD_OUT = pd.DataFrame({"profile": [0, 1, 2, 2, 3], "product": [5, 6, 5, 7, 8]})
SHARES = {"cold": 0.9, "warm": 0.1}
PRICES = np.array([0, 1.0, 2, 0, 0, 50, 60, 70, 80, 90])


def _ranked(lists: dict[int, list[int]]) -> pd.DataFrame:
    rows = [(profile, part, rank) for profile, parts in lists.items() for rank, part in enumerate(parts, start=1)]
    return pd.DataFrame(rows, columns=["profile", "product", "rank"])


SYSTEMS = {
    "sql": _ranked({0: [1, 5], 1: [1, 2], 2: [1, 2], 3: [1, 2], 4: [1, 2]}),
    "blend": _ranked({0: [5, 1], 1: [6, 2], 2: [7, 5]}),
}


def _evaluate(
    shares: dict[str, float], systems: dict[str, pd.DataFrame] = SYSTEMS, held_out: pd.DataFrame = HELD_OUT
) -> EvaluationResult:
    popularity = np.array([0, 4.0, 4, 0, 0, 2, 2, 2, 2])
    return evaluate(
        systems,
        held_out,
        PROFILES,
        [1, 2],
        population_shares=shares,
        popularity=popularity,
        prices=PRICES,
        n_products=10,
        slots=2,
    )


def _value(result: EvaluationResult, *key: object) -> tuple[float, int, int]:
    row = result.metrics.set_index(["system", "stratum", "k", "metric"]).loc[key]
    return row["value"], row["users"], row["weeks"]


def test_per_user_rows_name_who_and_when():
    per_user = _evaluate(SHARES).per_user
    assert per_user.columns[:5].tolist() == ["system", "week", "user_id", "stratum", "recall_at_1"]
    assert per_user.columns[-1] == "vehicle_density"
    ours = per_user[per_user["system"] == "blend"]
    assert ours["vehicle_density"].tolist() == ["rare", "none", "rare", "common"]
    assert ours["user_id"].tolist() == ["ann", "bob", "ann", "cid"]
    assert ours["recall_at_1"].tolist() == [1.0, 1.0, 0.5, 0.0]


def test_means_by_stratum_with_users_and_weeks():
    result = _evaluate(SHARES)
    assert _value(result, "sql", "all", 2, "recall") == (0.25, 3, 2)
    assert _value(result, "sql", "cold", 2, "mrr") == (0.25, 2, 2)
    assert _value(result, "blend", "warm", 2, "recall") == (1.0, 2, 2)
    assert _value(result, "blend", "warm", 1, "hit") == (1.0, 2, 2)
    assert not (result.metrics["stratum"] == "hot").any()


def test_population_weighs_the_strata_by_their_shares():
    value, users, weeks = _value(_evaluate(SHARES), "blend", "population", 2, "recall")
    assert value == pytest.approx(0.9 * 0.5 + 0.1 * 1.0)
    assert (users, weeks) == (3, 2)


def test_population_is_left_out_where_a_stratum_is_not_measured():
    metrics = _evaluate({"cold": 0.9, "warm": 0.09, "hot": 0.01}).metrics
    assert not (metrics["stratum"] == "population").any()


def test_list_figures_are_given_for_real_systems_only():
    result = _evaluate(SHARES, SYSTEMS | {"ceiling": ideal_lists(HELD_OUT)})
    assert _value(result, "sql", "all", 2, "coverage")[0] == pytest.approx(0.3)
    assert _value(result, "blend", "all", 2, "coverage")[0] == pytest.approx(0.5)
    assert _value(result, "blend", "all", 2, "overlap_sql")[0] == pytest.approx((1 + 0.5 + 0) / 3)
    assert _value(result, "sql", "all", 1, "novelty")[0] == pytest.approx(2.0)
    figures = result.metrics.groupby("system")["metric"].unique().map(set)
    # The first two parts of ann's, bob's, ann's and cid's lists: all are others, the last one's are gone.
    assert _value(result, "blend", "all", 2, "first_changed_sql")[0] == 1.0
    assert not {"overlap_sql", "first_changed_sql"} & figures["sql"]
    assert figures["ceiling"] == {"recall", "ndcg", "mrr", "hit", "value_found"}


def test_the_share_of_lists_whose_first_parts_changed_counts_those_with_something_held_out():
    same, other = [1, 2], [2, 1]
    blend = _ranked({0: [1, 5], 1: same, 2: other, 3: same, 4: other})  # profile 4 has nothing held out
    result = _evaluate(SHARES, SYSTEMS | {"blend": blend})
    assert _value(result, "blend", "all", 2, "first_changed_sql")[0] == 0.25
    assert (result.metrics["metric"] == "first_changed_sql").sum() == 1


def test_with_nothing_held_out_nobody_is_measured():
    result = evaluate(
        SYSTEMS,
        HELD_OUT.head(0),
        PROFILES,
        [2],
        population_shares=SHARES,
        popularity=np.ones(9),
        prices=PRICES,
        n_products=10,
        slots=2,
    )
    assert len(result.per_user) == 0
    assert result.metrics["users"].tolist() == [0] * len(result.metrics)
    assert set(result.metrics["metric"]) == {"value_found", "coverage", "novelty", "overlap_sql", "first_changed_sql"}


def test_lists_of_people_with_nothing_held_out_count_for_nothing():
    without = _evaluate(SHARES, {"sql": SYSTEMS["sql"][SYSTEMS["sql"]["profile"] != 4]})
    other = _evaluate(SHARES, {"sql": pd.concat([SYSTEMS["sql"], _ranked({4: [7, 8]})])})
    pd.testing.assert_frame_equal(without.metrics, other.metrics)


def test_ceiling_finds_what_the_candidates_hold():
    reachable = pd.DataFrame({"profile": [2, 0, 2, 2], "product": [7, 5, 5, 7]})
    ideal = ideal_lists(reachable)
    assert ideal[["profile", "product", "rank"]].to_numpy().tolist() == [[0, 5, 1], [2, 5, 1], [2, 7, 2]]
    result = _evaluate(SHARES, {"ceiling": ideal})
    assert _value(result, "ceiling", "all", 1, "recall")[0] == pytest.approx((1 + 0 + 0.5 + 0) / 4)
    assert _value(result, "ceiling", "all", 2, "recall")[0] == pytest.approx((1 + 0 + 1 + 0) / 4)


def test_a_week_in_which_nobody_bought_has_no_ideal_lists():
    ideal = ideal_lists(HELD_OUT.head(0))
    assert (len(ideal), list(ideal.columns)) == (0, ["profile", "product", "score", "rank"])


def test_likelihood_is_of_the_rows_that_took_a_candidate():
    # Bob's part is no candidate; ann's second week has one that is and one that is not.
    held_out = HELD_OUT.assign(nll_blend=[2.0, np.nan, 5.0, np.nan, 3.0])
    result = _evaluate(SHARES, held_out=held_out)
    nll = result.per_user.set_index("system")["nll"]
    assert nll["blend"].tolist() == pytest.approx([2.0, np.nan, 5.0, 3.0], nan_ok=True)
    assert nll["sql"].isna().all()
    assert _value(result, "blend", "all", 0, "nll") == (pytest.approx(10 / 3), 2, 2)
    assert _value(result, "blend", "cold", 0, "nll") == (2.5, 2, 2)
    assert _value(result, "blend", "warm", 0, "nll") == (5.0, 1, 1)
    assert _value(result, "blend", "population", 0, "nll") == (pytest.approx(0.9 * 2.5 + 0.1 * 5.0), 2, 2)
    of_nll = result.metrics[result.metrics["metric"] == "nll"]
    assert set(of_nll["system"]) == {"blend"}


def test_held_out_purchases_by_reason():
    held_out = pd.DataFrame({"reason": ["fits", "universal", "fits", "does not fit"]})
    expected = pd.DataFrame({"reason": ["fits", "does not fit", "universal"], "purchases": [2, 1, 1], "share": [0.5, 0.25, 0.25]})
    pd.testing.assert_frame_equal(ceiling(held_out), expected)
    assert len(ceiling(held_out.head(0))) == 0


def test_what_was_found_is_worth_its_price():
    result = _evaluate(SHARES, SYSTEMS | {"ceiling": _ranked({0: [5], 1: [6], 2: [5, 7], 3: [8]})})
    values = {
        system: [_value(result, system, "all", k, "value_found")[0] for k in (1, 2)] for system in ("sql", "blend", "ceiling")
    }
    # SQL finds ann's part 5 at rank 2; the blend 5 and 6 and 7 at rank 1, and 5 again, in ann's second week, at rank 2.
    assert values == {"sql": [0, 50], "blend": [50 + 60 + 70, 50 + 60 + 70 + 50], "ceiling": [50 + 60 + 50 + 80, 310]}

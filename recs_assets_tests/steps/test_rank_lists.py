"""Each source's list of every profile, and the promise that alpha = 1 is SQL, row for row."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

from recs_assets import settings_file
from recs_assets.ranking.rules import PartAttributes
from recs_assets.resources.store.artifact import Artifact
from recs_assets.steps import rank_lists
from recs_assets.steps.rank_lists import profile_recommendations, ranked_lists
from recs_assets_tests.conftest import Run

SETTINGS = settings_file.load()
INPUTS = ["hetero_graph", "user_nodes", "vehicle_nodes", "product_nodes", "sql_scores", "user_scores", "product_similarities"]
N_PARTS = 8
# Part 7 is universal; parts 0 and 1 are variants of each other; otherwise every part is a kind of its own.
PARTS = PartAttributes(
    variant_group=np.array([0, 0, -1, -1, -1, -1, -1, -1]),
    part_type=np.arange(N_PARTS),
    is_universal=np.array([False] * 7 + [True]),
)
# 10 LN(81) is 8 LN(243) but for one rounding, by which it has to stay above it.
SQL = pd.DataFrame(
    [
        (0, 0, 10 * math.log(81), "model"),
        (0, 1, 8 * math.log(243), "make"),
        (0, 2, 8 * math.log(243), "make"),
        (0, 3, 0.0, "global"),
        (1, 6, 0.0, "global"),
        (1, 7, 0.0, "global"),
    ],
    columns=["profile", "product", "score", "pop_source"],
)
MODEL = pd.DataFrame(
    [
        (0, 5, 2.0, "popularity_fast"),
        (0, 2, 1.0, "cosine_30d brand popularity_fast"),
        (0, 0, -3.0, "walk"),
        (1, 6, 4.0, "garage_fitment vehicle"),
        (1, 4, 3.0, ""),
    ],
    columns=["profile", "product", "score", "channels"],
)
SIMILAR = pd.DataFrame([(4, 3, 0.9)], columns=["product", "neighbour", "similarity"])
# The owner of profile 0 has bought part 4, that of profile 1 nothing.
HISTORY = sparse.csr_array(([1.0], ([0], [4])), shape=(2, N_PARTS))


def lists(source: str, alpha: dict[str, float] | None = None) -> pd.DataFrame:
    """The lists with what each row is made of, the most important first: column terms."""
    listed, terms = ranked_lists(
        source=source,
        alpha=alpha,
        strata=pd.Series(["warm", "cold"]),
        sql_scores=SQL,
        user_scores=MODEL,
        similarities=SIMILAR,
        history=HISTORY,
        parts=PARTS,
        settings=SETTINGS,
    )
    return listed.assign(terms=[" ".join(terms.names[code] for code in codes if code >= 0) for codes in terms.codes])


def whole(inputs: Mapping[str, Artifact], **options: Any) -> pa.Table:
    return pa.concat_tables(profile_recommendations(inputs, settings=SETTINGS, **options))


def rows(ranked: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return list(ranked[["profile", "rank", "product", *columns]].itertuples(index=False, name=None))


def test_sql_alone_is_in_the_order_of_its_scores_with_ties_by_part() -> None:
    assert rows(lists("sql"), "terms") == [
        (0, 1, 0, "sql_model"),
        (0, 2, 2, "sql_make"),
        (0, 3, 3, "sql_global"),
        (1, 1, 6, "sql_global"),
        (1, 2, 7, "sql_global"),
    ]


def test_alpha_one_is_sql_row_for_row() -> None:
    blended = lists("blend", {"cold": 1.0, "warm": 1.0, "hot": 1.0})
    columns = ["score", "sql_score", "gnn_score", "terms"]
    assert rows(blended, *columns) == rows(lists("sql"), *columns)
    assert (blended["gnn_score"] == 0).all()


def test_alpha_zero_is_the_model_alone() -> None:
    blended = lists("blend", {"cold": 0.0, "warm": 0.0, "hot": 0.0})
    assert rows(blended, "score", "terms") == [
        (0, 1, 5, 1.0, "popularity_fast"),
        (0, 2, 2, 0.8, "cosine_30d brand popularity_fast"),
        (0, 3, 0, 0.0, "walk"),
        (1, 1, 6, 1.0, "garage_fitment vehicle"),
        (1, 2, 4, 0.0, ""),
    ]


def test_each_stratum_has_an_alpha_of_its_own() -> None:
    blended = lists("blend", {"cold": 1.0, "warm": 0.0, "hot": 0.5})
    assert rows(blended[blended["profile"] == 0]) == [(0, 1, 5), (0, 2, 2), (0, 3, 0)]
    assert rows(blended[blended["profile"] == 1]) == rows(lists("sql"))[-2:]


def test_similar_parts_lift_what_goes_with_the_owners_history() -> None:
    lifted_lists = lists("similarity")
    assert set(lifted_lists["product"]) == set(lists("sql")["product"])
    lifted = lifted_lists[(lifted_lists["profile"] == 0) & (lifted_lists["product"] == 3)].iloc[0]
    assert (lifted["score"], lifted["terms"]) == (pytest.approx(0.45), "similarity sql_global")
    assert rows(lifted_lists[lifted_lists["profile"] == 1]) == rows(lists("sql"))[-2:]


def test_alpha_one_is_sql_row_for_row_on_the_whole_planted_world(first_run: Run) -> None:
    inputs = {name: first_run.place.artifact(name) for name in INPUTS}
    ones = {"cold": 1.0, "warm": 1.0, "hot": 1.0}
    blended = whole(inputs, source="blend", alpha=ones)
    sql = whole(inputs, source="sql", alpha=None)
    assert blended.drop_columns(["source"]).equals(sql.drop_columns(["source"]))
    assert sql.num_rows > 1_000


@pytest.mark.parametrize("source", ["sql", "similarity", "blend"])
def test_how_many_profiles_are_ranked_at_once_changes_nothing(
    first_run: Run, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = {name: first_run.place.artifact(name) for name in INPUTS}
    alpha = {"cold": 0.5, "warm": 0.3, "hot": 0.7}
    at_once = whole(inputs, source=source, alpha=alpha)
    monkeypatch.setattr(rank_lists, "PROFILES_AT_ONCE", 37)
    monkeypatch.setattr(rank_lists, "PROFILES_OF_A_THREAD", 5)
    in_blocks = list(profile_recommendations(inputs, source=source, alpha=alpha, settings=SETTINGS))
    assert len(in_blocks) > 2
    assert pa.concat_tables(in_blocks).equals(at_once)


@pytest.mark.parametrize("source", ["sql", "similarity", "blend"])
def test_every_row_names_its_source(first_run: Run, source: str) -> None:
    inputs = {name: first_run.place.artifact(name) for name in INPUTS}
    alpha = {"cold": 0.5, "warm": 0.5, "hot": 0.5} if source == "blend" else None
    listed = whole(inputs, source=source, alpha=alpha)
    assert set(listed["source"].to_pylist()) == {source}
    assert all(text.strip() for text in listed["reason_text"].to_pylist())

"""Scores of profiles, some at a time."""

import pyarrow as pa
import pytest

from recs_assets import settings_file
from recs_assets.asset_files import GRAPH, MODEL, PROFILES, TOWERS
from recs_assets.steps import score_profiles as profiles
from recs_assets_tests.conftest import Run
from recs_assets_tests.slow.comparison import SCORE_ROUNDING


def blocks(run: Run) -> list[pa.Table]:
    model, graph = run.place.artifact("trained_model"), run.place.artifact("hetero_graph")
    return list(
        profiles.scores(
            graph_file=graph.path(GRAPH),
            model_file=model.path(MODEL),
            towers_file=model.path(TOWERS),
            as_of=graph.as_of,
            profiles=graph.table(PROFILES),
            user_ids=run.place.table("user_nodes")["user_id"],
            product_ids=run.place.table("product_nodes")["product_id"],
            settings=settings_file.load(),
        )
    )


def test_how_many_profiles_are_scored_at_once_changes_nothing(first_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (at_once,) = blocks(first_run)
    monkeypatch.setattr(profiles, "PROFILES_AT_ONCE", 31)
    in_blocks = blocks(first_run)
    assert len(in_blocks) > 2
    scores, expected = pa.concat_tables(in_blocks).to_pandas(), at_once.to_pandas()
    assert scores["profile_id"].is_monotonic_increasing
    keys = ["profile_id", "product_id", "channels"]
    assert scores[keys].astype(str).equals(expected[keys].astype(str))
    assert scores["score"].to_numpy() == pytest.approx(expected["score"].to_numpy(), abs=SCORE_ROUNDING)

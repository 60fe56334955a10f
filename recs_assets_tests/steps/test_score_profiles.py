"""Scores of profiles, some at a time, and in shards."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import torch

from recs_assets.asset_files import GRAPH, MODEL, PROFILES, TOWERS
from recs_assets.gnn import scoring
from recs_assets.gnn.towers.residual import Residual
from recs_assets.steps import score_profiles as profiles
from recs_assets_tests.conftest import Run
from recs_assets_tests.slow.comparison import SCORE_ROUNDING

KEYS = ["profile_id", "product_id", "channels"]


@pytest.fixture
def towers_that_count(first_run: Run, tmp_path: Path) -> Path:
    """The run's towers as if they had earned their place."""
    saved = torch.load(first_run.place.artifact("trained_model").path(TOWERS), weights_only=True)
    torch.nn.init.eye_(saved["towers"]["user_out.weight"])
    torch.save(saved | {"scales": {"cold": 1.0, "warm": 0.5, "hot": 0.25}}, tmp_path / TOWERS)
    return tmp_path / TOWERS


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Of whom vectors are made, a list a time."""
    times: list[list[int]] = []
    added = Residual.added
    monkeypatch.setattr(Residual, "added", lambda self, past, users: times.append(users.tolist()) or added(self, past, users))
    return times


def blocks(run: Run, towers: Path, shard: int = 0, shards: int = 1) -> list[pa.Table]:
    model, graph = run.place.artifact("trained_model"), run.place.artifact("hetero_graph")
    return list(
        profiles.scores(
            graph_file=graph.path(GRAPH),
            model_file=model.path(MODEL),
            towers_file=towers,
            as_of=graph.as_of,
            profiles=graph.table(PROFILES),
            user_ids=run.place.table("user_nodes")["user_id"],
            product_ids=run.place.table("product_nodes")["product_id"],
            settings=run.place.settings,
            shard=shard,
            shards=shards,
        )
    )


def rows_of(tables: list[pa.Table]) -> pd.DataFrame:
    frame: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return frame.astype(dict.fromkeys(KEYS, str))


def test_how_many_profiles_are_scored_at_once_changes_nothing(
    first_run: Run, towers_that_count: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (at_once,) = blocks(first_run, towers_that_count)
    monkeypatch.setattr(profiles, "PROFILES_AT_ONCE", 31)
    in_blocks = blocks(first_run, towers_that_count)
    assert len(in_blocks) > 2
    scores, expected = rows_of(in_blocks), rows_of([at_once])
    assert scores["profile_id"].is_monotonic_increasing
    assert scores[KEYS].equals(expected[KEYS])
    assert scores["score"].to_numpy() == pytest.approx(expected["score"].to_numpy(), abs=SCORE_ROUNDING)


def test_vectors_are_made_once_however_many_blocks_there_are(
    first_run: Run, towers_that_count: Path, asked: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "PROFILES_AT_ONCE", 31)
    in_blocks = blocks(first_run, towers_that_count)
    assert len(in_blocks) > 2
    assert [len(users) for users in asked] == [first_run.place.artifact("hetero_graph").table(PROFILES).num_rows]


def test_a_profile_gets_the_same_bits_in_whichever_shard_it_is(
    first_run: Run, towers_that_count: Path, asked: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "ROWS_PER_CHUNK", 5)
    whole = rows_of(blocks(first_run, towers_that_count))
    shards = [rows_of(blocks(first_run, towers_that_count, shard, 3)) for shard in range(3)]
    people = [set(shard["profile_id"]) for shard in shards]
    assert min(map(len, people)) > 0
    assert sum(map(len, people)) == len(set.union(*people)), "a profile is in one shard"
    together = pd.concat(shards).sort_values("profile_id", kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(together, whole, check_exact=True)
    # So few vectors come out alike in whatever company; that of thousands is the same by this.
    assert asked == [asked[0]] * 4


def test_how_many_candidates_are_held_at_once_changes_no_bit(
    first_run: Run, towers_that_count: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "ROWS_PER_CHUNK", 5)
    held: list[int] = []
    top_scores = scoring.top_scores

    def counted(*arguments: Any) -> pd.DataFrame:
        held.append(arguments[3].shape[0])
        return top_scores(*arguments)

    monkeypatch.setattr(scoring, "top_scores", counted)
    at_once = rows_of(blocks(first_run, towers_that_count))
    (n_profiles,) = held
    monkeypatch.setattr(profiles, "CANDIDATES_AT_ONCE", 1)
    monkeypatch.setattr(profiles, "CHUNKS_BESIDE", 2)
    pd.testing.assert_frame_equal(rows_of(blocks(first_run, towers_that_count)), at_once, check_exact=True)
    assert max(held[1:]) == 10
    assert sum(held[1:]) == n_profiles


def test_a_shard_is_a_matter_of_the_ids_alone_and_holds_whole_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "ROWS_PER_CHUNK", 4)
    ids = pa.array([f"user:{number:02d}" for number in range(18)])
    alone = profiles.of_shard(ids, 0, 1).tolist()
    assert sorted(alone) == list(range(18))
    assert alone != sorted(alone), "they are mixed"
    assert profiles.of_shard(ids, 0, 2).tolist() == [*alone[:4], *alone[8:12], *alone[16:]]
    assert profiles.of_shard(ids, 1, 2).tolist() == [*alone[4:8], *alone[12:16]]
    assert profiles.of_shard(ids, 7, 8).tolist() == []

"""Scores in one step or in several mapped ones: the same files to the bit, and the same version."""

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from recs_assets.asset_files import USER_SCORES
from recs_assets.assets import serving, sharding
from recs_assets.expectations import expected
from recs_assets.gnn import scoring
from recs_assets.settings import Settings
from recs_assets.steps import score_profiles
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place


def with_shards(settings: Settings, shards: int) -> Settings:
    return settings.model_copy(update={"scoring": settings.scoring.model_copy(update={"shards": shards})})


def scored(place: Place, asset: dg.AssetsDefinition) -> tuple[str, bytes, dg.ExecuteInProcessResult]:
    """The version of the week's scores and the bytes of their file, made anew."""
    result = dg.materialize(
        expected(place.settings.schedules.model_copy(update={"first_week": WEEK, "last_week": NEXT_WEEK}), [asset]),
        partition_key=NEXT_WEEK,
        instance=place.instance,
        resources={"settings": place.settings, "store": place.store},
    )
    made = place.artifact("user_scores", NEXT_WEEK)
    return made.version, made.path(USER_SCORES).read_bytes(), result


def test_one_shard_or_eight_give_the_same_bytes(night: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # So few at once that a few dozen profiles make several blocks, and every block chunks for every shard.
    monkeypatch.setattr(score_profiles, "PROFILES_AT_ONCE", 31)
    monkeypatch.setattr(scoring, "ROWS_PER_CHUNK", 3)
    alone, place = (night.place.copy(tmp_path / name) for name in ("alone", "eight"))
    version, content, _ = scored(alone, serving.user_scores)
    assert version != night.place.artifact("user_scores", NEXT_WEEK).version, "it was made in other blocks, and is another file"
    in_eight = replace(place, settings=with_shards(place.settings, 8))
    assert in_eight.settings.hash == place.settings.hash
    version_of_eight, content_of_eight, result = scored(in_eight, sharding.user_scores)
    assert (version_of_eight, content_of_eight == content) == (version, True)
    steps = {event.step_key for event in result.all_events if event.is_step_success}
    mapped = {f"user_scores.score_shard[{shard}]" for shard in range(8)}
    assert steps == {"user_scores.split_profiles", *mapped, "user_scores.merge_shards"}
    rows = [place.artifact(sharding.SHARD.format(shard), NEXT_WEEK).n_rows(USER_SCORES) for shard in range(8)]
    assert sum(rows) == place.table("user_scores", NEXT_WEEK).num_rows
    assert min(rows) > 0
    (shown,) = result.get_asset_materialization_events()
    assert shown.materialization.metadata["dagster/row_count"].value == sum(rows)

"""The best possible rankers beside an evaluation: in the demo world alone, and never above what its candidates allow."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import write_world
from recs_assets.report import yardsticks
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import WEEK, Place


def yardsticks_of(place: Place, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Mapping[str, float]]:
    monkeypatch.setenv("RECS_SOURCE", str(place.source))
    return yardsticks.gather(place.store, place.settings, WEEK)


def test_they_are_measured_on_the_same_people(first_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    recalls = yardsticks_of(first_run.place, monkeypatch)
    assert list(recalls) == ["informed", "clairvoyant"]
    metrics = first_run.place.artifact("offline_metrics").table("metrics.parquet").to_pandas()
    recall = metrics[(metrics["metric"] == "recall") & (metrics["k"] == 10)]
    for system, best in (("popularity", max), ("ceiling", min)):
        measured = recall[recall["system"] == system].set_index("stratum")["value"].to_dict()
        for of_one in recalls.values():
            assert measured.keys() == of_one.keys()
            assert best(measured["all"], of_one["all"]) == of_one["all"]


def test_there_are_none_elsewhere(first_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = first_run.place.copy(tmp_path)
    monkeypatch.setenv("RECS_SOURCE", str(place.source))
    views = place.settings.evaluation.model_copy(update={"relevance": "any"})
    assert yardsticks.gather(place.store, place.settings.model_copy(update={"evaluation": views}), WEEK) == {}
    # The log of this home is not of the world that lies in its source by now.
    write_world(place.source, PRESETS["tiny"], seed=2)
    assert yardsticks_of(place, monkeypatch) == {}
    write_world(place.source, PRESETS["tiny"], seed=1)
    assert yardsticks_of(place, monkeypatch) != {}
    shutil.rmtree(place.home / "store" / "hetero_graph")
    assert yardsticks_of(place, monkeypatch) == {}
    shutil.rmtree(place.source / "truth")
    assert yardsticks_of(place, monkeypatch) == {}
    shutil.rmtree(place.home / "store" / "offline_metrics")
    assert yardsticks_of(place, monkeypatch) == {}

"""The facts of a report: of one origin, and gathered without what no report of this store would say."""

import shutil
from pathlib import Path

import pytest

from recs_assets.report import planted
from recs_assets.report.facts import Facts, gather
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import WEEK, Place, messages


def facts_of(place: Place, monkeypatch: pytest.MonkeyPatch) -> Facts:
    monkeypatch.setenv("RECS_HOME", str(place.home))
    monkeypatch.setenv("RECS_SOURCE", str(place.source))
    return gather(place.warehouse, place.store, place.settings, WEEK)


def planted_of(place: Place, facts: Facts) -> planted.Planted | None:
    return planted.gather(place.warehouse, place.store, place.settings, WEEK, facts.served)


def test_sqls_list_is_made_from_what_the_served_list_was_made_from(
    first_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = planted_of(first_run.place, facts_of(first_run.place, monkeypatch))
    assert before is not None
    assert before.sarah
    place = first_run.place.copy(tmp_path)
    # The users are exported anew, without the first one: rows of the graph mean other people beside them.
    place.rewrite("users", place.read_source("users").slice(1))
    assert messages(place.materialize(["raw_users", "user_nodes"], WEEK)) == {}
    assert place.artifact("user_nodes").version != first_run.place.artifact("user_nodes").version
    assert planted_of(place, facts_of(place, monkeypatch)) == before


def test_what_is_served_from_files_that_have_been_removed_is_told_of_without_them(
    first_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = first_run.place.copy(tmp_path)
    shutil.rmtree(place.home / "store" / "sql_scores")
    facts = facts_of(place, monkeypatch)
    assert (planted_of(place, facts), facts.served is not None) == (None, True)
    shutil.rmtree(place.home / "store" / "recommendations")
    assert planted_of(place, facts_of(place, monkeypatch)) is None


def test_outside_the_demo_world_nobodys_list_is_ranked_again(
    first_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = first_run.place.copy(tmp_path)
    shutil.rmtree(place.source / "truth")
    for asset in ("sql_scores", "user_scores", "product_similarities", "hetero_graph"):
        shutil.rmtree(place.home / "store" / asset)
    facts = facts_of(place, monkeypatch)
    assert planted_of(place, facts) is None
    assert facts.served is not None
    assert (facts.served.n_users, facts.served.source, facts.served.model_week) == (500, "blend", WEEK)


def test_a_week_that_was_only_learned_from_has_figures_and_nothing_served(
    first_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = first_run.place.copy(tmp_path)
    (place.home / "warehouse.duckdb").unlink()
    shutil.rmtree(place.home / "store" / "recommendations")
    facts = facts_of(place, monkeypatch)
    assert (facts.served, facts.lists, planted_of(place, facts)) == (None, None, None)
    assert facts.measured is not None
    metrics = place.artifact("offline_metrics").table("metrics.parquet").to_pandas()
    known = metrics.query("system == 'blend' and k == 10 and metric == 'recall'").set_index("stratum")["value"]
    assert facts.measured.comparison.recall["blend"] == known.to_dict()
    assert facts.measured.comparison.users["all"] == metrics.query("system == 'sql' and stratum == 'all'")["users"].iloc[0]
    assert facts.measured.gate.decision == place.artifact("offline_metrics").facts["decision"]

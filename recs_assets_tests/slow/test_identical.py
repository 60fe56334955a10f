"""What the tiny world's people are served is what the slow computation gives them; and it would tell if it were not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from recs_assets import settings_file
from recs_assets.asset_files import GRAPH, MODEL, PROFILES
from recs_assets.gnn import graph
from recs_assets.gnn.channels import optional
from recs_assets.gnn.channels.evidence import Evidence, channel_names
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.gnn.channels.optional import with_selected
from recs_assets.gnn.scoring import weighted
from recs_assets.gnn.snapshots import microseconds, snapshot
from recs_assets.gnn.towers.residual import Residual
from recs_assets.gnn.towers.two_towers import TwoTowers
from recs_assets.steps.rank_lists import profile_recommendations
from recs_assets_tests.conftest import Run
from recs_assets_tests.slow.__main__ import main, report, sample
from recs_assets_tests.slow.channels import Channels
from recs_assets_tests.slow.comparison import (
    SCORE_ROUNDING,
    TIE,
    Agreement,
    NotComparableError,
    agreement,
    served_lists,
    serving,
)
from recs_assets_tests.slow.lists import Listed, Serving
from recs_assets_tests.slow.towers import Towers
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place, settings_with

SETTINGS = settings_file.load()
INPUTS = ["hetero_graph", "user_nodes", "vehicle_nodes", "product_nodes", "sql_scores", "user_scores", "product_similarities"]
LISTED = Listed(["a", "b", "c"], [0.9, 0.5, 0.5 - TIE / 2], {"a": 0.9, "b": 0.5, "c": 0.5 - TIE / 2, "d": 0.5, "e": 0.1})


ServedLists = Mapping[str, Sequence[tuple[str, float]]]


def served_and_slow(place: Place, week: str) -> tuple[ServedLists, Serving]:
    slow = serving(place.store, week, place.settings)
    return served_lists(place.home / "warehouse.duckdb", place.store, week, slow.world.users), slow


def agreements(place: Place, week: str) -> list[Agreement]:
    served, slow = served_and_slow(place, week)
    return [agreement(served[name], slow.listed(user)) for user, name in enumerate(slow.world.users)]


@pytest.mark.parametrize("week", [WEEK, NEXT_WEEK])
def test_everybody_is_served_the_slow_list(first_run: Run, night: Run, week: str) -> None:
    compared = agreements({WEEK: first_run, NEXT_WEEK: night}[week].place, week)
    assert len(compared) == 500
    assert all(one.same and one.largest_difference < SCORE_ROUNDING for one in compared)


def test_so_they_are_under_other_settings(first_run: Run, tmp_path: Path) -> None:
    other = {
        "candidates": {"require_fitment": False, "kept": 40},
        "rules": {"max_per_part_type": 1, "max_universal": 0, "exclude_bought_variants": False, "list_length": 10},
        "sql": {"model_min_orders": 2, "make_min_orders": 4},
    }
    place = first_run.place.copy(tmp_path, settings=settings_with(tmp_path, other))
    assets = ["sql_scores", "user_scores", "recommendations", "published_recommendations"]
    assert place.materialize(assets, WEEK).success
    compared = agreements(place, WEEK)
    assert len(compared) == 500
    assert all(one.same and one.largest_difference < SCORE_ROUNDING for one in compared)


def test_sql_alone_the_model_alone_and_half_of_each_agree(first_run: Run) -> None:
    inputs = {name: first_run.place.artifact(name) for name in INPUTS}
    alpha = {"cold": 1.0, "warm": 0.0, "hot": 0.5}
    tables = profile_recommendations(inputs, source="blend", alpha=alpha, settings=SETTINGS)
    rows = [row for table in tables for row in table.to_pylist()]
    slow = replace(serving(first_run.place.store, WEEK, SETTINGS), alpha=alpha)
    profiles = inputs["hetero_graph"].table(PROFILES).to_pylist()
    assert {profile["stratum"] for profile in profiles} == set(alpha)
    for profile in profiles:
        served = [(row["product_id"], row["final_score"]) for row in rows if row["profile_id"] == profile["profile_id"]]
        compared = agreement(served, slow.listed(slow.world.users.index(profile["user_id"])))
        assert compared.same
        assert compared.largest_difference < SCORE_ROUNDING


@pytest.fixture(scope="module")
def first(first_run: Run) -> tuple[ServedLists, Serving]:
    return served_and_slow(first_run.place, WEEK)


@pytest.mark.parametrize("column", range(len(channel_names(SETTINGS.model))))
def test_a_spoilt_weight_of_any_channel_is_noticed(first_run: Run, first: tuple[ServedLists, Serving], column: int) -> None:
    served, slow = first
    weights = torch.load(first_run.place.artifact("approved_model").path(MODEL), weights_only=True)["weights"]
    weights["base"][column] += 0.2
    spoilt = replace(slow, model=Channels(slow.world, weights))
    active = np.unique(slow.world.events.user).tolist()
    compared = [agreement(served[slow.world.users[user]], spoilt.listed(user)) for user in active]
    assert any(not one.same and not one.rounding for one in compared)


@pytest.mark.parametrize("names", [["walk_undecayed"], ["ease"], ["walk_undecayed", "ease"]])
def test_the_score_of_a_model_that_uses_optional_channels_agrees(first_run: Run, names: list[str]) -> None:
    known, weights = first_run.place.artifact("hetero_graph"), first_run.place.artifact("approved_model").path(MODEL)
    settings = with_selected(SETTINGS.model, names)
    model = GatedChannels(settings, torch.load(weights, weights_only=True)["weights"]["epsilon"])
    with torch.no_grad():
        model.base[-len(names) :] = 2.0  # far from what the others weigh
    past = snapshot(graph.load(known.path(GRAPH)), microseconds(known.as_of), SETTINGS.events)
    world = serving(first_run.place.store, WEEK, SETTINGS).world
    slow = Channels(world, model.state_dict(), [optional.SETTINGS[name] for name in names])
    users = np.array([*np.unique(world.events.user)[:20], *range(0, 500, 50)])
    every, evidence = sparse.csr_array(np.ones((len(users), past.n_products), dtype=bool)), Evidence(past, settings)
    features = evidence.features(users, every)
    logs = model.log_evidence(features, model.of_parts(evidence.popularity), every.indices)
    fast = weighted(model, logs, past.state[users], every).sum(axis=1).reshape(every.shape)
    np.testing.assert_allclose(fast, [slow.scores(user) for user in users.tolist()], rtol=1e-4, atol=1e-4)
    for number, name in enumerate(names, features.shape[1] - len(names)):
        column = features[:, number].reshape(every.shape)
        own = getattr(slow, optional.SETTINGS[name])
        np.testing.assert_allclose(column, [own(user) for user in users.tolist()], rtol=1e-4, atol=1e-5)
        assert (np.ptp(column, axis=1) > {"walk_undecayed": 1, "ease": 0.01}[name]).sum() >= 20


@pytest.mark.parametrize("encoder", ["gat", "mean"])
@pytest.mark.parametrize("hops", [1, 2])
def test_the_vectors_of_towers_agree(first_run: Run, tmp_path: Path, encoder: str, hops: int) -> None:
    options: dict[str, Any] = {"encoder": encoder, "hops": hops, "dimension": 16, "neighbours": 4, "hash_buckets": 500}
    settings = settings_with(tmp_path, {"towers": options})
    torch.manual_seed(1)
    towers = TwoTowers(settings.towers)
    torch.nn.init.normal_(towers.user_out.weight)
    known = first_run.place.artifact("hetero_graph")
    past = snapshot(graph.load(known.path(GRAPH)), microseconds(known.as_of), settings.events)
    slow = serving(first_run.place.store, WEEK, settings)
    assert isinstance(slow.model, Channels)
    scales = {"cold": 1.0, "warm": 0.5, "hot": 0.25}
    own, fast = Towers(slow.model, towers.state_dict(), scales), Residual(towers, scales, settings)
    users = np.array([*np.unique(slow.world.events.user)[:20], *range(0, 500, 25)])
    of_users, of_products = fast.vectors(past, users)
    np.testing.assert_allclose(np.stack([own.user(user) for user in users.tolist()]), of_users, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(own.products, of_products, rtol=1e-4, atol=1e-4)
    assert np.ptp(of_products, axis=0).min() > 0.1
    assert {slow.world.stratum(user) for user in users.tolist()} == set(scales)
    counted = [scales[slow.world.stratum(user)] for user in users.tolist()]
    np.testing.assert_array_equal(fast.scales_of(past, users), np.array(counted, dtype=np.float32))
    added = own.scores(7) - slow.model.scores(7)
    np.testing.assert_allclose(added, scales[slow.world.stratum(7)] * (own.products @ own.user(7)))


@pytest.mark.parametrize(
    ("served", "rounding"),
    [
        ([("a", 0.9), ("c", 0.5), ("b", 0.5)], True),
        ([("a", 0.9), ("d", 0.5), ("c", 0.5)], True),
        ([("b", 0.9), ("a", 0.5), ("c", 0.5)], False),
        ([("a", 0.9), ("b", 0.5), ("e", 0.5)], False),
        ([("a", 0.9), ("b", 0.5), ("unknown", 0.5)], False),
        ([("a", 0.9), ("b", 0.5)], False),
    ],
)
def test_only_parts_that_score_the_same_may_change_places(served: list[tuple[str, float]], rounding: bool) -> None:
    compared = agreement(served, LISTED)
    assert (compared.same, compared.rounding) == (False, rounding)


def test_a_score_of_its_own_is_noticed_in_the_same_order() -> None:
    compared = agreement([("a", 0.9), ("b", 0.6), ("c", 0.5)], LISTED)
    assert (compared.same, compared.rounding) == (True, False)
    assert compared.largest_difference == pytest.approx(0.1)


def test_the_command_compares_what_is_served(
    first_run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECS_HOME", str(first_run.place.home))
    assert main(["--week", WEEK, "--users", "100", "--seed", "2"]) == 0
    assert "100 of 100 lists hold the same parts in the same order." in capsys.readouterr().out
    assert main(["--week", "2010-01-04"]) == 1
    assert "there is no recommendations for week 2010-01-04" in capsys.readouterr().err


def test_the_status_of_the_command_is_1_where_a_list_differs() -> None:
    same, tied = Agreement(True, 0.0, True), Agreement(False, 0.0, True)
    assert report([same, tied]) == 0
    assert report([same, tied, Agreement(False, 0.5, False)]) == 1


def test_half_of_the_sample_has_events(first_run: Run) -> None:
    world = serving(first_run.place.store, WEEK, SETTINGS).world
    active = set(world.events.user.tolist())
    users = sample(world, 40, seed=3)
    assert len(set(users)) == 40
    assert active.issuperset(users[:20])
    assert not active.issuperset(users)
    assert sample(world, 40, seed=3) == users != sample(world, 40, seed=4)
    assert sorted(sample(world, 10_000, seed=3)) == list(range(500))


def test_a_list_made_from_other_files_is_not_compared(first_run: Run, tmp_path: Path) -> None:
    place = first_run.place.copy(tmp_path, settings=settings_with(tmp_path, {"rules": {"min_price": 60.0}}))
    assert place.materialize(["product_nodes"], WEEK).success
    with pytest.raises(NotComparableError, match="product_nodes of week 2026-09-28 has been made anew"):
        serving(place.store, WEEK, place.settings)


def test_a_list_that_is_not_the_served_one_is_not_compared(first_run: Run, tmp_path: Path) -> None:
    place = first_run.place.copy(tmp_path, settings=settings_with(tmp_path, {"rules": {"list_length": 10}}))
    assert place.materialize(["recommendations"], WEEK).success
    with pytest.raises(NotComparableError, match="week 2026-09-28 is not served with the newest list"):
        served_lists(place.home / "warehouse.duckdb", place.store, WEEK, [])

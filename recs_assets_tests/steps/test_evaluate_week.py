"""One held-out week in one pass: five users by hand, and the tiny world in chunks of any size."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from recs_assets.asset_files import GRAPH, MODEL
from recs_assets.gnn import graph, scoring
from recs_assets.gnn.channels import optional
from recs_assets.gnn.channels.evidence import channel_names, path_names
from recs_assets.gnn.channels.gated_model import GatedChannels, load
from recs_assets.gnn.channels.optional import with_selected
from recs_assets.gnn.towers.residual import Residual
from recs_assets.gnn.towers.two_towers import TwoTowers
from recs_assets.ranking.strata import STRATA
from recs_assets.steps.cohort import Chunk, Cohort, cohort
from recs_assets.steps.compared_systems import ComparedSystems, ScoringModel, baselines_of
from recs_assets.steps.evaluate_week import evaluate_week
from recs_assets_tests.conftest import Run
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import AS_OF, FUTURE, PAST, PRODUCTS, world

START = dt.datetime(2026, 9, 21, tzinfo=dt.UTC)
BOTH = ("order", "any")


def _systems(people: Cohort, model: ScoringModel) -> ComparedSystems:
    alone = np.unique(people.held_out["order"]["profile"])
    return ComparedSystems(baselines_of(people), model, {"kept": model}, alone)


def _by_garage_alone() -> GatedChannels:
    """A model whose score is log(1 + the share that a part has in what fits the garage)."""
    settings = five_users.settings().model
    model = GatedChannels(settings, torch.ones(len(path_names(settings))))
    with torch.no_grad():
        model.base.copy_(torch.tensor([float(name == "garage_fitment") for name in channel_names(settings)]))
    return model


def _parts(ranked: pd.DataFrame) -> dict[int, list[str]]:
    return {profile: [PRODUCTS[part] for part in rows["product"]] for profile, rows in ranked.groupby("profile")}


def test_lists_and_surprisals_by_hand() -> None:
    people = cohort(world([*PAST, *FUTURE]), AS_OF, five_users.settings(), BOTH)
    # u1, u3 and u4; u3's p2 does not fit, u4 takes p1 and u1 looks at p4.
    model = ScoringModel.of(people, _by_garage_alone(), towers=None)
    sql = pd.DataFrame({"profile": [0, 2, 2], "product": [3, 1, 3], "score": [2.0, 1.0, 2.0]})
    alphas = {"blend": ("model", np.array([1.0, 1.0, 0.0])), "kept": ("kept", np.ones(3))}

    lists, held_out = evaluate_week(people, _systems(people, model), sql, alphas)

    # Of u1's parts p1 and p3 have a half of what fits one of two vehicles, of u3's p3 all, of u4's p1 and p2 a half.
    by_model = {0: ["p1", "p3", "p4"], 1: ["p3", "p4"], 2: ["p1", "p2", "p4"]}
    assert _parts(lists["model"]) == _parts(lists["channels"]) == by_model
    assert _parts(lists["sql"]) == _parts(lists["kept"]) == {0: ["p4"], 2: ["p4", "p2"]}
    assert _parts(lists["blend"]) == {0: ["p4"], 2: by_model[2]}
    # Those who ordered nothing new have no list of single channels.
    assert _parts(lists["channel_garage_fitment"]) == {1: by_model[1], 2: by_model[2]}
    assert lists["model"]["rank"].tolist() == [1, 2, 3, 1, 2, 1, 2, 3]
    assert held_out["any"]["is_candidate"].tolist() == [True, False, True]
    assert held_out["order"]["is_candidate"].tolist() == [False, True]
    # Odds of 3/2 for what fits by a half, against 1 for the universal p4.
    for system in ("channels", "model"):
        assert held_out["any"][f"nll_{system}"].tolist() == pytest.approx([np.log(4), np.nan, np.log(4 / 1.5)], nan_ok=True)
    assert not [name for name in held_out["any"] if name.startswith("nll_") and name not in ("nll_channels", "nll_model")]


def test_each_model_uses_its_own_channels_where_others_use_more() -> None:
    settings = five_users.settings()

    def of(name: str, selected: list[str]) -> dict[str, list[float]]:
        """Scores of the single channel and of a model that uses it, in a week of which all of ``selected`` is worked out."""
        model = GatedChannels(with_selected(settings.model, [name]), torch.ones(len(path_names(settings.model))))
        with torch.no_grad():
            model.base[-1] = 2.0
        worked_out = settings.model_copy(update={"model": with_selected(settings.model, selected)})
        people = cohort(world([*PAST, *FUTURE]), AS_OF, worked_out, BOTH)
        (chunk,) = people.chunks()
        systems = _systems(people, ScoringModel.of(people, model, towers=None))
        return {system: scores.tolist() for names, _, scores in systems.scores(chunk) for system in names}

    alone = {name: of(name, [name]) for name in optional.SETTINGS}
    assert {name: of(name, list(optional.SETTINGS)) for name in optional.SETTINGS} == alone
    assert alone["ease"]["channels"] != alone["walk_undecayed"]["channels"]
    assert any(alone["walk_undecayed"]["channel_walk_undecayed"])
    # Of u3 and u4, who order something new, u3 has touched p3 alone, of which EASE says nothing to itself.
    assert not any(alone["ease"]["channel_ease"])


@dataclass(frozen=True)
class EvaluatedWeek:
    """Some people of the tiny world in one chunk, and what came of it."""

    people: Cohort
    arguments: tuple[Any, ...]
    whole: Chunk
    lists: dict[str, pd.DataFrame]
    held_out: dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def evaluated(first_run: Run) -> EvaluatedWeek:
    settings = first_run.place.settings
    few = settings.model_copy(update={"evaluation": settings.evaluation.model_copy(update={"max_users": 8})})
    people = cohort(graph.load(first_run.place.artifact("hetero_graph").path(GRAPH)), START, few, BOTH)
    torch.manual_seed(0)
    towers = TwoTowers(settings.towers)
    torch.nn.init.normal_(towers.user_out.weight)
    channels = load(first_run.place.artifact("trained_model").path(MODEL), settings.model)
    systems = _systems(people, ScoringModel.of(people, channels, Residual(towers, dict.fromkeys(STRATA, 0.1), settings)))
    (whole,) = people.chunks()
    popular = people.top(whole, systems.baselines["popularity"](whole))
    half = np.full(len(people.users), 0.5)
    arguments = (systems, popular, {"blend": ("model", half), "kept": ("kept", half)})
    return EvaluatedWeek(people, arguments, whole, *evaluate_week(people, *arguments))


@pytest.mark.parametrize(("rows", "entries"), [(1, 10**6), (7, 10**6), (10**6, 300)])
def test_chunks_of_any_size_give_the_same(
    evaluated: EvaluatedWeek, monkeypatch: pytest.MonkeyPatch, rows: int, entries: int
) -> None:
    monkeypatch.setattr(scoring, "ROWS_PER_CHUNK", rows)
    monkeypatch.setattr(scoring, "ENTRIES_PER_CHUNK", entries)
    chunks = list(evaluated.people.chunks())
    assert len(chunks) > 1
    assert np.concatenate([chunk.users for chunk in chunks]).tolist() == evaluated.people.users.tolist()
    assert all(len(chunk.users) <= rows and chunk.candidates.nnz <= entries for chunk in chunks)
    np.testing.assert_array_equal(np.concatenate([chunk.features for chunk in chunks]), evaluated.whole.features)

    lists, held_out = evaluate_week(evaluated.people, *evaluated.arguments)

    assert list(lists) == list(evaluated.lists)
    for name, ranked in evaluated.lists.items():
        pd.testing.assert_frame_equal(lists[name], ranked, obj=name)
    for relevance, frame in evaluated.held_out.items():
        assert frame["is_candidate"].any()
        pd.testing.assert_frame_equal(held_out[relevance], frame, rtol=1e-6)

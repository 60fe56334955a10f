"""The edge behind each kind of reason in a store of five users, and that a score falls where the edge is taken away."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from recs_assets.gnn.candidates import kept_candidates
from recs_assets.gnn.channels.evidence import Evidence, channel_names, path_names
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.gnn.explain.edges import Edges
from recs_assets.gnn.explain.explainer import Explainer, strongest_edges
from recs_assets.gnn.scoring import top_scores
from recs_assets.ranking.reasons import CODES, Terms, names_of, texts
from recs_assets.settings import Settings
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import OWNED, PAST, PRODUCTS, USERS, VEHICLES, past_of, world

HEARD = {"undecayed_walk": True, "ease": True}
SETTINGS = five_users.settings(model=HEARD, reasons={"popular_people": 2, "recent_days": 30, "trend": 2.0})
TERMS = (*channel_names(SETTINGS.model), "similarity", "sql_model", "sql_make", "sql_global", "tower")
# p4 is as similar to p2 as to p3, and less to p1.
SIMILAR = sparse.csr_array(([0.5, 0.5, 0.2], ([1, 2, 0], [3, 3, 3])), shape=(5, 5))

Edge = tuple[str, str | None, str | None, int | None]


def _explainer(settings: Settings = SETTINGS, events: Sequence[Any] = PAST, owned: Sequence[Any] = OWNED) -> Explainer:
    evidence = Evidence(past_of(world(events, owned)), settings.model)
    return Explainer(evidence, SIMILAR, settings.sql, settings.reasons, threads=2)


@pytest.fixture(scope="module")
def explainer() -> Explainer:
    return _explainer()


def _edge(explainer: Explainer, term: str, user: str, part: str) -> Edge | None:
    edges = explainer.edges(term, np.array([USERS.index(user)]), np.array([PRODUCTS.index(part)]))
    return _named(edges) if edges.code[0] >= 0 else None


def _named(edges: Edges) -> Edge:
    (code,), (history,), (vehicle,), (count,) = edges.code, edges.history, edges.vehicle, edges.count
    part = PRODUCTS[history] if history >= 0 else None
    return CODES[code], part, VEHICLES[vehicle] if vehicle >= 0 else None, int(count) if count >= 0 else None


@pytest.mark.parametrize(
    ("term", "user", "part", "edge"),
    [
        # u2 ordered p2 and p3; u1 ordered p2 as well, u3 has only looked at p3.
        ("walk", "u1", "p3", ("bought_together", "p2", None, 1)),
        ("cosine_20d", "u1", "p3", ("bought_together", "p2", None, 1)),
        ("cosine_10d", "u3", "p2", ("bought_with_viewed", "p3", None, 1)),
        # u1 has looked at p1 and ordered p2.
        ("walk", "u2", "p1", ("viewed_together", "p2", None, 1)),
        # Nobody leads from p3 to p1; and u1's own step from p1 to p2 is nobody else's.
        ("walk", "u3", "p1", None),
        ("walk", "u1", "p2", None),
        ("walk", "u4", "p3", None),
        ("walk_undecayed", "u1", "p3", ("bought_together", "p2", None, 1)),
        ("walk_undecayed", "u3", "p1", None),
        ("ease", "u1", "p3", ("bought_together", "p2", None, 1)),
        ("ease", "u2", "p1", ("viewed_together", "p2", None, 1)),
        # p3 speaks against p1 to whom has p3 alone; and that p1 goes with p2 is known from u1 alone.
        ("ease", "u3", "p1", None),
        ("ease", "u1", "p2", None),
        ("interest", "u1", "p1", ("looked_at", None, None, None)),
        ("interest", "u2", "p1", None),
        # u1's p1 and p2 are brakes, and of u1's brakes other than p1 there is p2; p5 has no type.
        ("part_type", "u1", "p1", ("same_part_type", "p2", None, None)),
        ("part_type", "u1", "p5", None),
        ("part_type", "u2", "p4", ("same_part_type", "p3", None, None)),
        # Types that follow from the history's are spoken of where they are the same.
        ("next_types", "u1", "p1", ("same_part_type", "p2", None, None)),
        ("next_types", "u1", "p3", None),
        ("brand", "u1", "p3", ("same_brand", "p1", None, None)),
        ("brand", "u1", "p4", None),
        ("variant_group", "u1", "p5", ("same_variant_group", "p1", None, None)),
        # p2 fits v1 and v2 alike, and v1 is the smaller; all of u1's history fits v1, three quarters of it v2.
        ("garage_fitment", "u1", "p2", ("fits_vehicle", None, "v1", None)),
        ("garage_fitment", "u2", "p1", None),
        ("garage_fitment", "u5", "p5", None),
        ("garage_usage", "u1", "p2", ("fits_vehicle", None, "v1", None)),
        ("garage_usage", "u1", "p3", ("fits_vehicle", None, "v2", None)),
        ("garage_usage", "u4", "p1", None),
        # Of v1's owners u1 has touched p2; of v2's owners u2 has, other than u1.
        ("vehicle", "u4", "p2", ("popular_with_vehicle", None, "v1", 1)),
        ("vehicle", "u1", "p2", ("popular_with_vehicle", None, "v2", 1)),
        ("vehicle", "u1", "p1", None),
        ("vehicle_model", "u4", "p3", ("popular_with_model", None, "v1", 1)),
        ("vehicle_model", "u3", "p2", None),
        # What types owners take to is told of a part that they took to.
        ("owner_types", "u4", "p3", ("popular_with_model", None, "v1", 1)),
        ("owner_types", "u4", "p4", None),
        ("vehicle_make", "u4", "p3", ("popular_with_make", None, "v1", 2)),
        ("vehicle_make", "u3", "p2", ("popular_with_make", None, "v3", 2)),
        ("sql_model", "u4", "p3", ("popular_with_model", None, "v1", 1)),
        # Two Ford owners had to do with p3, and it was an order of one of them that SQL has counted.
        ("sql_make", "u4", "p3", ("popular_with_make", None, "v1", 2)),
        ("sql_make", "u3", "p1", None),
        # p2: u1 and u2 within 30 days, u1 in the 30 days before. p3: u3 within, u2 before.
        ("popularity_fast", "u5", "p2", ("trending", None, None, 2)),
        ("popularity_slow", "u5", "p2", ("popular_in_store", None, None, 2)),
        ("popularity_fast", "u5", "p3", ("popular_in_store", None, None, 1)),
        ("popularity_fast", "u5", "p1", None),
        ("sql_global", "u5", "p3", ("popular_in_store", None, None, 1)),
        ("similarity", "u2", "p4", None),
        ("tower", "u1", "p3", None),
    ],
)
def test_the_edge_behind_a_term(explainer: Explainer, term: str, user: str, part: str, edge: Edge | None) -> None:
    assert _edge(explainer, term, user, part) == edge


def test_similar_parts_tie_to_the_smaller_id_and_count_people_who_bought_both() -> None:
    both = [*PAST, ("u4", "p2", "order", 9), ("u4", "p4", "order", 8), ("u5", "p4", "order", 7), ("u5", "p2", "order", 7)]
    assert _edge(_explainer(events=both), "similarity", "u2", "p4") == ("bought_together", "p2", None, 2)


def test_popular_now_is_what_does_not_rise_fast_enough_to_trend() -> None:
    steady = five_users.settings(model=HEARD, reasons={"popular_people": 2, "recent_days": 30, "trend": 2.5})
    assert _edge(_explainer(steady), "popularity_fast", "u5", "p2") == ("popular_now", None, None, 2)


def test_of_a_history_the_part_counts_whose_loss_would_lower_the_term_most() -> None:
    # u4 has an order of p2, three times as heavy as the view of p1. Of p2's three people one went on to p3, and of p1's two
    # one did: without p1 the mean of the walk falls, without p2 it would rise.
    events = [
        ("u1", "p1", "order", 5),
        ("u1", "p3", "order", 5),
        ("u2", "p2", "order", 5),
        ("u3", "p2", "order", 5),
        ("u3", "p3", "view", 5),
        ("u4", "p1", "view", 5),
        ("u4", "p2", "order", 5),
    ]
    explainer = _explainer(events=events)
    assert _edge(explainer, "walk", "u4", "p3") == ("bought_with_viewed", "p1", None, 1)
    assert _edge(explainer, "cosine_20d", "u4", "p3") == ("bought_with_viewed", "p1", None, 1)


def test_a_reason_falls_back_to_the_next_term_with_an_edge_and_at_last_to_what_is_true_of_the_part(explainer: Explainer) -> None:
    rows = [
        ("u1", "p2", ("walk", "tower", "part_type"), ("same_part_type", "p1", None, None)),
        ("u1", "p3", ("tower", "walk", "brand"), ("bought_together", "p2", None, 1)),
        ("u5", "p3", (), ("popular_in_store", None, None, 1)),
        # What is true of the person before what is the same for everybody, and of that what a term says.
        ("u4", "p2", ("popularity_slow", "vehicle"), ("popular_with_vehicle", None, "v1", 1)),
        ("u4", "p2", ("popularity_slow", "tower"), ("fits_vehicle", None, "v1", None)),
        ("u5", "p4", ("popularity_slow", "walk"), ("universal", None, None, None)),
        ("u5", "p2", ("walk", "popularity_slow"), ("popular_in_store", None, None, 2)),
        ("u4", "p1", ("walk",), ("fits_vehicle", None, "v1", None)),
        ("u5", "p4", ("tower", "walk", "brand"), ("universal", None, None, None)),
        ("u5", "p5", (), ("in_catalogue", None, None, None)),
    ]
    codes = np.array([[TERMS.index(term) for term in (*terms, *[TERMS[-1]] * 3)[:3]] for *_, terms, _ in rows])
    codes[[not terms for *_, terms, _ in rows]] = -1
    users, products = np.array([[USERS.index(user), PRODUCTS.index(part)] for user, part, *_ in rows]).T
    explained = strongest_edges(explainer, users, products, Terms(codes, TERMS))
    edges = [_named(Edges(*line.reshape(4, 1))) for line in explained[["code", "history", "vehicle", "count"]].to_numpy()]
    assert edges == [edge for *_, edge in rows]
    assert explained["has_bought"].tolist() == [False, True] + [False] * 8


def _score(term: str, user: str, part: str, events: Sequence[Any], owned: Sequence[Any]) -> float:
    names = channel_names(SETTINGS.model)
    model = GatedChannels(SETTINGS.model, torch.ones(len(path_names(SETTINGS.model))))
    with torch.no_grad():
        model.base.copy_(torch.tensor([float(name == term) for name in names]))
    evidence = Evidence(past_of(world(events, owned)), SETTINGS.model)
    keep = kept_candidates(evidence.past.data, SETTINGS)
    alone = sparse.csr_array(([True], ([0], [PRODUCTS.index(part)])), shape=(1, len(PRODUCTS)))
    return float(top_scores(model, evidence, np.array([USERS.index(user)]), alone, keep)["score"].iloc[0])


def _without(user: str, part: str) -> Callable[[Any], bool]:
    return lambda event: event[:2] != (user, part)


@pytest.mark.parametrize(
    ("term", "user", "part", "kept_events", "kept_vehicles"),
    [
        # The user's own step to the named part of the history, then the step of the one who has both.
        ("walk", "u1", "p3", _without("u1", "p2"), None),
        ("walk", "u1", "p3", _without("u2", "p3"), None),
        ("cosine_20d", "u1", "p3", _without("u1", "p2"), None),
        ("cosine_20d", "u1", "p3", _without("u2", "p3"), None),
        ("ease", "u1", "p3", _without("u1", "p2"), None),
        ("ease", "u1", "p3", _without("u2", "p3"), None),
        ("interest", "u1", "p1", _without("u1", "p1"), None),
        ("part_type", "u2", "p4", _without("u2", "p3"), None),
        ("next_types", "u2", "p4", _without("u2", "p3"), None),
        ("brand", "u1", "p3", _without("u1", "p1"), None),
        ("variant_group", "u1", "p5", _without("u1", "p1"), None),
        # The vehicle named, then what its owners did.
        ("garage_fitment", "u1", "p2", None, ("u1", "v1")),
        ("garage_usage", "u1", "p2", None, ("u1", "v1")),
        ("vehicle", "u4", "p2", None, ("u4", "v1")),
        ("vehicle", "u4", "p2", _without("u1", "p2"), None),
        ("vehicle_model", "u4", "p3", _without("u2", "p3"), None),
        ("owner_types", "u4", "p3", _without("u2", "p3"), None),
        ("vehicle_make", "u3", "p2", _without("u1", "p2"), None),
        ("popularity_fast", "u5", "p2", _without("u1", "p2"), None),
    ],
)
def test_without_the_named_edge_the_score_is_lower(
    explainer: Explainer,
    term: str,
    user: str,
    part: str,
    kept_events: Callable[[Any], bool] | None,
    kept_vehicles: tuple[str, str] | None,
) -> None:
    assert _edge(explainer, term, user, part) is not None
    events = [event for event in PAST if kept_events is None or kept_events(event)]
    owned = [owning for owning in OWNED if owning[:2] != kept_vehicles]
    assert _score(term, user, part, events, owned) < _score(term, user, part, PAST, OWNED) - 1e-6


def test_every_row_has_words_and_the_same_ones_in_any_order_of_rows(explainer: Explainer) -> None:
    users, products, codes = (axis.ravel() for axis in np.meshgrid(range(5), range(5), range(-1, len(TERMS)), indexing="ij"))
    tables = five_users.tables()
    names = names_of(
        tables["product_nodes"].to_pydict() | {"title": [None] * 5}, tables["vehicle_nodes"].to_pydict() | {"year": [1967] * 4}
    )

    def told(order: np.ndarray) -> np.ndarray:
        edges = strongest_edges(explainer, users[order], products[order], Terms(codes[order, None], TERMS))
        return texts(edges, names, 2)

    turned = np.random.default_rng(0).permutation(len(users))
    straight = told(np.arange(len(users)))
    assert (told(turned) == straight[turned]).all()
    assert len(straight) == 5 * 5 * (len(TERMS) + 1)
    assert not [text for text in straight if not text.strip() or "None" in text or "{" in text]

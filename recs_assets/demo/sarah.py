"""Sarah's story: a carburetor last month, and the distributor that its buyers buy next, about 15th in every ranking."""

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recs_assets.demo.browsing import CART, ORDER, VIEW, Interactions
from recs_assets.demo.catalogue import HOLLEY, MSD, Fitment
from recs_assets.demo.people import ONE_TIME, SARAH, Active
from recs_assets.demo.purchases import Orders, World, add_lines, following_order
from recs_assets.demo.timeline import DAY, END_OF_LAST_WEEK, WEEK, start, stream
from recs_assets.demo.vehicle_models import MODELS

ORDERED_AT = END_OF_LAST_WEEK - 26 * DAY + DAY * 18 // 24
"""Sarah's order: 2026-09-09 at 18:00 UTC."""

RANK = 15
"""Where the companion stands by orders of the last year among what fits her car: out of any top-10 by popularity."""

CONFIRMED_SHARE = 0.8
"""Share of the companion's buyers who have bought the carburetor within the 30 days before."""

CARBURETOR_SURPLUS = 1.3
"""Buyers of the carburetor for each buyer of both."""

MODEL_MINIMUM, MODEL_WEIGHT = 5, 10.0
MAKE_MINIMUM, MAKE_WEIGHT = 20, 8.0
"""The first two tiers of the ranking by segment, SQL v5.17: least orders, and weight of their logarithm. Copies of the
settings, as is ``catalogue.MIN_PRICE``: a world must not change with somebody's settings file."""

YEAR = 365 * DAY


def plant_pair(world: World, orders: Orders, fitment: Fitment, seed: int) -> Orders:
    """The orders with Holley and MSD lines added to orders of people whose garage they fit."""
    rng = stream(seed, "sarah")
    fits = np.isin(np.arange(len(world.vehicles.ids)), fitment.vehicle[fitment.part == MSD])
    recent = _recent_orders(world, orders, fits, rng)
    mustang = world.vehicles.model[world.vehicles.sarah]
    own = _drives(world, orders.active[recent], world.vehicles.model == mustang)
    n_total, n_own = _wanted_counts(world, orders, fitment)
    chosen = rng.permutation(np.concatenate([recent[own][:n_own], recent[~own][: n_total - n_own]]))
    n_both = round(chosen.size * CONFIRMED_SHARE)
    both, alone = chosen[:n_both], chosen[n_both:]
    only_carburetor = np.setdiff1d(recent, chosen)[: round(n_both * (CARBURETOR_SURPLUS - 1))]
    carburetors = np.concatenate([both, only_carburetor])
    companions = np.concatenate([following_order(orders, both), alone])
    planted = add_lines(orders, carburetors, np.full(carburetors.size, HOLLEY))
    return add_lines(planted, companions, np.full(companions.size, MSD))


def sarahs_events(order_number: int) -> Interactions:
    """Two views, a cart and the order of the carburetor; nothing else that Sarah ever did."""
    kind = np.array([VIEW, VIEW, CART, ORDER])
    at = ORDERED_AT - np.array([DAY // 12, DAY // 24, DAY // 48, 0])
    number = np.where(kind == ORDER, order_number, -1)
    return Interactions(np.full(kind.size, SARAH), np.full(kind.size, HOLLEY), kind, at, number)


def with_sarah(world: World) -> Active:
    """The active users and she: somebody who came, looked at one thing and bought it at once."""
    week = (ORDERED_AT - start(world.preset.weeks)) // WEEK
    project = int(world.parts.project[HOLLEY])
    hers = Active(
        user=np.array([SARAH]),
        role=np.array([ONE_TIME]),
        arrival=np.array([week]),
        order_week=np.array([week]),
        buying_rate=np.zeros(1),
        interest=np.ones(1),
        projects=np.full((1, world.active.projects.shape[1]), project),
    )
    names = [field.name for field in fields(Active)]
    return Active(**{name: np.concatenate([getattr(hers, name), getattr(world.active, name)]) for name in names})


def _drives(world: World, active: NDArray[np.int64], wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the active users have one of the ``wanted`` vehicles (a mask over vehicles) in the garage."""
    hits = np.concatenate([[0], np.cumsum(wanted[world.people.garage])])
    user = world.active.user[active]
    owns: NDArray[np.bool_] = hits[world.people.garage_start[user + 1]] > hits[world.people.garage_start[user]]
    return owns


def _recent_orders(world: World, orders: Orders, fits: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """One order of the last year for each buyer whose garage the pair fits, in random order."""
    order = rng.permutation(np.flatnonzero((orders.at >= END_OF_LAST_WEEK - YEAR) & (orders.at < END_OF_LAST_WEEK)))
    order = order[_drives(world, orders.active[order], fits)]
    first = np.sort(np.unique(orders.active[order], return_index=True)[1])
    chosen: NDArray[np.int64] = order[first]
    return chosen


def _wanted_counts(world: World, orders: Orders, fitment: Fitment) -> tuple[int, int]:
    """Orders of the companion by everyone and by owners of Sarah's model that put it at ``RANK`` in both rankings."""
    own = world.vehicles.sarah
    candidates = world.parts.universal.copy()
    candidates[fitment.part[fitment.vehicle == own]] = True
    candidates &= world.parts.eligible
    candidates[[HOLLEY, MSD]] = False
    at = orders.at[orders.line_order]
    recent = (at >= END_OF_LAST_WEEK - YEAR) & (at < END_OF_LAST_WEEK)
    part, buyer = orders.line_part[recent], orders.active[orders.line_order[recent]]

    def counts(lines: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(part[lines], minlength=candidates.size)[candidates]

    makes = np.array([line.make for line in MODELS])[world.vehicles.model]
    of_all = counts(np.ones(part.size, dtype=bool))
    of_make = counts(_drives(world, buyer, makes == makes[own]))
    of_model = counts(_drives(world, buyer, world.vehicles.model == world.vehicles.model[own]))
    make_score = np.where(of_make >= MAKE_MINIMUM, MAKE_WEIGHT * np.log1p(of_make), 0.0)
    score = np.where(of_model >= MODEL_MINIMUM, MODEL_WEIGHT * np.log1p(of_model), make_score)
    n_total = _nearest(of_all, np.arange(1, of_all.max() + 2))
    possible = np.arange(min(MODEL_MINIMUM, n_total), n_total + 1)
    n_own = int(possible[0]) + _nearest(score, MODEL_WEIGHT * np.log1p(possible)) - 1
    return n_total, n_own


def _nearest(others: NDArray[Any], values: NDArray[np.float64]) -> int:
    """Position, counted from 1, of the value that ranks nearest to ``RANK`` among the others, ahead of its equals."""
    above = (others > values[:, None]).sum(axis=1)
    return 1 + int(np.abs(1 + above - RANK).argmin())

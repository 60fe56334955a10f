"""Orders: when active users order, what is in the basket, and the companion that follows a part."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recs_assets.demo.catalogue import MSD, Parts
from recs_assets.demo.demand import Demand
from recs_assets.demo.people import PROJECT_SHARES, Active, People
from recs_assets.demo.presets import Preset
from recs_assets.demo.timeline import DAY, END, WEEK, start, stream
from recs_assets.demo.vehicles import Vehicles

BASKET_SIZES, BASKET_SHARES = (1, 2, 3, 4), (0.35, 0.3, 0.2, 0.15)
"""Order lines per order."""

IN_PROJECT_SHARE = 0.8
"""Share of what people buy or look at that belongs to the project they are at."""

COMPANION_SHARE = 0.4
COMPANION_DAYS = 30
"""Share of the buyers of a part who also buy its companion, within so many days."""


HOURS = (0.1, 0.85, 1.0)
"""Share of a day at which orders begin, are most frequent, and end (triangular)."""


@dataclass(frozen=True)
class Orders:
    """Orders and their lines.

    Attributes:
        active: row of the buyer among the active users, shape (n_orders,), by buyer and time.
        at: microseconds, shape (n_orders,).
        line_order: order of each line, shape (n_lines,).
        line_part: part of each line, shape (n_lines,).
    """

    active: NDArray[np.int64]
    at: NDArray[np.int64]
    line_order: NDArray[np.int64]
    line_part: NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """What all behaviour depends on."""

    preset: Preset
    vehicles: Vehicles
    parts: Parts
    people: People
    demand: Demand
    active: Active
    no_signal: bool


def build_orders(world: World, seed: int) -> Orders:
    """All orders before ``END``, companions included, no durable part twice for one user."""
    rng = stream(seed, "orders")
    active, weeks = world.active, np.arange(world.preset.weeks + 1)
    rate = np.where(weeks >= active.arrival[:, None], active.buying_rate[:, None], 0.0)
    ordered = rng.random(rate.shape) < rate
    ordered |= active.order_week[:, None] == weeks
    buyer, week = np.nonzero(ordered)
    at = start(world.preset.weeks) + week * WEEK + moments(week.size, rng)
    buyer, week, at = (column[at < END] for column in (buyer, week, at))
    line_order = np.repeat(np.arange(buyer.size), rng.choice(BASKET_SIZES, p=BASKET_SHARES, size=buyer.size))
    project = active.projects[buyer, rng.choice(3, p=PROJECT_SHARES, size=buyer.size)]
    line_part = draw_parts(world, buyer[line_order], week[line_order], project[line_order], rng)
    orders = _without_repeats(Orders(buyer, at, line_order, line_part), world.parts)
    if world.no_signal:
        return orders
    return _without_repeats(_with_companions(orders, world.parts, rng), world.parts)


def moments(size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Microseconds into a week: any day, mostly in the afternoon and evening of the Americas."""
    day = rng.integers(7, size=size)
    within = rng.triangular(*HOURS, size=size)
    return day * DAY + (within * (DAY - 1)).astype(np.int64)


def draw_parts(
    world: World, row: NDArray[np.int64], week: NDArray[np.int64], project: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """A part for each row (an active user's) in its week: universal or fitting the garage, in the project or not."""
    user = world.active.user[row]
    first, size = world.people.garage_start[user], np.diff(world.people.garage_start)[user]
    pick = first + (rng.random(row.size) * size).astype(np.int64)
    vehicle = np.where(size > 0, world.people.garage[np.minimum(pick, world.people.garage.size - 1)], -1)
    model = np.where(size > 0, world.vehicles.model[vehicle], world.vehicles.n_models)
    universal_shelf = len(world.vehicles.ids) + model
    share: float | NDArray[np.float64] = world.preset.universal_draws
    if world.no_signal:
        share = world.demand.universal_share(world.demand.cumulative(0), vehicle, universal_shelf)
    shelf = np.where((size > 0) & (rng.random(row.size) >= share), vehicle, universal_shelf)
    wanted = np.where(world.no_signal | (rng.random(row.size) >= IN_PROJECT_SHARE), -1, project)
    uniform = rng.random(row.size)
    part = np.empty(row.size, dtype=np.int64)
    for one_week in range(world.preset.weeks + 1):
        rows = np.flatnonzero(week == one_week)
        part[rows] = world.demand.draw(world.demand.cumulative(one_week), shelf[rows], wanted[rows], uniform[rows])
    return part


def _without_repeats(orders: Orders, parts: Parts) -> Orders:
    """Only the first line of a durable part for each buyer; consumables once an order; lines without a part dropped."""
    buyer = orders.active[orders.line_order]
    per = np.where(parts.consumable[orders.line_part], orders.line_order, -1)
    order = np.lexsort((orders.at[orders.line_order], per, orders.line_part, buyer))
    keys = np.column_stack([buyer, orders.line_part, per])[order]
    first = np.r_[True, (keys[1:] != keys[:-1]).any(axis=1)]
    kept = np.sort(order[first & (keys[:, 1] >= 0)])
    return replace(orders, line_order=orders.line_order[kept], line_part=orders.line_part[kept])


def _with_companions(orders: Orders, parts: Parts, rng: np.random.Generator) -> Orders:
    """Adds the companion of a part for some of its buyers: in their next order if it is near, otherwise in the same."""
    companion = np.full(parts.price.size, -1)
    companion[parts.companions[:, 0]] = parts.companions[:, 1]
    companion[companion == MSD] = -1  # Sarah's pair is planted by count
    wanted = companion[orders.line_part]
    followed = np.flatnonzero((wanted >= 0) & (rng.random(wanted.size) < COMPANION_SHARE))
    return add_lines(orders, following_order(orders, orders.line_order[followed]), wanted[followed])


def following_order(orders: Orders, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same buyer's next order where it comes within ``COMPANION_DAYS``, otherwise the given one."""
    after = np.minimum(order + 1, orders.active.size - 1)
    near = (orders.active[after] == orders.active[order]) & (orders.at[after] - orders.at[order] < COMPANION_DAYS * DAY)
    return np.where(near, after, order)


def add_lines(orders: Orders, order: NDArray[np.int64], part: NDArray[np.int64]) -> Orders:
    """The orders with one more line for each (order, part)."""
    return replace(
        orders,
        line_order=np.concatenate([orders.line_order, order]),
        line_part=np.concatenate([orders.line_part, part]),
    )

"""Views and carts: looking around week after week, and looking at a part before ordering it."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from recs_assets.demo.people import PROJECT_SHARES, REPEAT
from recs_assets.demo.purchases import Orders, World, draw_parts, moments
from recs_assets.demo.timeline import DAY, END, WEEK, start, stream

VIEW, CART, ORDER = 0, 1, 2
"""Event types, in the order of ``EVENT_TYPES``."""

EVENT_TYPES = ("view", "cart", "order")

BROWSING_RATE, REPEAT_BROWSING_RATE = 0.6, 0.9
"""Chance to look around in a week since arrival; the second for repeat buyers."""

VIEWS_PER_PART = 4.0
"""Mean number of further views of a part within one week of browsing."""

CART_SHARE = 0.04
"""Share of browsed parts put into a cart and left there."""

VIEWS_BEFORE_ORDER, CART_BEFORE_ORDER_SHARE = 2.0, 0.7
"""Mean further views of a part before it is ordered, and share of order lines seen to go through the cart."""


@dataclass(frozen=True)
class Interactions:
    """Events in columns of length ``n_events``, in no order.

    Attributes:
        user: row of the user.
        part: row of the part.
        kind: ``VIEW``, ``CART`` or ``ORDER``.
        at: microseconds.
        order: number of the order, -1 for other events.
    """

    user: NDArray[np.int64]
    part: NDArray[np.int64]
    kind: NDArray[np.int64]
    at: NDArray[np.int64]
    order: NDArray[np.int64]


def build_interactions(world: World, orders: Orders, seed: int) -> Interactions:
    """All events of the active users before ``END``."""
    rng = stream(seed, "browsing")
    everything = [_order_lines(world, orders), *_before_orders(world, orders, rng), *_browsing(world, rng)]
    return joined(everything)


def joined(pieces: list[Interactions]) -> Interactions:
    """All pieces' events before ``END`` as one."""
    names = [field.name for field in fields(Interactions)]
    columns = {name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in names}
    true = columns["at"] < END
    return Interactions(**{name: column[true] for name, column in columns.items()})


def _order_lines(world: World, orders: Orders) -> Interactions:
    user = world.active.user[orders.active[orders.line_order]]
    at = orders.at[orders.line_order]
    return Interactions(user, orders.line_part, np.full(user.size, ORDER), at, orders.line_order)


def _before_orders(world: World, orders: Orders, rng: np.random.Generator) -> list[Interactions]:
    """Views and carts that lead to an order, at most two days before it and in the week of the order.

    Were they in the week before, no first-time buyer would be new to the store in the week of the order.
    """
    lines = _order_lines(world, orders)
    views = np.repeat(np.arange(lines.user.size), 1 + rng.poisson(VIEWS_BEFORE_ORDER, lines.user.size))
    carts = np.flatnonzero(rng.random(lines.user.size) < CART_BEFORE_ORDER_SHARE)
    week_start = lines.at - (lines.at - start(world.preset.weeks)) % WEEK
    pieces = []
    for rows, kind in ((views, VIEW), (carts, CART)):
        room = np.minimum(lines.at[rows] - week_start[rows], 2 * DAY)
        at = lines.at[rows] - 1 - (rng.random(rows.size) ** 3 * (room - 1)).astype(np.int64)
        pieces.append(_not_ordered(lines.user[rows], lines.part[rows], kind, at))
    return pieces


def _browsing(world: World, rng: np.random.Generator) -> list[Interactions]:
    """Looking around: in the arrival week for sure, later at the weekly rate times the user's interest."""
    active, weeks = world.active, np.arange(world.preset.weeks + 1)
    rate = np.where(active.role == REPEAT, REPEAT_BROWSING_RATE, BROWSING_RATE * active.interest)[:, None]
    age = weeks - active.arrival[:, None]
    here = (age == 0) | ((age > 0) & (rng.random(age.shape) < rate))
    row, week = np.nonzero(here)
    project = active.projects[row, rng.choice(3, p=PROJECT_SHARES, size=row.size)]
    visit = np.repeat(np.arange(row.size), 1 + rng.poisson((world.preset.browse_parts - 1) * active.interest[row]))
    row, week, project = row[visit], week[visit], project[visit]
    part = draw_parts(world, row, week, project, rng)
    seen = np.flatnonzero(part >= 0)
    looks = np.repeat(seen, 1 + rng.poisson(VIEWS_PER_PART * np.minimum(active.interest[row[seen]], 1)))
    carts = seen[rng.random(seen.size) < CART_SHARE]
    pieces = []
    for rows, kind in ((looks, VIEW), (carts, CART)):
        at = start(world.preset.weeks) + week[rows] * WEEK + moments(rows.size, rng)
        pieces.append(_not_ordered(active.user[row[rows]], part[rows], kind, at))
    return pieces


def _not_ordered(user: NDArray[np.int64], part: NDArray[np.int64], kind: int, at: NDArray[np.int64]) -> Interactions:
    """Events of one kind that belong to no order."""
    return Interactions(user, part, np.full(user.size, kind), at, np.full(user.size, -1))

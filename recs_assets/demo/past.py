"""What some of the active users have done so far: rows a person, week and part, and the orders among them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recs_assets.demo.browsing import CART, ORDER, VIEW, Interactions
from recs_assets.demo.catalogue import MSD
from recs_assets.demo.purchases import World
from recs_assets.demo.timeline import WEEK, start


class OtherWorldError(ValueError):
    """The log holds what this world could not have brought about: its tables are another's, or have been changed."""


@dataclass(frozen=True)
class Past:
    """Columns of one length, sorted by person, week and part; nobody orders twice in a week.

    Attributes:
        row: row among the active users.
        week: counted from the world's first one.
        part: looked at, put into the cart or ordered.
        views, carts: how often.
        ordered_at: microseconds; -1 where it was not ordered that week.
    """

    row: NDArray[np.int64]
    week: NDArray[np.int64]
    part: NDArray[np.int64]
    views: NDArray[np.int64]
    carts: NDArray[np.int64]
    ordered_at: NDArray[np.int64]

    @property
    def ordered(self) -> NDArray[np.bool_]:
        """Which parts were ordered in their week."""
        return self.ordered_at >= 0

    def of_drawn(self) -> "Past":
        """Without the parts of Sarah's pair: they are planted by count, and no project has anything to do with them."""
        return self.where(self.part > MSD)

    def where(self, picked: NDArray[np.bool_] | NDArray[np.int64]) -> "Past":
        """The picked rows."""
        columns = (self.row, self.week, self.part, self.views, self.carts, self.ordered_at)
        return Past(*(column[picked] for column in columns))


@dataclass(frozen=True)
class PastOrders:
    """The orders of a past, by person and time, and their lines.

    Attributes:
        row, week, at: of each order, shape (n_orders,).
        line_order, line_part: of each line, by order and part, shape (n_lines,).
    """

    row: NDArray[np.int64]
    week: NDArray[np.int64]
    at: NDArray[np.int64]
    line_order: NDArray[np.int64]
    line_part: NDArray[np.int64]

    @property
    def is_last(self) -> NDArray[np.bool_]:
        """Which orders are their person's last one so far."""
        return np.append(self.row[1:] != self.row[:-1], True)[: self.row.size]

    def order_of(self, row: NDArray[np.int64], part: NDArray[np.int64]) -> NDArray[np.int64]:
        """Order in which each person first bought the part, -1 where it has not."""
        n_parts = 1 + max(self.line_part.max(initial=0), part.max(initial=0))
        keys, first = np.unique(self.row[self.line_order] * n_parts + self.line_part, return_index=True)
        if not keys.size:
            return np.full(row.size, -1)
        wanted = np.where(part >= 0, row * n_parts + part, -1)
        place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
        return np.where(keys[place] == wanted, self.line_order[first[place]], -1)


def past_of(world: World, interactions: Interactions, rows: NDArray[np.int64], week: int) -> Past:
    """The past of active users, as of the first moment of ``week``.

    Raises:
        ValueError: an event is not of the past.
    """
    end = start(world.preset.weeks) + week * WEEK
    if interactions.at.size and interactions.at.max() >= end:
        raise ValueError(f"an event at {interactions.at.max()} us is not of the past: week {week} begins at {end} us")
    theirs = np.isin(interactions.user, world.active.user[rows])
    at, kind = interactions.at[theirs], interactions.kind[theirs]
    row = np.searchsorted(world.active.user, interactions.user[theirs])
    week_of = (at - start(world.preset.weeks)) // WEEK
    n_parts = world.parts.price.size
    pair, group = np.unique((row * week + week_of) * n_parts + interactions.part[theirs], return_inverse=True)
    ordered_at = np.full(pair.size, -1)
    ordered_at[group[kind == ORDER]] = at[kind == ORDER]
    return Past(
        row=pair // n_parts // week,
        week=pair // n_parts % week,
        part=pair % n_parts,
        views=np.bincount(group[kind == VIEW], minlength=pair.size),
        carts=np.bincount(group[kind == CART], minlength=pair.size),
        ordered_at=ordered_at,
    )


def orders_of(past: Past) -> PastOrders:
    """The orders of a past."""
    lines = past.where(past.ordered)
    first = begins(lines.row, lines.week)
    return PastOrders(lines.row[first], lines.week[first], lines.ordered_at[first], np.cumsum(first) - 1, lines.part)


def begins(*columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where each group of equal rows begins, in sorted columns."""
    first = np.ones(columns[0].size, dtype=bool)
    first[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return first

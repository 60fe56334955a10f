"""How likely a companion comes with an order or with the next one, as ``purchases.following_order`` has it."""

import numpy as np
from numpy.typing import NDArray

from recs_assets.demo.catalogue import MSD, Parts
from recs_assets.demo.past import PastOrders
from recs_assets.demo.purchases import COMPANION_DAYS, COMPANION_SHARE, HOURS, World
from recs_assets.demo.sarah import CARBURETOR_SURPLUS
from recs_assets.demo.timeline import DAY, END, WEEK, start

NEAR = COMPANION_DAYS * DAY
"""An order brings the companions of the one before where it comes sooner, in microseconds."""

GRID = 7 * 48
"""Half-hours of a week: where in it an order may stand."""


def first_parts(parts: Parts) -> NDArray[np.int64]:
    """The part whose companion each part is, -1: none; shape (n_parts,)."""
    first = np.full(parts.price.size, -1)
    first[parts.companions[:, 1]] = parts.companions[:, 0]
    return first


def added_share(world: World, orders: PastOrders, week: int) -> NDArray[np.float64]:
    """Chance that each line was added as the companion of a part of its order or of the one before; shape (n_lines,).

    Args:
        world: whose companions.
        orders: so far.
        week: in which each of the persons orders next.
    """
    followed = _followed_share(orders.line_part)
    near = np.where(orders.is_last, _near_share(world, orders.at, week), 0.0)
    near[:-1] += ~orders.is_last[:-1] & (orders.at[1:] - orders.at[:-1] < NEAR)
    row = orders.row[orders.line_order]
    carrier = orders.order_of(row, first_parts(world.parts)[orders.line_part])
    at_once = (carrier >= 0) & (carrier == orders.line_order)
    with_next = (carrier >= 0) & (carrier == orders.line_order - 1)
    return followed * np.where(at_once, 1 - near[carrier], np.where(with_next, near[carrier], 0.0))


def awaited_share(
    world: World, orders: PastOrders, week: int, row: NDArray[np.int64], part: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Chance that the order of ``week`` brings each part as the companion of one of the order before.

    The part has not come with that order itself: either nothing follows, or the order of ``week`` was near.
    """
    carrier = orders.order_of(row, first_parts(world.parts)[part])
    waits = carrier >= 0
    waits[waits] &= orders.is_last[carrier[waits]]
    near, followed = np.zeros(row.size), _followed_share(part)
    near[waits] = _near_share(world, orders.at[carrier[waits]], week)
    return followed * near / (1 - followed * (1 - near))


def alone_share(world: World, buying_rate: NDArray[np.float64], week: int) -> NDArray[np.float64]:
    """Chance that no order is near after one in ``week``, by its buyer's chance to order in any later week.

    There are no orders from ``END`` on. Where in its week the order stands is summed over ``GRID`` moments.
    """
    edges = np.arange(GRID + 1) * WEEK // GRID
    moment, chance = (edges[:-1] + edges[1:]) // 2, np.diff(_passed_share(edges))
    alone = np.ones((buying_rate.size, GRID))
    for later in range(1, -(-NEAR // WEEK) + 1):
        end = END - (start(world.preset.weeks) + (week + later) * WEEK)
        alone *= 1 - buying_rate[:, None] * _passed_share(np.minimum(moment + NEAR - later * WEEK, end))
    return np.asarray(alone @ chance)


def _followed_share(companion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the buyers of the first part whom each companion follows; that of Sarah's pair is planted by count."""
    return np.where(companion == MSD, 1 / CARBURETOR_SURPLUS, COMPANION_SHARE)


def _near_share(world: World, last: NDArray[np.int64], week: int) -> NDArray[np.float64]:
    """Chance that an order in ``week`` comes near after the one at ``last``, in microseconds."""
    return _passed_share(last + NEAR - (start(world.preset.weeks) + week * WEEK))


def _passed_share(time: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the orders of a week before ``time``, in microseconds since its beginning.

    The distribution function of ``purchases.moments``: any day, and within the day triangular.
    """
    low, peak, high = HOURS
    day = np.clip(time // DAY, 0, 6)
    within = np.clip(time / DAY - day, low, high)
    rising = (within - low) ** 2 / ((high - low) * (peak - low))
    falling = 1 - (high - within) ** 2 / ((high - low) * (high - peak))
    return (day + np.where(within < peak, rising, falling)) / 7

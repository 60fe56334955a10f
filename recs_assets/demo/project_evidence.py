"""What each visit to the store and each order says of the project behind it: the likelihoods of ``browsing`` and ``purchases``.

The visits of a week have one project, and so has an order, each drawn by itself among the person's own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb, factorial, gammaln, xlogy

from recs_assets.demo.browsing import (
    BROWSING_RATE,
    CART_BEFORE_ORDER_SHARE,
    CART_SHARE,
    REPEAT_BROWSING_RATE,
    VIEWS_BEFORE_ORDER,
    VIEWS_PER_PART,
)
from recs_assets.demo.catalogue import MSD
from recs_assets.demo.companion_chances import added_share
from recs_assets.demo.draw_chances import DrawChances, sum_rows
from recs_assets.demo.past import Past, PastOrders, begins, orders_of
from recs_assets.demo.people import REPEAT
from recs_assets.demo.purchases import BASKET_SHARES, BASKET_SIZES

MOST = max(BASKET_SIZES)
"""Draws of an order."""

PAIRS_AT_ONCE = 200_000
"""Orders with a part that was bought before, so many in memory."""


@dataclass(frozen=True)
class Evidence:
    """Row of an active user, shape (n,), and log-likelihood of each project up to a constant, shape (n, n_projects)."""

    row: NDArray[np.int64]
    loglik: NDArray[np.float64]


def of_visits(draws: DrawChances, past: Past) -> Evidence:
    """The evidence of each week in which a person was seen: which parts, how often looked at and put into the cart.

    With 1 + Poisson(mean) draws, n_p of them of part p with chance q_p, and the chance s_p(n_p) of its views and carts:

        likelihood = e^-mean / mean * sum over all n of (sum of n_p) * product of (mean q_p)^n_p / n_p! * s_p(n_p)

    What was ordered that week has views and carts of its own: its n_p may be 0, and where everything was ordered there may
    have been no other visit.
    """
    past, world = past.of_drawn(), draws.world
    chances = draws.of_parts(past.row, past.week, past.part)
    interest = world.active.interest[past.row]
    mean = (world.preset.browse_parts - 1) * interest
    not_drawn = np.where(past.ordered, _log_seen(past, 0, interest), -np.inf)
    first = begins(past.row, past.week)
    sums = sum_rows(np.cumsum(first) - 1, int(first.sum()))
    row, week, mean_of_week = past.row[first], past.week[first], mean[first, None]
    nothing = draws.of_nothing(row, week)[:, None]
    rate = np.where(world.active.role[row] == REPEAT, REPEAT_BROWSING_RATE, BROWSING_RATE * world.active.interest[row])
    rate = np.where(week == world.active.arrival[row], 1.0, np.minimum(rate, 1.0))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):  # the logarithm of what cannot be
        drawn, n_drawn = _drawn(past, np.log(mean[:, None] * chances), np.minimum(interest, 1))
        n_draws = np.log(mean_of_week * nothing + sums @ np.exp(n_drawn - drawn))
        visit = sums @ drawn + n_draws - mean_of_week * (1 - nothing) - np.log(mean_of_week)
        return Evidence(row, np.logaddexp(np.log(rate) + visit, np.log1p(-rate) + (sums @ not_drawn)[:, None]))


def of_orders(draws: DrawChances, past: Past, week: int) -> Evidence:
    """The evidence of each order: which parts its draws have left after what its buyer had already, companions aside.

    The chance that n draws give just these parts, q0 of them lost, is n! times the coefficient of x^n in
    e^(q0 x) * product of (e^(q_p x) - 1 + a_p), where a_p is the chance that p was added as a companion.

    Args:
        draws: the chances.
        past: of the persons.
        week: in which all of them order next.
    """
    orders = orders_of(past)
    drawn = orders.line_part > MSD
    order, part, added = orders.line_order[drawn], orders.line_part[drawn], added_share(draws.world, orders, week)[drawn]
    chances = draws.of_parts(orders.row[order], orders.week[order], part)
    coefficients = _powers(_lost(draws, orders, orders.row, orders.week))
    rank = np.arange(order.size) - np.searchsorted(order, order)
    for lines in (np.flatnonzero(rank == n) for n in range(rank.max(initial=-1) + 1)):
        factor = _powers(chances[lines])
        factor[0] = added[lines, None]
        coefficients[:, order[lines]] = _product(coefficients[:, order[lines]], factor)
    size = np.array(BASKET_SIZES)
    likelihood = np.einsum("n,nok->ok", np.array(BASKET_SHARES) * factorial(size), coefficients[size])
    # Of an order that holds nothing but what was planted nothing is known.
    known = np.isin(np.arange(orders.row.size), order)
    with np.errstate(divide="ignore"):
        return Evidence(orders.row[known], np.log(likelihood[known]))


def of_quiet_weeks(draws: DrawChances, past: Past, rows: NDArray[np.int64], weeks: range) -> Evidence:
    """The evidence of each of the ``weeks`` without an order of a repeat buyer who had arrived.

    There was no order, or one that gave only parts that its buyer had: by the projects that had been bought up, more likely so.
    """
    active, orders = draws.world.active, orders_of(past)
    repeat = rows[active.role[rows] == REPEAT]
    quiet = np.array(weeks) >= active.arrival[repeat, None]
    theirs = np.isin(orders.row, repeat) & (orders.week >= weeks.start)
    quiet[np.searchsorted(repeat, orders.row[theirs]), orders.week[theirs] - weeks.start] = False
    which, week = np.nonzero(quiet)
    row = repeat[which]
    lost = _lost(draws, orders, row, week + weeks.start)
    nothing_kept = sum(share * lost**size for size, share in zip(BASKET_SIZES, BASKET_SHARES, strict=True))
    rate = active.buying_rate[row, None]
    return Evidence(row, np.log(1 - rate + rate * nothing_kept))


def _lost(draws: DrawChances, orders: PastOrders, row: NDArray[np.int64], week: NDArray[np.int64]) -> NDArray[np.float64]:
    """Chance that a draw of a person in a week is no part, or a durable one bought in the weeks before: [n_rows x n_projects]."""
    n_weeks = draws.world.preset.weeks + 1
    lines = orders.row[orders.line_order] * n_weeks + orders.week[orders.line_order]
    begin = np.searchsorted(lines, row * n_weeks)
    n_earlier = np.searchsorted(lines, row * n_weeks + week) - begin
    total = np.repeat(draws.of_nothing(row, week)[:, None], draws.world.demand.n_projects, axis=1)
    for block in np.array_split(np.arange(row.size), 1 + n_earlier.sum() // PAIRS_AT_ONCE):
        asked = np.repeat(block, n_earlier[block])
        part = orders.line_part[np.arange(asked.size) - np.searchsorted(asked, asked) + begin[asked]]
        durable = ~draws.world.parts.consumable[part]
        asked, part = asked[durable], part[durable]
        total[block] += sum_rows(asked - block[:1], block.size) @ draws.of_parts(row[asked], week[asked], part)
    return total


def _powers(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients of e^(chance x) up to x^MOST, the powers first."""
    power = np.arange(MOST + 1).reshape(-1, *[1] * chance.ndim)
    return np.asarray(chance**power / factorial(power))


def _product(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Product of polynomials up to x^MOST, the powers first."""
    return np.stack([np.sum(left[: n + 1] * right[n::-1], axis=0) for n in range(MOST + 1)])


def _drawn(
    past: Past, log_mean: NDArray[np.float64], interest: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logarithm of the sum over n of mean^n / n! * s(n), and of the same with n times each term; shape as ``log_mean``."""
    total, weighted = np.full(log_mean.shape, -np.inf), np.full(log_mean.shape, -np.inf)
    most = past.views - past.ordered
    for n in range(most.max(initial=0) + 1):
        rows = np.flatnonzero((most >= n) & ((n > 0) | past.ordered))
        seen = _log_seen(past.where(rows), n, interest[rows])
        term = n * log_mean[rows] - gammaln(n + 1) + seen[:, None]
        total[rows] = np.logaddexp(total[rows], term)
        if n:
            weighted[rows] = np.logaddexp(weighted[rows], term + np.log(n))
    return total, weighted


def _log_seen(past: Past, n: int, interest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the chance of the views and carts of each part, had it been drawn ``n`` times beside its order if any."""
    mean = VIEWS_PER_PART * interest * n + VIEWS_BEFORE_ORDER * past.ordered
    further = past.views - n - past.ordered
    views = xlogy(further, mean) - mean - gammaln(further + 1)
    of_order = np.where(past.ordered, CART_BEFORE_ORDER_SHARE, 0.0)
    carts = (1 - of_order) * _binomial(past.carts, n) + of_order * _binomial(past.carts - 1, n)
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(further >= 0, views, -np.inf) + np.log(carts))


def _binomial(carts: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Chance that so many of ``n`` drawn parts are put into the cart."""
    return np.asarray(comb(n, carts) * CART_SHARE**carts * (1 - CART_SHARE) ** (n - carts))

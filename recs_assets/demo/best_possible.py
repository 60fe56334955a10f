"""The best possible rankers of the planted world, who know its generator: the yardsticks that no system can beat but by luck.

Both know every parameter: tastes, popularity in every week, companions, in which role and how often each person comes and orders.
Of the build projects of a person, by which most of its parts are drawn,

- ``clairvoyant`` knows them all, but not which of them the next order is for;
- ``informed`` knows what garage and past tell: the posterior over a person's projects by Bayes' rule from the owners of its
  vehicle and every visit, cart and order that the log holds.

Either value of a part is the chance that it is among what somebody orders in a week, given that there is an order: some draw
of the basket is the part, or it comes as the companion of another part of the order or of the order before. A ranking by it finds
as many of the parts as can be expected of any that knows no more.

Two things are not exact: Sarah's pair is planted by count, so its rate among the orders so far stands for a chance; and an order
of which nothing was new leaves no trace, so a companion that was lost with it is still awaited.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recs_assets.demo.browsing import Interactions
from recs_assets.demo.catalogue import HOLLEY, MSD
from recs_assets.demo.companion_chances import alone_share, awaited_share, first_parts
from recs_assets.demo.draw_chances import DrawChances
from recs_assets.demo.past import OtherWorldError, PastOrders, orders_of, past_of
from recs_assets.demo.people import PROJECT_SHARES, REPEAT, primary_models
from recs_assets.demo.project_evidence import Evidence, of_orders, of_quiet_weeks, of_visits
from recs_assets.demo.purchases import BASKET_SHARES, COMPANION_SHARE, World
from recs_assets.demo.timeline import WEEK, start

ROWS_AT_ONCE = 200_000
"""People and parts whose chances by project are in memory at once."""

AT_ONCE = 4
"""Likelihoods that are multiplied before a logarithm is taken."""


@dataclass(frozen=True)
class BestPossible:
    """Values of parts for the active users who order in a week, as of its first moment.

    Attributes:
        world: with signal; Sarah may be among its active users.
        interactions: the log before the week; events of others than active users do not matter.
        week: counted from the world's first one.
    """

    world: World
    interactions: Interactions
    week: int

    def chances(self, user: NDArray[np.int64], part: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """By ranker, the chance that each active user's order holds the part, shape (n_rows,).

        Raises:
            OtherWorldError: a user or the log is not of this world.
            ValueError: the log goes on into the week.
        """
        rows, which = self._people(user)
        past = past_of(self.world, self.interactions, rows, self.week)
        quiet = of_quiet_weeks(self._draws, past, rows, range(self._first_week, self.week))
        evidence = [of_visits(self._draws, past), of_orders(self._draws, past, self.week), quiet]
        true = np.zeros((rows.size, self.world.demand.n_projects))
        for slot, share in enumerate(PROJECT_SHARES):
            true[np.arange(rows.size), self.world.active.projects[rows, slot]] += share
        projects = {"informed": next_project(self.world, rows, evidence), "clairvoyant": true}
        orders, buyer = orders_of(past), rows[which]
        awaited = awaited_share(self.world, orders, self.week, buyer, part)
        alone = alone_share(self.world, self.world.active.buying_rate[rows], self.week)[which]
        values = {name: np.empty(part.size) for name in projects}
        for first in range(0, part.size, ROWS_AT_ONCE):
            block = slice(first, first + ROWS_AT_ONCE)
            missing = self._not_drawn(orders, buyer[block], part[block], COMPANION_SHARE * alone[block])
            for name, of_people in projects.items():
                values[name][block] = 1 - (1 - awaited[block]) * np.einsum("rk,rk->r", of_people[which[block]], missing)
        had = (orders.order_of(buyer, part) >= 0) & ~self.world.parts.consumable[part]
        # Rounding leaves what cannot be just below zero.
        return {name: np.where(had, 0.0, np.maximum(value, 0.0)) for name, value in values.items()}

    def _people(self, user: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The distinct rows among the active users, ascending, and which of them each user is; ``OtherWorldError``: none."""
        distinct, which = np.unique(user, return_inverse=True)
        rows = np.searchsorted(self.world.active.user, distinct)
        if (self.world.active.user[np.minimum(rows, self.world.active.user.size - 1)] != distinct).any():
            raise OtherWorldError("somebody ordered who is not among the active users of this world: the log is of another one.")
        return rows, which

    def _not_drawn(
        self, orders: PastOrders, row: NDArray[np.int64], part: NDArray[np.int64], followed: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Chance that no draw of the order is the part, nor one that brings it at once, shape (n_rows, n_projects).

        Args:
            orders: so far.
            row: of the active user.
            part: of each row.
            followed: chance that the companion of a part in this order comes with it.
        """
        week = np.full(row.size, self.week)
        chances = self._draws.of_parts(row, week, part)
        missing = _no_draw(chances)
        carrier = first_parts(self.world.parts)[part]
        brought = np.flatnonzero((carrier >= 0) & (orders.order_of(row, carrier) < 0))
        either = chances[brought] + self._draws.of_parts(row[brought], week[brought], carrier[brought])
        share = followed[brought, None]
        missing[brought] = (1 - share) * missing[brought] + share * _no_draw(either)
        for planted in (HOLLEY, MSD):
            theirs = np.flatnonzero(part == planted)
            missing[theirs] = 1 - self._planted_share(planted) * self._draws.can_use(row[theirs], planted)[:, None]
        return missing

    def _planted_share(self, part: int) -> float:
        """Share with one of Sarah's parts, which are planted by count, among the orders so far of people who can use it."""
        orders = self._all_orders
        holds = np.bincount(orders.line_order[orders.line_part == part], minlength=orders.row.size) > 0
        can_use = self._draws.can_use(orders.row, part)
        return float(holds[can_use].mean()) if can_use.any() else 0.0

    @cached_property
    def _all_orders(self) -> PastOrders:
        everybody = np.arange(self.world.active.user.size)
        return orders_of(past_of(self.world, self.interactions, everybody, self.week))

    @property
    def _first_week(self) -> int:
        """The week in which the log begins."""
        since = start(self.world.preset.weeks)
        return int((self.interactions.at.min(initial=since + self.week * WEEK) - since) // WEEK)

    @cached_property
    def _draws(self) -> DrawChances:
        return DrawChances(self.world)


def next_project(world: World, rows: NDArray[np.int64], evidence: Sequence[Evidence]) -> NDArray[np.float64]:
    """Chance of each project to be that of the next order, shape (n_people, n_projects), by Bayes' rule.

    Projects are drawn by the preferences of the owners of the primary vehicle: one, or three by a repeat buyer, whose visits and
    orders are divided between them by ``PROJECT_SHARES``; for these the posterior of all triples is summed.

    Args:
        world: whose people.
        rows: of the active users, ascending.
        evidence: of these people.

    Raises:
        OtherWorldError: the world could not have brought about what somebody did.
    """
    row = np.concatenate([piece.row for piece in evidence])
    loglik = np.concatenate([piece.loglik for piece in evidence])
    if not np.isfinite(loglik.max(axis=1)).all():
        raise OtherWorldError(
            "somebody did what is not possible in this world: the log is of another one, or begins within a week."
        )
    order = np.argsort(row, kind="stable")
    loglik = loglik[order] - loglik[order].max(axis=1, keepdims=True)
    begin, end = (np.searchsorted(row[order], rows, side=side) for side in ("left", "right"))
    prior = world.demand.preferences[primary_models(world.people, world.vehicles, world.active.user[rows])]
    chances = np.empty_like(prior)
    for person, repeats in enumerate(world.active.role[rows] == REPEAT):
        own = loglik[begin[person] : end[person]]
        chances[person] = _of_three(prior[person], own) if repeats else _of_one(prior[person], own)
    return chances


def _of_one(prior: NDArray[np.float64], loglik: NDArray[np.float64]) -> NDArray[np.float64]:
    return _posterior(prior, loglik.sum(axis=0))


def _of_three(prior: NDArray[np.float64], loglik: NDArray[np.float64]) -> NDArray[np.float64]:
    likelihood, n_projects = np.exp(loglik), prior.size
    total = np.zeros((n_projects,) * 3)
    first, second, third = PROJECT_SHARES
    with np.errstate(divide="ignore"):  # the logarithm of what is as good as impossible
        for begin in range(0, len(likelihood), AT_ONCE):
            product = np.ones_like(total)
            for of_one in likelihood[begin : begin + AT_ONCE]:
                product *= (first * of_one[:, None] + second * of_one)[:, :, None] + third * of_one
            total += np.log(product)
    triples = _posterior(prior[:, None, None] * prior[:, None] * prior, total)
    sums = [triples.sum(axis=axes) for axes in ((1, 2), (0, 2), (0, 1))]
    return np.asarray(np.array(PROJECT_SHARES) @ np.stack(sums))


def _posterior(prior: NDArray[np.float64], loglik: NDArray[np.float64]) -> NDArray[np.float64]:
    weight = prior * np.exp(loglik - loglik.max())
    return np.asarray(weight / weight.sum())


def _no_draw(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chance that no draw of a basket is something of these chances."""
    other, none = 1 - chances, np.zeros_like(chances)
    for share in reversed(BASKET_SHARES):  # of baskets of one, two, three ...: Horner's scheme
        none = (none + share) * other
    return none

"""The strongest edge behind a term of a score: the part of the user's history, or the vehicle, that a part was listed for.

Only edges that exist are named: a path over the user's own events alone is none, and people are counted without the user. Of
several parts of a history the one is named without which the term would fall most. Ties go to the smaller id.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd
from scipy import sparse

from recs_assets.gnn.channels.ease import NAME as EASE
from recs_assets.gnn.channels.evidence import VEHICLES, Evidence
from recs_assets.gnn.explain.edges import Edges
from recs_assets.gnn.explain.links import ROUNDING, links, loss, n_in_both, strongest
from recs_assets.gnn.graph import ORDER
from recs_assets.gnn.snapshots import DAY_MICROSECONDS, Snapshot
from recs_assets.model_settings import ReasonsSettings
from recs_assets.ranking.arrays import Floats, Ints
from recs_assets.ranking.reasons import GENERIC_CODES, Terms, family
from recs_assets.ranking.sparse_matrices import at, incidence
from recs_assets.settings import SqlBaselineSettings

ROWS_PER_CHUNK = 1024
# Where no term of the score says more than what is true for everybody: true of a part whatever it was listed for. The first
# comes before what a term says of everybody, the others, in this order, after it.
OF_THE_PERSON, LAST_RESORTS = "garage_fitment", ("sql_global", "universal", "catalogue")


def strongest_edges(explainer: "Explainer", users: Ints, products: Ints, terms: Terms) -> pd.DataFrame:
    """For each listed part the strongest edge behind the first of its terms that has one, and rather one of the person than one
    that is the same for everybody.

    Args:
        explainer: the graph as the scores saw it.
        users: [rows] whose list it is; a profile that many share is explained as any one of them.
        products: [rows] the listed part.
        terms: [rows x k] what the score was made of, the most important first.

    Returns:
        Columns code (never -1), product, history, has_bought (whether the user ordered the part of the history), vehicle
        and count.
    """
    edges, generic, unexplained = Edges.none(len(users)), Edges.none(len(users)), np.arange(len(users))

    def explain(term: str, rows: Ints) -> None:
        behind = explainer.edges(term, users[rows], products[rows])
        is_generic = np.isin(behind.code, GENERIC_CODES)
        edges.put(rows[~is_generic], behind.of(~is_generic))
        is_first = is_generic & (generic.code[rows] < 0)
        generic.put(rows[is_first], behind.of(is_first))

    for codes in terms.codes.T:
        of_row = codes[unexplained]
        for code in np.unique(of_row[of_row >= 0]):
            explain(terms.names[code], unexplained[of_row == code])
        unexplained = unexplained[edges.code[unexplained] < 0]
    explain(OF_THE_PERSON, unexplained)
    unexplained = unexplained[edges.code[unexplained] < 0]
    for term in LAST_RESORTS:
        explain(term, unexplained[generic.code[unexplained] < 0])
    edges.put(unexplained, generic.of(unexplained))
    has_bought = (edges.history >= 0) & (at(explainer.bought, users, edges.history) > 0)
    return pd.DataFrame(
        {
            "code": edges.code,
            "product": products,
            "history": edges.history,
            "has_bought": has_bought,
            "vehicle": edges.vehicle,
            "count": edges.count,
        }
    )


@dataclass(frozen=True)
class Explainer:
    """Finds the edges behind terms.

    Attributes:
        evidence: what the snapshot says.
        similarities: [products x products] similarity of the column to the row, that is added to SQL's list.
        sql: which orders the tiers count.
        options: when a part may be called popular or trending.
        threads: how many work on the rows at once.
    """

    evidence: Evidence
    similarities: sparse.csr_array
    sql: SqlBaselineSettings
    options: ReasonsSettings
    threads: int

    def edges(self, term: str, users: Ints, products: Ints) -> Edges:
        """The strongest edge of one term for each (user, part); none where the term has no path that can be named."""
        match kind := family(term):
            case "popularity" | "sql_global":
                edges = self._popular(products, is_fast=term == "popularity_fast")
            case "interest":
                edges = Edges.where(at(self.touched, users, products) > 0, "looked_at")
            case "together" if term == EASE:
                edges = self._similar(self.evidence.optional.ease.between, users, products)
            case "together":
                edges = self._together(term, users, products)
            case "similarity":
                edges = self._similar(partial(at, self.similarities), users, products)
            case "part_type" | "brand" | "variant_group":
                edges = self._shared(kind, users, products)
            case "garage":
                edges = self._fitting(users, products, by_usage=term == "garage_usage")
            case "vehicle" | "vehicle_model" | "vehicle_make":
                level = VEHICLES.index(kind)
                edges = self._owners(level, self.evidence.groups[level][1], self._long_touched, users, products)
            case "sql_model" | "sql_make":
                level = VEHICLES.index(term.replace("sql", "vehicle"))
                edges = self._owners(level, self._group_orders[level], self._orders, users, products)
            case "universal":
                edges = Edges.where(self.past.data["product"].is_universal.numpy()[products], "universal")
            case "catalogue":
                edges = Edges.where(np.ones(len(products), dtype=bool), "in_catalogue")
            case _:
                edges = Edges.none(len(users))
        return edges

    @property
    def past(self) -> Snapshot:
        """The graph as of the moment that is explained."""
        return self.evidence.past

    @property
    def touched(self) -> sparse.csr_array:
        """[users x products] 1 where the user has any event with the part."""
        return self.past.ever_touched

    @cached_property
    def bought(self) -> sparse.csr_array:
        """[users x products] 1 where the user has ordered the part."""
        return self.past.bought(None)

    def _together(self, term: str, users: Ints, products: Ints) -> Edges:
        """Of the user's history the part without which the walk to the listed part through other people would be weakest."""
        begins, (to_users, to_products) = self.evidence.begins(term), self.evidence.steps(term)
        by_product = sparse.csc_array(to_products, dtype=np.float64)
        touched = self.touched
        history = np.empty(len(users), dtype=np.int64)
        order = np.argsort(products, kind="stable")

        def explain(start: int) -> None:
            rows = order[start : start + ROWS_PER_CHUNK]
            distinct, place = np.unique(products[rows], return_inverse=True)
            steps = (to_users @ by_product[:, distinct]).toarray()
            person = np.searchsorted(self.past.active, users[rows])
            row, product, weight = links(begins[users[rows]])
            closeness = steps[product, place[row]]
            # The user's own step from the one part to the other is not other people's.
            seen = np.flatnonzero(at(touched, users[rows], products[rows])[row])
            own_person, listed = person[row[seen]], products[rows][row[seen]]
            own = at(to_users, product[seen], own_person) * at(to_products, own_person, listed)
            closeness[seen] = np.where(own < closeness[seen] * (1 - ROUNDING), closeness[seen] - own, 0.0)
            closeness[product == products[rows][row]] = 0.0
            history[rows] = strongest(row, product, loss(row, weight, closeness, len(rows)), len(rows))

        with ThreadPoolExecutor(self.threads) as executor:
            list(executor.map(explain, range(0, len(order), ROWS_PER_CHUNK)))
        return self._bought_with(history, users, products)

    def _similar(self, similarity: Callable[[Ints, Ints], Floats], users: Ints, products: Ints) -> Edges:
        """Of the user's history the part that adds most to the listed part, by what a part of it (the first) gives another."""
        row, product, _ = links(self.touched[users])
        history = strongest(row, product, similarity(product, products[row]), len(users))
        return self._bought_with(history, users, products)

    def _bought_with(self, history: Ints, users: Ints, products: Ints) -> Edges:
        """What other people did with both parts: ordered them, or at least looked at them."""
        named = np.flatnonzero(history >= 0)
        user, first, second = users[named], history[named], products[named]
        is_own = at(self.bought, user, first) > 0
        buyers = n_in_both(self._buyers, first, second) - (is_own & (at(self.bought, user, second) > 0))
        viewers = n_in_both(self._viewers, first, second) - (at(self.touched, user, second) > 0)
        edges = Edges.where(viewers > 0, "viewed_together", history=first, count=viewers)
        edges.overlay(Edges.where((buyers > 0) & ~is_own, "bought_with_viewed", history=first, count=buyers))
        edges.overlay(Edges.where((buyers > 0) & is_own, "bought_together", history=first, count=buyers))
        of_all = Edges.none(len(users))
        of_all.put(named, edges)
        return of_all

    def _shared(self, attribute: str, users: Ints, products: Ints) -> Edges:
        codes = self.past.data["product"][attribute].numpy()
        row, product, weight = links(self.evidence.history[users])
        listed = products[row]
        is_shared = (codes[product] == codes[listed]) & (codes[product] >= 0) & (product != listed)
        history = strongest(row, product, weight * is_shared, len(users))
        return Edges.where(history >= 0, f"same_{attribute}", history=history)

    def _fitting(self, users: Ints, products: Ints, *, by_usage: bool) -> Edges:
        evidence = self.evidence
        owned = evidence.usage(users, evidence.history[users]) if by_usage else self.past.garages[users]
        row, vehicle, weight = links(owned)
        best = strongest(row, vehicle, weight * at(evidence.fitting, vehicle, products[row]), len(users))
        return Edges.where(best >= 0, "fits_vehicle", vehicle=best)

    def _owners(self, level: int, behaviour: sparse.csr_array, own: sparse.csr_array, users: Ints, products: Ints) -> Edges:
        """The group of the garage (a vehicle, a model or a make) whose owners have the most events with the part.

        Args:
            level: position in ``VEHICLES``.
            behaviour: [groups x products] what owners did.
            own: [users x products] what each user contributes to it.
            users: [rows].
            products: [rows].
        """
        membership = self.evidence.groups[level][0]
        row, group, _ = links(self.past.garages[users] @ membership)
        total, mine = at(behaviour, group, products[row]), at(own, users, products)[row]
        others = np.where(mine < total * (1 - ROUNDING), total - mine, 0.0)
        best = strongest(row, group, others, len(users))
        named = best >= 0
        count = np.where(named, at(self._group_people[level], best, products) - at(self.touched, users, products), 0)
        row, vehicle, _ = links(self.past.garages[users])
        is_of_group = at(membership, vehicle, best[row]) * named[row]
        example = strongest(row, vehicle, is_of_group, len(users))
        code = f"popular_with_{VEHICLES[level].removeprefix('vehicle_')}"
        return Edges.where(count > 0, code, vehicle=example, count=count.astype(np.int64))

    def _popular(self, products: Ints, *, is_fast: bool) -> Edges:
        recent, before, buyers = (people[products] for people in self._people)
        edges = Edges.where(buyers > 0, "popular_in_store", count=buyers)
        is_popular = is_fast & (recent >= self.options.popular_people)
        edges.overlay(Edges.where(is_popular, "popular_now", count=recent))
        edges.overlay(Edges.where(is_popular & (recent >= self.options.trend * before), "trending", count=recent))
        return edges

    @cached_property
    def _people(self) -> tuple[Ints, Ints, Ints]:
        """[products] people with an event of the part in the recent days, in as many days before, and who ever ordered it."""
        past, period = self.past, self.options.recent_days * DAY_MICROSECONDS
        counts = []
        for start in (past.as_of - period, past.as_of - 2 * period):
            events = past.log.between(start, start + period)
            pairs = incidence(np.stack([events.user, events.product]), self.touched.shape)
            counts.append(np.asarray(pairs.sum(axis=0), dtype=np.int64))
        recent, before = counts
        return recent, before, np.asarray(self.bought.sum(axis=0), dtype=np.int64)

    @cached_property
    def _buyers(self) -> sparse.csr_array:
        return sparse.csr_array(self.bought.T)

    @cached_property
    def _viewers(self) -> sparse.csr_array:
        return sparse.csr_array(self.touched.T)

    @cached_property
    def _long_touched(self) -> sparse.csr_array:
        return self.past.touched(self.evidence.settings.popularity_half_lives_days[-1])

    @cached_property
    def _orders(self) -> sparse.csr_array:
        """[users x products] orders that SQL counts."""
        past = self.past
        recent = past.log.between(past.as_of - self.sql.lookback_days * DAY_MICROSECONDS, past.as_of)
        orders = recent.where(recent.event_type == ORDER)
        return incidence(np.stack([orders.user, orders.product]), self.touched.shape, np.ones(len(orders.user)))

    @cached_property
    def _group_orders(self) -> list[sparse.csr_array]:
        return [owners @ self._orders for owners in self._owners_of]

    @cached_property
    def _group_people(self) -> list[sparse.csr_array]:
        return [owners @ self.touched for owners in self._owners_of]

    @cached_property
    def _owners_of(self) -> list[sparse.csr_array]:
        """By channel of ``VEHICLES``: [groups x users] 1 where the user owns a vehicle of the group."""
        return [sparse.csr_array(self.past.owners(membership).T) for membership, _ in self.evidence.groups]

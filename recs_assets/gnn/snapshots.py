"""What was known at a moment: the graph's past, never its future."""

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse
from torch_geometric.data import HeteroData

from recs_assets.gnn.graph import BOUGHT_WITH, FITS, INTERACTS, KEPT, ORDER, ORDERED, OWNS
from recs_assets.model_settings import EventWeightsSettings
from recs_assets.ranking.arrays import Flags, Floats, Ints
from recs_assets.ranking.sparse_matrices import incidence, stable_order

DAY_MICROSECONDS = 86_400_000_000  # microseconds
WEEK_MICROSECONDS = 7 * DAY_MICROSECONDS
FOREVER = float("inf")  # a half-life without decay


class LeakageError(ValueError):
    """Something was asked of a snapshot that nobody could know at its moment."""


def microseconds(moment: dt.datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exactly."""
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class Interactions:
    """A stretch of the interaction log, ascending in time: five arrays of one length; what is not returned has ``KEPT``."""

    user: Ints
    product: Ints
    event_type: Ints
    time: Ints
    returned_at: Ints

    def between(self, start: int, end: int) -> "Interactions":
        """The events in [start, end), in microseconds."""
        return self._picked(slice(*np.searchsorted(self.time, (start, end))))

    def where(self, mask: Flags) -> "Interactions":
        """The events that the mask picks."""
        return self._picked(mask)

    def kept(self, as_of: int) -> "Interactions":
        """The events that had not been returned before ``as_of``, in microseconds."""
        kept = self.returned_at >= as_of
        return self if kept.all() else self._picked(kept)

    def _picked(self, picked: Flags | slice) -> "Interactions":
        columns = (self.user, self.product, self.event_type, self.time, self.returned_at)
        return Interactions(*(column[picked] for column in columns))


@dataclass(frozen=True)
class Snapshot:
    """The graph as of a moment: every event and every ownership in it is older than ``as_of``, and no event returned by then."""

    data: HeteroData
    as_of: int
    log: Interactions
    event_weights: Floats
    _touched: dict[float, sparse.csr_array] = field(default_factory=dict, repr=False)

    @property
    def n_users(self) -> int:
        """Users in the graph, with or without events."""
        return int(self.data["user"].num_nodes)

    @property
    def n_products(self) -> int:
        """Products in the graph."""
        return int(self.data["product"].num_nodes)

    @cached_property
    def garages(self) -> sparse.csr_array:
        """[users x vehicles], 1 where the user owned the vehicle by then."""
        known = self.data[OWNS].added_at.numpy() < self.as_of
        edges = self.data[OWNS].edge_index.numpy()[:, known]
        return incidence(edges, (self.n_users, int(self.data["vehicle"].num_nodes)))

    def owners(self, membership: sparse.csr_array) -> sparse.csr_array:
        """[users x groups] 1 where the user owns a vehicle of the group, by ``membership`` [vehicles x groups]."""
        owners = sparse.csr_array(self.garages @ membership)
        owners.data[:] = 1.0
        return owners

    @cached_property
    def fits(self) -> sparse.csr_array:
        """[products x vehicles], 1 where the part fits."""
        return incidence(self.data[FITS].edge_index.numpy(), (self.n_products, int(self.data["vehicle"].num_nodes)))

    @cached_property
    def n_events(self) -> Ints:
        """[users] events known by then."""
        return np.bincount(self.log.user, minlength=self.n_users).astype(np.int64)

    @cached_property
    def active(self) -> Ints:
        """Users with an event known by then, ascending."""
        return np.flatnonzero(self.n_events)

    @cached_property
    def state(self) -> Floats:
        """[users x 3] the input of the channels' gate: log(1 + events), no events at all, log(1 + days since the last one)."""
        last = np.full(self.n_users, -1, dtype=np.int64)
        np.maximum.at(last, self.log.user, self.log.time)
        cold = self.n_events == 0
        idle_days = np.where(cold, 0.0, (self.as_of - last) / DAY_MICROSECONDS)
        return np.stack([np.log1p(self.n_events), cold.astype(float), np.log1p(idle_days)], axis=1)

    def weights(self, half_life_days: float) -> Floats:
        """[events] weight of each event: its type's, halved with every half-life of age."""
        age_days = (self.as_of - self.log.time) / DAY_MICROSECONDS
        decayed: Floats = self.event_weights[self.log.event_type] * np.exp2(-age_days / half_life_days)
        return decayed

    def touched(self, half_life_days: float) -> sparse.csr_array:
        """[users x products] weight of each pair's strongest event after decay.

        The strongest, not the sum: summed repeats let a few habitual pairs drown the paths (cosine alone, on purchase logs
        of a shop without views: Recall@10 .072 against .056 on weeks before the held-out ones).

        Computed once a half-life and shared: copy it before changing it.
        """
        if half_life_days not in self._touched:
            self._touched[half_life_days] = self._strongest(half_life_days)
        return self._touched[half_life_days]

    @cached_property
    def ever_touched(self) -> sparse.csr_array:
        """[users x products] 1 where the user has any event with the part; shared, as ``touched`` is."""
        return incidence(np.stack([self.log.user, self.log.product]), (self.n_users, self.n_products))

    def _strongest(self, half_life_days: float) -> sparse.csr_array:
        order, starts = self._by_pair
        shape = (self.n_users, self.n_products)
        if not len(order):
            return sparse.csr_array(shape)
        first = order[starts]
        strongest = np.maximum.reduceat(self.weights(half_life_days)[order], starts)
        return incidence(np.stack([self.log.user[first], self.log.product[first]]), shape, strongest)

    @cached_property
    def _by_pair(self) -> tuple[Ints, Ints]:
        """The order of events by user and product, and where each pair begins in it."""
        by_product = stable_order(self.log.product, self.n_products)
        order = by_product[stable_order(self.log.user[by_product], self.n_users)]
        pair = self.log.user[order] * self.n_products + self.log.product[order]
        return order, np.flatnonzero(np.diff(pair, prepend=-1))

    def used(self, half_life_days: float) -> sparse.csr_array:
        """[users x products] decayed weights of all of a pair's events together: event type x frequency x decay."""
        edges = np.stack([self.log.user, self.log.product])
        return incidence(edges, (self.n_users, self.n_products), self.weights(half_life_days))

    def bought_with(self, min_users: int, half_life_days: float = np.inf, as_of: int | None = None) -> sparse.csr_array:
        """[products x products] people who bought both, each pair once with the smaller product first, newer ones weighing more.

        Only weeks that had ended count, and only pairs that at least ``min_users`` people had bought by then: the export
        keeps a pair for what happened in any of its weeks.

        Args:
            min_users: people who bought both.
            half_life_days: age at which a week's people count half.
            as_of: microseconds; another moment than the snapshot's own.

        Raises:
            LeakageError: ``as_of`` is later than the snapshot.
        """
        moment = self.as_of if as_of is None else as_of
        if moment > self.as_of:
            later = (moment - self.as_of) / DAY_MICROSECONDS
            raise LeakageError(
                f"co-purchases were asked for as of {later:.1f} days after their snapshot: what a model is evaluated on would be "
                "among its inputs. Take a snapshot of that moment instead."
            )
        edges = self.data[BOUGHT_WITH]
        age = moment - (edges.week.numpy() + WEEK_MICROSECONDS)
        known = (age >= 0) & (edges.returned_at.numpy() >= moment)
        pairs, n_users = edges.edge_index.numpy()[:, known], edges.n_users.numpy()[known]
        shape = (self.n_products, self.n_products)
        people = incidence(pairs, shape, n_users.astype(np.float64))
        decayed = incidence(pairs, shape, n_users * np.exp2(-age[known] / DAY_MICROSECONDS / half_life_days))
        decayed.data[people.data < min_users] = 0.0
        decayed.eliminate_zeros()
        return decayed

    def bought(self, days: int | None) -> sparse.csr_array:
        """[users x products] 1 where the user ordered the part in the ``days`` before; all time where ``days`` is None."""
        start = np.iinfo(np.int64).min if days is None else self.as_of - days * DAY_MICROSECONDS
        orders = self.log.where((self.log.event_type == ORDER) & (self.log.time >= start))
        return incidence(np.stack([orders.user, orders.product]), (self.n_users, self.n_products))

    def not_again(self, days: int) -> sparse.csr_array:
        """[users x products] 1 where the user ordered the part in the ``days`` before, by orders that are no evidence too."""
        orders = self.data[ORDERED]
        time = orders.time.numpy()
        known = (time >= self.as_of - days * DAY_MICROSECONDS) & (time < self.as_of)
        known &= orders.returned_at.numpy() >= self.as_of
        others = incidence(orders.edge_index.numpy()[:, known], (self.n_users, self.n_products))
        return sparse.csr_array(self.bought(days).maximum(others))


def interactions(data: HeteroData) -> Interactions:
    """The graph's whole interaction log."""
    edges = data[INTERACTS]
    user, product = edges.edge_index.numpy()
    return Interactions(user, product, edges.event_type.numpy(), edges.time.numpy(), edges.returned_at.numpy())


def snapshot(data: HeteroData, as_of: int, weights: EventWeightsSettings) -> Snapshot:
    """The graph as it was known just before ``as_of`` (microseconds)."""
    log = interactions(data).between(np.iinfo(np.int64).min, as_of).kept(as_of)
    return Snapshot(data, as_of, log, np.array([weights.view, weights.cart, weights.order]))


def held_out(
    past: Snapshot, *, days: int, orders_only: bool, exclude_bought_days: int | None, returns_known_at: int = KEPT
) -> tuple[Ints, Ints]:
    """The targets of a snapshot: sorted distinct (user, product) pairs with an event in the ``days`` after, not bought before.

    Args:
        past: the snapshot; the pairs come from [as_of, as_of + days).
        days: length of the window.
        orders_only: count orders only, or every event.
        exclude_bought_days: products that the user bought so recently are not new; ``None``: nothing is excluded.
        returns_known_at: microseconds; what was returned before is no target. By default whatever the graph knows of.
    """
    window = _after(past, days, returns_known_at)
    if orders_only:
        window = window.where(window.event_type == ORDER)
    return new_pairs(past, window.user, window.product, exclude_bought_days)


def new_pairs(past: Snapshot, users: Ints, products: Ints, exclude_bought_days: int | None) -> tuple[Ints, Ints]:
    """The sorted distinct pairs among [n] users and products that were not bought in so many days before the snapshot."""
    new = incidence(np.stack([users, products]), (past.n_users, past.n_products))
    if exclude_bought_days is not None:
        new = new - new.multiply(past.not_again(exclude_bought_days))
    new = sparse.csr_array(new)
    new.eliminate_zeros()
    new.sort_indices()
    rows, columns = new.nonzero()
    return rows.astype(np.int64), columns.astype(np.int64)


def _after(past: Snapshot, days: int, returns_known_at: int) -> Interactions:
    return interactions(past.data).between(past.as_of, past.as_of + days * DAY_MICROSECONDS).kept(returns_known_at)


def edge_weights(past: Snapshot, users: Ints, products: Ints, days: int, returns_known_at: int = KEPT) -> Floats:
    """Weight of each held-out pair: that of its heaviest event in the ``days`` after the snapshot, an order's being 1."""
    window = _after(past, days, returns_known_at)
    order = np.argsort(past.event_weights[window.event_type], kind="stable")
    keys = window.user[order] * past.n_products + window.product[order]
    # Of a repeated key the heaviest stands last: a search from the right of a stable sort gives it.
    by_key = np.argsort(keys, kind="stable")
    last = np.searchsorted(keys[by_key], users * past.n_products + products, side="right") - 1
    heaviest = past.event_weights[window.event_type[order[by_key[last]]]]
    return np.asarray(heaviest / past.event_weights[ORDER], dtype=np.float64)

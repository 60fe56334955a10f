"""How likely a single draw of ``purchases.draw_parts`` is each part, by the project that the drawer is at."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recs_assets.demo.purchases import IN_PROJECT_SHARE, World


@dataclass(frozen=True)
class DrawChances:
    """The chances of single draws in a world with signal; ``row`` is always a row of the active users."""

    world: World

    def of_parts(self, row: NDArray[np.int64], week: NDArray[np.int64], part: NDArray[np.int64]) -> NDArray[np.float64]:
        """Chance that one draw of each row's person in its week is its part, shape (n_rows, n_projects)."""
        position, shelf, share = self._shelves(row)
        drawn = part[position]
        weight = share * self._tastes(shelf, drawn) * self.world.demand.popularity[week[position], drawn]
        there = weight > 0
        position, shelf, drawn, weight = position[there], shelf[there], drawn[there], weight[there]
        held = self._held[week[position], shelf]
        chances = np.where(held > 0, 1 - IN_PROJECT_SHARE, 1.0) * (weight / held.sum(axis=1))[:, None]
        own = (np.arange(drawn.size), self.world.parts.project[drawn])
        chances[own] += IN_PROJECT_SHARE * weight / held[own]
        return np.asarray(sum_rows(position, row.size) @ chances)

    def of_nothing(self, row: NDArray[np.int64], week: NDArray[np.int64]) -> NDArray[np.float64]:
        """Chance that one draw gives no part, as on the empty shelf of a vehicle that nothing fits; shape (n_rows,)."""
        position, shelf, share = self._shelves(row)
        empty = self._held[week[position], shelf].sum(axis=1) == 0
        return np.asarray(np.bincount(position, weights=share * empty, minlength=row.size), dtype=np.float64)

    def can_use(self, row: NDArray[np.int64], part: int) -> NDArray[np.bool_]:
        """Whether a part is on any shelf that each row's person draws from, popular or not."""
        position, shelf, _ = self._shelves(row)
        on_shelf = self._tastes(shelf, np.full(shelf.size, part)) > 0
        return np.bincount(position[on_shelf], minlength=row.size) > 0

    def _shelves(self, row: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Every shelf that a row's person draws from: position of the row, shelf, chance of the shelf."""
        people, vehicles = self.world.people, self.world.vehicles
        user = self.world.active.user[row]
        size = people.garage_start[user + 1] - people.garage_start[user]
        n_picks = np.maximum(size, 1)
        position = np.repeat(np.arange(row.size), n_picks)
        place = people.garage_start[user][position] + np.arange(position.size) - (np.cumsum(n_picks) - n_picks)[position]
        owns = size[position] > 0
        vehicle = people.garage[np.minimum(place, people.garage.size - 1)]
        universal_shelf = len(vehicles.ids) + np.where(owns, vehicles.model[vehicle], vehicles.n_models)
        universal_share = np.where(owns, self.world.preset.universal_draws, 1.0) / n_picks[position]
        fitting_share = (1 - self.world.preset.universal_draws) / n_picks[position]
        return (
            np.concatenate([position, position[owns]]),
            np.concatenate([universal_shelf, vehicle[owns]]),
            np.concatenate([universal_share, fitting_share[owns]]),
        )

    def _tastes(self, shelf: NDArray[np.int64], part: NDArray[np.int64]) -> NDArray[np.float64]:
        """Factor on the popularity of each part on its shelf; 0 where it is not on it."""
        keys, tastes = self._entries
        wanted = shelf * self.world.parts.price.size + part
        place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
        return np.where(keys[place] == wanted, tastes[place], 0.0)

    @cached_property
    def _entries(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """All entries by shelf and part: one ascending number for both, and the taste."""
        demand = self.world.demand
        shelf = np.repeat(np.arange(demand.starts.size - 1), np.diff(demand.starts)) // demand.n_projects
        keys = shelf * self.world.parts.price.size + demand.part
        order = np.argsort(keys)
        return keys[order], demand.taste[order]

    @cached_property
    def _held(self) -> NDArray[np.float64]:
        """Weight of all entries of a shelf and project in a week, shape (n_weeks, n_shelves, n_projects)."""
        demand = self.world.demand
        sums = [np.diff(demand.cumulative(week)[demand.starts]) for week in range(demand.popularity.shape[0])]
        return np.stack(sums).reshape(len(sums), -1, demand.n_projects)


def sum_rows(group: NDArray[np.int64], n_groups: int) -> sparse.csr_array:
    """The matrix [n_groups x rows] that sums rows by their group."""
    return sparse.csr_array((np.ones(group.size), (group, np.arange(group.size))), shape=(n_groups, group.size))

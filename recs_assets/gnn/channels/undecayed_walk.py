"""A walk that forgets nothing: P3 (Cooper et al. 2014) over all that anybody has ever touched, however long ago and how often.

Where tastes last it says more than walks whose steps fade; where fashions change it says less. So the validation weeks
decide whether it is selected: see ``choice``.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from recs_assets.gnn.channels.popularity import floored_shares
from recs_assets.gnn.channels.walks import Steps, Walks
from recs_assets.gnn.snapshots import Snapshot
from recs_assets.ranking.arrays import Floats32, Ints
from recs_assets.ranking.sparse_matrices import normalise_rows, walk_steps

NAME = "walk_undecayed"
# A walk that leads to a part as often as anything would counts so much beside where it does lead.
SHRINKAGE = 0.3


@dataclass(frozen=True)
class UndecayedWalk:
    """The walk of a snapshot, ready to be followed from any history.

    Attributes:
        past: the snapshot.
        n_asked: how many histories it will be followed from, in all.
    """

    past: Snapshot
    n_asked: int

    def lift(self, users: Ints, candidates: sparse.csr_array, threads: int = 1) -> Floats32:
        """Log of how much more often the walk ends at a part than people come to it at all, shrunk towards none.

        With x_p the chance that it ends at p and s_p the part's share of the pairs of people and parts, log((x_p / s_p + k) /
        (1 + k)), in the manner of a Dirichlet prior (Zhai & Lafferty 2004).

        Args:
            users: [n] rows of the graph's users, all with a history.
            candidates: [n x products] one entry per candidate, indices sorted.
            threads: that it may use.

        Returns:
            [entries of ``candidates``].
        """
        lift: Floats32 = self._walks.reached(self.history[users], candidates, threads)[:, 0]
        lift /= self._shares[candidates.indices]
        lift += SHRINKAGE
        lift /= 1 + SHRINKAGE
        return np.log(lift, out=lift)

    @cached_property
    def history(self) -> sparse.csr_array:
        """[users x products] an equal share for each part that a user has touched: where the walk begins."""
        return normalise_rows(self._touched)

    @cached_property
    def steps(self) -> Steps:
        """[products x active users] and [active users x products]."""
        touched = self._touched[self.past.active]
        return walk_steps(touched)

    @cached_property
    def _touched(self) -> sparse.csr_array:
        return self.past.ever_touched.astype(np.float32)

    @cached_property
    def _walks(self) -> Walks:
        return Walks((self.steps,), self.n_asked)

    @cached_property
    def _shares(self) -> Floats32:
        """[products] of all pairs of people and parts, none of them zero."""
        people = np.asarray(self._touched.sum(axis=0), dtype=np.float64).ravel()
        return np.asarray(floored_shares(people), dtype=np.float32)

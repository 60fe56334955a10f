"""Evidence by part type: what types the owners of the garage's models take to, and what types people with such a history do.

Few parts have many events and every type has some: of a vehicle or a history about which little is known in parts, the type of
what comes next is known much better. Both channels are logarithms of a share of types over the usual one, shrunk towards it
(smoothing by a Dirichlet prior, Zhai & Lafferty 2004), and zero for a part without a type.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from recs_assets.gnn.channels.candidate_pairs import CandidatePairs
from recs_assets.gnn.channels.popularity import floored_shares
from recs_assets.gnn.snapshots import Snapshot
from recs_assets.model_settings import ModelSettings
from recs_assets.ranking.arrays import Floats, Floats32, Ints
from recs_assets.ranking.sparse_matrices import normalise_rows, one_hot


@dataclass(frozen=True)
class PartTypes:
    """The types of a snapshot's parts, ready to be asked about any of its users.

    Attributes:
        past: the snapshot.
        settings: half-life of what owners took to, and how far either channel is shrunk.
        history: [users x products] share of each part in what a user has touched.
    """

    past: Snapshot
    settings: ModelSettings
    history: sparse.csr_array

    def of_owners(self, users: Ints, pairs: CandidatePairs) -> Floats32:
        """[pairs] log of the share of the part's type in what owners of the garage's models touched, over its usual share.

        With G_t what they touched of type t, n the sum over types, s_t the usual share and k the shrinkage,
        log((G_t + k s_t) / ((n + k) s_t)): zero for who has no vehicle of a known model.
        """
        touched = (self._owners[users] @ self._by_model).toarray()
        return self._ratio(touched, self._usual_of_owners, self.settings.owner_types_shrinkage, pairs)

    def after(self, history: sparse.csr_array, pairs: CandidatePairs) -> Floats32:
        """[pairs] log of the share that two steps from the history give the part's type, over its usual share.

        The steps go from the types of the history to people, and on to the types of theirs. ``history`` is [rows x products],
        the rows of ``pairs``; the formula is that of ``of_owners``, zero for who has no history of known type.
        """
        reached = (history @ self._members @ self._steps).toarray()
        return self._ratio(reached, self._usual_of_active, self.settings.next_types_shrinkage, pairs)

    def _ratio(self, amounts: Floats, usual: Floats, shrinkage: float, pairs: CandidatePairs) -> Floats32:
        total = amounts.sum(axis=1, keepdims=True)
        ratio = np.log((amounts + shrinkage * usual) / ((total + shrinkage) * usual))
        # Code -1, of a part without a type, reads the last column: zeros.
        padded = np.pad(ratio, ((0, 0), (0, 1))).astype(np.float32)
        return np.asarray(padded[pairs.row, self._codes[pairs.product]])

    @cached_property
    def _codes(self) -> Ints:
        return np.asarray(self.past.data["product"].part_type.numpy(), dtype=np.int64)

    @cached_property
    def _members(self) -> sparse.csr_array:
        return one_hot(self._codes)

    @cached_property
    def _models(self) -> sparse.csr_array:
        """[vehicles x models]."""
        return one_hot(self.past.data["vehicle"].model_code.numpy())

    @cached_property
    def _touched(self) -> sparse.csr_array:
        """[users x types] what each touched, over the root of all that they touched: a wholesaler is not a hundred people."""
        touched = self.past.touched(self.settings.owner_types_half_life_days)
        totals = np.asarray(touched.sum(axis=1)).ravel()
        inverse = np.divide(1.0, np.sqrt(totals), out=np.zeros_like(totals), where=totals > 0)
        return sparse.csr_array(sparse.diags_array(inverse) @ touched @ self._members)

    @cached_property
    def _usual_of_owners(self) -> Floats:
        return _shares(self._touched)

    @cached_property
    def _by_model(self) -> sparse.csr_array:
        """[models x types] what the owners of a vehicle of the model touched; who owns two of them counts once."""
        return sparse.csr_array(self._owners.T @ self._touched)

    @cached_property
    def _owners(self) -> sparse.csr_array:
        return self.past.owners(self._models)

    @cached_property
    def _of_active(self) -> sparse.csr_array:
        """[active users x types] share of each type in what they touched."""
        return sparse.csr_array(self.history[self.past.active] @ self._members)

    @cached_property
    def _usual_of_active(self) -> Floats:
        return _shares(self._of_active)

    @cached_property
    def _steps(self) -> sparse.csr_array:
        """[types x types] where the two steps from a type lead, each row a share."""
        return normalise_rows(sparse.csr_array(self._of_active.T @ self._of_active))


def _shares(of_people: sparse.csr_array) -> Floats:
    """[types] the share of each in [people x types], none of them zero."""
    return floored_shares(np.asarray(of_people.sum(axis=0)).ravel())

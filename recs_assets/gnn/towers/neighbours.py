"""The neighbours of every node as of a snapshot: the input of the attention towers.

Every node keeps at most so many neighbours a relation, the heaviest ones: no sampler is needed (PyG's neighbour loaders need
pyg-lib).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import sparse

from recs_assets.gnn.channels.evidence import Evidence
from recs_assets.gnn.snapshots import Snapshot
from recs_assets.gnn.towers.edges import Edges
from recs_assets.ranking.arrays import Floats32, Ints, descending_within, positions
from recs_assets.ranking.sparse_matrices import row_of_entry
from recs_assets.settings import Settings

# Target and source of each relation: the target attends to the source.
RELATIONS: Mapping[str, tuple[str, str]] = {
    "history": ("user", "product"),
    "garage": ("user", "vehicle"),
    "audience": ("product", "user"),
    "fitted_vehicles": ("product", "vehicle"),
    "bought_with": ("product", "product"),
    "fitting_products": ("vehicle", "product"),
    "owners": ("vehicle", "user"),
}


@dataclass(frozen=True)
class Neighbours:
    """One relation.

    Attributes:
        edges: from every target's neighbours to it, its heaviest one first.
        log_weight: float32 [edges] log(1 + edge weight).
    """

    edges: Edges
    log_weight: torch.Tensor

    def to(self, device: str) -> "Neighbours":
        """The same on a device."""
        return Neighbours(self.edges.to(device), self.log_weight.to(device))


@dataclass(frozen=True)
class TowerInputs:
    """All that the towers are given of a snapshot.

    Attributes:
        users: [n] rows of the graph's users, ascending; the edges count within them.
        user_state: float32 [n x 3].
        product_features: float32 [products x features].
        product_tokens: int64 [products x tokens].
        vehicle_tokens: int64 [vehicles x tokens].
        relations: the neighbours by name, as in ``RELATIONS``; of vehicles only where there are two steps.
    """

    users: Ints
    user_state: torch.Tensor
    product_features: torch.Tensor
    product_tokens: torch.Tensor
    vehicle_tokens: torch.Tensor
    relations: Mapping[str, Neighbours]

    def to(self, device: str) -> "TowerInputs":
        """The same on a device."""
        tensors = ("user_state", "product_features", "product_tokens", "vehicle_tokens")
        moved = {name: getattr(self, name).to(device) for name in tensors}
        return replace(self, **moved, relations={name: each.to(device) for name, each in self.relations.items()})

    def rows_of(self, users: Ints) -> torch.Tensor:
        """Where some users of the graph stand among ``users``."""
        return torch.from_numpy(np.searchsorted(self.users, users))


def tower_inputs(past: Snapshot, users: Ints, settings: Settings) -> TowerInputs:
    """The inputs of the towers for some users, and for everybody with a history: parts and vehicles attend to these.

    Args:
        past: the snapshot.
        users: rows of the graph's users that are to have a vector.
        settings: half-life and most neighbours a node in ``settings.towers``.
    """
    options = settings.towers
    needed = np.union1d(past.active, users)
    used = past.used(options.half_life_days or np.inf)
    garages, fits = past.garages, past.fits
    owners = np.asarray(garages.sum(axis=0)).ravel()
    pairs = past.bought_with(settings.co_purchase.min_users, options.half_life_days or np.inf)
    active_in_needed = np.searchsorted(needed, past.active)
    # A vehicle keeps the fitting parts that sell most, a part the vehicles that most people own.
    edges = {
        "history": used[needed],
        "garage": garages[needed],
        "audience": _columns_moved(sparse.csr_array(used[past.active].T), active_in_needed, len(needed)),
        "fitted_vehicles": sparse.csr_array(fits @ sparse.diags_array(owners)),
        "bought_with": sparse.csr_array(pairs + pairs.T),
    }
    if options.hops > 1:  # a vehicle's messages of the last step go nowhere
        popular = np.asarray(used.sum(axis=0)).ravel()
        edges["fitting_products"] = sparse.csr_array(fits.T @ sparse.diags_array(popular))
        edges["owners"] = _columns_moved(sparse.csr_array(garages[past.active].T), active_in_needed, len(needed))
    return TowerInputs(
        users=needed,
        user_state=torch.from_numpy(past.state[needed].astype(np.float32)),
        product_features=torch.from_numpy(_product_features(past, settings)),
        product_tokens=past.data["product"].tokens,
        vehicle_tokens=past.data["vehicle"].tokens,
        relations={name: heaviest(matrix, options.neighbours) for name, matrix in edges.items()},
    )


def heaviest(matrix: sparse.csr_array, most: int) -> Neighbours:
    """The ``most`` heaviest entries of every row, ties to the smaller column."""
    matrix.eliminate_zeros()
    matrix.sort_indices()
    row = row_of_entry(matrix)
    order = descending_within(matrix.data, matrix.indptr)[positions(row) < most]
    edges = Edges.of(matrix.indices[order], np.minimum(np.diff(matrix.indptr), most), matrix.shape[1])
    return Neighbours(edges, torch.from_numpy(np.log1p(matrix.data[order]).astype(np.float32)))


def _product_features(past: Snapshot, settings: Settings) -> Floats32:
    """[products x 6] log price, universal, eligible, and log popularity at three half-lives; each around zero."""
    product = past.data["product"]
    columns = [np.log(product.price.numpy()), product.is_universal.numpy(), product.is_eligible.numpy()]
    columns += list(Evidence(past, settings.model).log_popularity.T)
    features = np.stack(columns, axis=1).astype(np.float64)
    spread = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.asarray(scaled, dtype=np.float32)


def _columns_moved(matrix: sparse.csr_array, to: Ints, n_columns: int) -> sparse.csr_array:
    """The matrix with column n renamed ``to[n]``, of ``n_columns``."""
    return sparse.csr_array((matrix.data, to[matrix.indices], matrix.indptr), shape=(matrix.shape[0], n_columns))

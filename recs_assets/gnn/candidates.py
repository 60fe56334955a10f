"""Which parts each user may be shown: the same for training, evaluation and serving."""

from scipy import sparse
from torch_geometric.data import HeteroData

from recs_assets.gnn.graph import FITS
from recs_assets.gnn.snapshots import Snapshot
from recs_assets.ranking.arrays import Ints
from recs_assets.ranking.candidates import Catalogue, candidate_matrix
from recs_assets.ranking.kept_candidates import KeptCandidates
from recs_assets.ranking.rules import PartAttributes
from recs_assets.ranking.sparse_matrices import incidence
from recs_assets.settings import Settings


def eligible_candidates(past: Snapshot, users: Ints, settings: Settings) -> sparse.csr_array:
    """[users x products] what each user may be shown as of the snapshot."""
    rules = settings.rules
    bought = past.not_again(rules.exclude_bought_days)[users] if rules.exclude_bought_days else None
    return candidate_matrix(
        past.garages[users],
        bought,
        catalogue(past),
        require_fitment=settings.candidates.require_fitment,
        exclude_variants=bool(rules.exclude_bought_variants),
    )


def catalogue(past: Snapshot) -> Catalogue:
    """The products as candidate generation and the rules see them; ``fits`` is ``None`` in a store without fitment.

    A part that did not exist before the snapshot is not eligible. Price, image and attributes are those of the export, whatever
    the moment: the source keeps no history of them.
    """
    data, product = past.data, past.data["product"]
    fits = incidence(data[FITS].edge_index.numpy(), (product.num_nodes, data["vehicle"].num_nodes))
    return Catalogue(
        eligible=product.is_eligible.numpy() & (product.since.numpy() < past.as_of),
        is_universal=product.is_universal.numpy(),
        variant_group=product.variant_group.numpy(),
        part_type=product.part_type.numpy(),
        fits=fits if fits.nnz else None,
    )


def kept_candidates(data: HeteroData, settings: Settings) -> KeptCandidates:
    """Which of its scored candidates a system keeps for the rules of a list."""
    return KeptCandidates(settings.candidates.kept, part_attributes(data), settings.rules)


def part_attributes(data: HeteroData) -> PartAttributes:
    """What the list rules read of each part."""
    product = data["product"]
    return PartAttributes(product.variant_group.numpy(), product.part_type.numpy(), product.is_universal.numpy())

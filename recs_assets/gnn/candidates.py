"""Which parts each user may be shown: the same for training, evaluation and serving."""

from dataclasses import dataclass
from functools import cached_property

from scipy import sparse
from torch_geometric.data import HeteroData

from recs_assets.gnn.snapshots import Snapshot
from recs_assets.ranking.arrays import Ints
from recs_assets.ranking.candidates import Catalogue, candidate_matrix
from recs_assets.ranking.kept_candidates import KeptCandidates
from recs_assets.ranking.rules import PartAttributes
from recs_assets.settings import Settings


@dataclass(frozen=True)
class Eligibility:
    """What decides which parts anybody may be shown as of a snapshot, worked out once however many people are asked about."""

    past: Snapshot
    settings: Settings

    def candidates(self, users: Ints) -> sparse.csr_array:
        """[users x products] what each user may be shown."""
        return candidate_matrix(
            self.past.garages[users],
            self._bought[users] if self._bought is not None else None,
            self.catalogue,
            require_fitment=self.settings.candidates.require_fitment,
            exclude_variants=bool(self.settings.rules.exclude_bought_variants),
        )

    @cached_property
    def catalogue(self) -> Catalogue:
        """The products as of the snapshot."""
        return catalogue(self.past)

    @cached_property
    def _bought(self) -> sparse.csr_array | None:
        days = self.settings.rules.exclude_bought_days
        return self.past.not_again(days) if days else None


def eligible_candidates(past: Snapshot, users: Ints, settings: Settings) -> sparse.csr_array:
    """[users x products] what each user may be shown as of the snapshot."""
    return Eligibility(past, settings).candidates(users)


def catalogue(past: Snapshot) -> Catalogue:
    """The products as candidate generation and the rules see them; ``fits`` is ``None`` in a store without fitment.

    A part that did not exist before the snapshot is not eligible. Price, image and attributes are those of the export, whatever
    the moment: the source keeps no history of them.
    """
    product = past.data["product"]
    return Catalogue(
        eligible=product.is_eligible.numpy() & (product.since.numpy() < past.as_of),
        is_universal=product.is_universal.numpy(),
        variant_group=product.variant_group.numpy(),
        part_type=product.part_type.numpy(),
        fits=past.fits if past.fits.nnz else None,
    )


def kept_candidates(data: HeteroData, settings: Settings) -> KeptCandidates:
    """Which of its scored candidates a system keeps for the rules of a list."""
    return KeptCandidates(settings.candidates.kept, part_attributes(data), settings.rules)


def part_attributes(data: HeteroData) -> PartAttributes:
    """What the list rules read of each part."""
    product = data["product"]
    return PartAttributes(product.variant_group.numpy(), product.part_type.numpy(), product.is_universal.numpy())

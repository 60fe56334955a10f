"""The lists that are served of a week, with the very files that they were made from."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recs_assets.asset_files import ARMS, FITS_EDGES, LIST_INPUTS, PROFILE_LISTS
from recs_assets.resources.store.artifact import Artifact, StoreError
from recs_assets.resources.store.lineage import export_tables, origins_of, profile_tables
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Mount, Parameter, Warehouse
from recs_assets.settings import Settings


@dataclass(frozen=True)
class ServedLists:
    """What is served of a week: the artifact of its lists, those of ``LIST_INPUTS`` behind it, by name, and what was approved."""

    week: dt.date
    listed: Artifact
    inputs: Mapping[str, Artifact]
    approved: Artifact

    @property
    def as_of(self) -> dt.datetime:
        """What the lists may know."""
        return self.inputs["hetero_graph"].as_of

    @property
    def served(self) -> Mapping[str, Any]:
        """What serves: ``source``, ``alpha`` and ``model_week``."""
        return self.inputs["user_scores"].facts

    def exports(self) -> dict[str, Mount]:
        """Exports, for a session."""
        return {**export_tables(self.inputs)}

    def tables(self) -> dict[str, Mount]:
        """Exports, profiles and the profiles' lists (of an experiment those of the treated), for a session."""
        own = profile_tables(self.inputs["hetero_graph"])
        return {**self.exports(), **own, "profile_recommendations": self.lists(self.arms[-1])}

    @property
    def arms(self) -> list[str]:
        """The arms that have lists; the last one's are those that the rollout is about."""
        arms: list[str] = pq.read_table(self.listed.path(PROFILE_LISTS), columns=["arm"])["arm"].unique().to_pylist()
        return sorted(arms)

    def lists(self, arm: str) -> pa.Table:
        """The profiles' lists of an arm."""
        return pq.read_table(self.listed.path(PROFILE_LISTS), filters=[("arm", "=", arm)])

    def arm_of(self, user_id: str) -> str:
        """The arm of a person who has a list."""
        arms = pq.read_table(self.inputs["rollout_assignment"].path(ARMS), filters=[("user_id", "=", user_id)])
        return str(arms["arm"][0])

    def rules(self, settings: Settings) -> dict[str, Parameter]:
        """The parameters of ``asked_pairs.sql``: the moment, and the constants that the rules themselves read."""
        rules = settings.rules
        return {
            "as_of": self.as_of,
            "require_fitment": settings.candidates.require_fitment,
            "has_fitment": self.inputs["fits_edges"].n_rows(FITS_EDGES) > 0,
            "exclude_bought_days": rules.exclude_bought_days,
            "exclude_bought_variants": rules.exclude_bought_variants,
            "one_per_variant_group": rules.one_per_variant_group,
            "max_per_part_type": rules.max_per_part_type,
            "slots": rules.slots,
        }


def served_lists(warehouse: Warehouse, store: Store, settings: Settings, week: str) -> ServedLists:
    """What is served of a week.

    Raises:
        StoreError: nothing was published for it, the files behind what was are gone, or they were made with other settings:
            what a rule did cannot be told by another one.
    """
    day = dt.date.fromisoformat(week)
    with warehouse.session() as session:
        version = next((row for row in session.rows("served_versions") if row["week"] == day), None)
    if version is None:
        raise StoreError(f"nothing has been published for week {week}. Run it first: make run WEEK={week}.")
    listed = store.of_run("recommendations", week, version["run_id"])
    if listed.manifest.provenance.run_id != version["run_id"]:
        raise StoreError(
            f"the files behind the list that is served for week {week} have been removed since. Name a newer week, or list it "
            f"again: make publish WEEK={week} REASON=..."
        )
    if listed.manifest.provenance.settings_hash != settings.hash:
        raise StoreError(
            f"the list that is served for week {week} was made with settings {listed.manifest.provenance.settings_hash}, and "
            f"they are {settings.hash} now. Set them back (RECS_SETTINGS), or list it again: make publish WEEK={week} REASON=..."
        )
    inputs = origins_of(store, listed, [*LIST_INPUTS, "approved_model"])
    return ServedLists(day, listed, inputs, inputs.pop("approved_model"))

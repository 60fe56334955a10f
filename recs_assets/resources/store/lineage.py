"""Which versions of several assets go together: what a run reads of a week, and that all of it has one origin."""

from collections.abc import Iterable, Mapping, Sequence

from recs_assets.asset_files import (
    EXPORT_NAMES,
    OTHER_ORDERS,
    PROFILE_VEHICLES,
    PROFILES,
    SHARED_ACCOUNTS,
    USER_PROFILES,
    VEHICLE_IDS,
    own_file,
)
from recs_assets.resources.store.artifact import Artifact, ArtifactFile, StoreError
from recs_assets.resources.store.store import Store


def inputs_of(store: Store, week: str, run_id: str, assets: Iterable[str]) -> dict[str, Artifact]:
    """What a run reads of several assets of one week: what it has made itself, else the current versions.

    Raises:
        StoreError: one of them has not been materialized, or they do not go together.
    """
    inputs = {asset: store.of_run(asset, week, run_id) for asset in assets}
    check_related(inputs)
    return inputs


def check_related(inputs: Mapping[str, Artifact]) -> None:
    """Refuse artifacts of which one was made from another version of an asset than the one beside it.

    Rows of a graph mean nothing beside nodes that were exported later: a list made of both would name other parts.

    Raises:
        StoreError: names both assets and what to materialize.
    """
    for asset, artifact in inputs.items():
        for source, reference in artifact.manifest.provenance.inputs.items():
            if source in inputs and inputs[source].reference != reference:
                raise StoreError(
                    f"{asset} of week {artifact.manifest.week} was made from {source} {reference}, and {source} is "
                    f"{inputs[source].reference} now: another run of the week is at work, or {source} alone was made again. "
                    f"Materialize {asset} and what follows it again."
                )


def origins_of(store: Store, artifact: Artifact, assets: Iterable[str]) -> dict[str, Artifact]:
    """What an artifact was made from, in the very versions, whatever is current by now.

    Raises:
        StoreError: one of them is gone or damaged.
    """
    return {asset: store.version(asset, artifact.manifest.provenance.inputs[asset]) for asset in assets}


def parquet_of(inputs: Mapping[str, Artifact]) -> dict[str, Sequence[ArtifactFile]]:
    """The inputs as tables for a session: each asset's file of its own name, and what lies beside it."""
    tables: dict[str, Sequence[ArtifactFile]] = {asset: [artifact.file(own_file(asset))] for asset, artifact in inputs.items()}
    if "interaction_edges" in inputs:
        for file in (OTHER_ORDERS, SHARED_ACCOUNTS):
            tables[file.removesuffix(".parquet")] = [inputs["interaction_edges"].file(file)]
    if "vehicle_nodes" in inputs:
        tables["vehicle_ids"] = [inputs["vehicle_nodes"].file(VEHICLE_IDS)]
    return tables


def export_tables(inputs: Mapping[str, Artifact]) -> dict[str, Sequence[ArtifactFile]]:
    """The exports among the inputs as tables for a session; all of them have to be there."""
    return parquet_of({name: inputs[name] for name in EXPORT_NAMES})


def profile_tables(source: Artifact) -> dict[str, Sequence[ArtifactFile]]:
    """The graph's profiles as tables of a warehouse session."""
    files = {"user_profiles": USER_PROFILES, "profiles": PROFILES, "profile_vehicles": PROFILE_VEHICLES}
    return {name: [source.file(file)] for name, file in files.items()}

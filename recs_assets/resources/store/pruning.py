"""Which versions of a store nobody needs any more, and what is needed however old it is."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.location import StoredVersion
from recs_assets.resources.store.store import Store

# A file with one of these columns says something of a person. A profile of one person is named after them.
PERSONAL = frozenset({"user_id", "profile_id", "email_lower"})

# What manifests call a version: its asset, and its week and name.
Key = tuple[str, str]


@dataclass(frozen=True)
class Kept:
    """A version as pruning sees it.

    Attributes:
        stored: as it lies there.
        key: its asset, and what manifests call it.
        week: its Monday.
        is_current: the pointer of its week names it.
        run_id: who wrote it.
        inputs: what it was made from.
        is_personal: a file of it has rows of people.
    """

    stored: StoredVersion
    key: Key
    week: str
    is_current: bool
    run_id: str
    inputs: frozenset[Key]
    is_personal: bool


def stored(store: Store) -> list[Kept]:
    """Every version; one whose manifest cannot be read has no run and no inputs, and is not current."""
    versions = store.location.versions()
    pointers = {week: store.location.pointer(week) for week in {version.week for version in versions}}
    return [_kept(store, version, pointers[version.week]) for version in versions]


def _kept(store: Store, there: StoredVersion, pointer: bytes | None) -> Kept:
    asset, week, version = there.name.split("/")
    run_id, inputs, is_personal = "", frozenset[Key](), True
    is_current = pointer == version.encode()
    try:
        manifest = store.version(asset, f"{week}/{version}").manifest
        run_id, inputs = manifest.provenance.run_id, frozenset(manifest.provenance.inputs.items())
        is_personal = any(PERSONAL & set(record.columns or ()) for record in manifest.files.values())
    except StoreError:
        is_current = False  # nobody can read it; its week has to be made again
    return Kept(there, (asset, f"{week}/{version}"), week, is_current, run_id, inputs, is_personal)


def superfluous(
    versions: Sequence[Kept], *, roots: Collection[Key], run_ids: Collection[str], weeks: int, personal_since: dt.datetime
) -> list[Kept]:
    """The versions that nobody needs.

    Needed are: the current version of the last ``weeks`` weeks of each asset; ``roots`` and all that they were made from; what
    the runs ``run_ids`` have made. Rows of people go all the same once they are older than ``personal_since``.

    Args:
        versions: all that there are.
        roots: what is served, and what may be.
        run_ids: of runs that are not at their end.
        weeks: how many of each asset.
        personal_since: versions with rows of people that are older go, whoever refers to them.
    """
    by_key = {version.key: version for version in versions}
    present = defaultdict(set)
    for version in versions:
        if version.is_current:
            present[version.key[0]].add(version.week)
    last = {(asset, week) for asset, weeks_of_asset in present.items() for week in sorted(weeks_of_asset)[-weeks:]}
    needed = {version.key for version in versions if version.is_current and (version.key[0], version.week) in last}
    waiting, followed = list(roots), set[Key]()
    while waiting:
        key = waiting.pop()
        if key in by_key and key not in followed:
            followed.add(key)
            waiting += by_key[key].inputs
    needed |= followed
    own = {version.key for version in versions if version.run_id in run_ids}
    return [
        version
        for version in versions
        if version.key not in own
        and (version.key not in needed or (version.is_personal and version.stored.made_at < personal_since))
    ]


def remove(store: Store, superfluous: Sequence[Kept], others: Sequence[Kept]) -> list[Kept]:
    """Remove versions, with ``store.location.alone()``, and say which are gone; a bucket's go some hours after the first try."""
    gone = store.location.remove([version.stored for version in superfluous], [version.stored for version in others])
    names = {version.name for version in gone}
    return [version for version in superfluous if version.stored.name in names]

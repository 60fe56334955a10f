"""Which versions of a store nobody needs any more, and how they go: into the trash first, so that none is ever half there."""

import datetime as dt
import logging
import shutil
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from recs_assets.fault_points import reached
from recs_assets.resources.store.artifact import MANIFEST, StoreError
from recs_assets.resources.store.store import POINTER, Store

TRASH = ".trash"
# A file with one of these columns says something of a person. A profile of one person is named after them.
PERSONAL = frozenset({"user_id", "profile_id", "email_lower"})

# What manifests call a version: its asset, and its week and name.
Key = tuple[str, str]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """A version as pruning sees it.

    Attributes:
        folder: where it lies.
        key: its asset, and what manifests call it.
        week: its Monday.
        is_current: the pointer of its week names it.
        made_at: when it was written.
        run_id: who wrote it.
        inputs: what it was made from.
        is_personal: a file of it has rows of people.
        n_bytes: its size.
    """

    folder: Path
    key: Key
    week: str
    is_current: bool
    made_at: dt.datetime
    run_id: str
    inputs: frozenset[Key]
    is_personal: bool
    n_bytes: int


def stored(store: Store) -> list[Kept]:
    """Every version on a local disk; one whose manifest cannot be read has no run and no inputs, and is not current."""
    root = store.local_root
    assets = [path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")] if root.exists() else []
    weeks = [week for asset in assets for week in sorted(asset.iterdir())]
    return [_kept(store, week, folder) for week in weeks for folder in sorted(week.iterdir()) if folder.is_dir()]


def _kept(store: Store, week: Path, folder: Path) -> Kept:
    asset = week.parent.name
    run_id, inputs, is_personal = "", frozenset[Key](), True
    is_current = _is_pointed_at(folder)
    try:
        manifest = store.version(asset, f"{week.name}/{folder.name}").manifest
        run_id, inputs = manifest.provenance.run_id, frozenset(manifest.provenance.inputs.items())
        is_personal = any(PERSONAL & set(record.columns or ()) for record in manifest.files.values())
    except StoreError:
        is_current = False  # nobody can read it; its week has to be made again
    stamp = folder / MANIFEST if (folder / MANIFEST).exists() else folder
    made_at = dt.datetime.fromtimestamp(stamp.stat().st_mtime, dt.UTC)
    n_bytes = size_of(folder)
    return Kept(
        folder, (asset, f"{week.name}/{folder.name}"), week.name, is_current, made_at, run_id, inputs, is_personal, n_bytes
    )


def _is_pointed_at(folder: Path) -> bool:
    pointer = folder.parent / POINTER
    return pointer.exists() and pointer.read_text() == folder.name


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; what goes meanwhile does not count."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


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
    last = {(asset, week) for asset, found in present.items() for week in sorted(found)[-weeks:]}
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
        if version.key not in own and (version.key not in needed or (version.is_personal and version.made_at < personal_since))
    ]


def remove(store: Store, versions: Iterable[Kept]) -> None:
    """Remove versions: the pointer that names one first, then each as a whole into the trash, then the trash.

    For the only process that is at work on the store (``readers.alone``). What one that was killed has left in the trash goes
    too.
    """
    trash = store.local_root / TRASH
    trash.mkdir(parents=True, exist_ok=True, mode=0o700)
    for version in versions:
        week = version.folder.parent
        if _is_pointed_at(version.folder):
            reached("prune.begun")
            (week / POINTER).unlink()
        reached("prune.unpointed")
        version.folder.rename(trash / f"{version.folder.name}-{uuid.uuid4().hex}")
        reached("prune.moved")
        if not any(path.name != POINTER for path in week.iterdir()):
            (week / POINTER).unlink(missing_ok=True)
            week.rmdir()
    reached("prune.emptying")
    shutil.rmtree(trash)
    reached("prune.emptied")


def stale_work(store: Store, before: dt.datetime) -> list[Path]:
    """Folders in which a training that was never finished would go on, untouched since a moment."""
    folder = store.working_folder("")
    found = folder.iterdir() if folder.exists() else ()
    return [path for path in sorted(found) if dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC) < before]

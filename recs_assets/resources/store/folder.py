"""Versions in a local folder, ``<root>/<asset>/<week>/<version>/<file>``: moved by renaming, flushed before they are named."""

import datetime as dt
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from recs_assets.fault_points import reached
from recs_assets.resources.store import readers
from recs_assets.resources.store.location import DRAFTS, MANIFEST, POINTER, WORK, Stale, StoredVersion, Working
from recs_assets.resources.store.scratch import alone_in, locked, scratch

TRASH = ".trash"


class Folder:
    """A location on a local disk."""

    grace = dt.timedelta()

    def __init__(self, root: Path) -> None:
        # Drafts lie on the same file system as the versions: one becomes a version by being renamed.
        self.local = root

    def address(self, name: str = "") -> str:
        """The path of something."""
        return str(self.local / name)

    def names(self, within: str = "") -> list[str]:
        """The folders below one, ascending, but for hidden ones."""
        folder = self.local / within
        paths = folder.iterdir() if folder.exists() else ()
        return sorted(path.name for path in paths if not path.name.startswith(".") and path.is_dir())

    def manifest(self, version: str) -> bytes:
        """The content of a version's manifest."""
        return (self.local / version / MANIFEST).read_bytes()

    def fetch(self, version: str, file: str) -> Path:
        """The path of a file."""
        return self.local / version / file

    def uri(self, version: str, file: str, sha256: str) -> str | None:
        """No service reads files of this machine."""
        return None

    def put(self, draft: Path, version: str, is_whole: Callable[[], bool]) -> None:
        """Rename a filled folder. Of several that write the same version the first is enough, and may be being read already."""
        target = self.local / version
        target.parent.mkdir(parents=True, exist_ok=True)
        for path in (*draft.iterdir(), draft):
            _flush(path)
        reached("store.flushed", _largest(draft))
        with locked(target.parent):
            if target.exists() and not is_whole():
                target.rename(draft.with_name("damaged"))
            if not target.exists():
                draft.rename(target)
        _flush(target.parent)
        reached("store.renamed", _largest(target))

    def claim(self, version: str) -> bool:
        """Whoever removes versions has the folder alone, so that one that is there stays."""
        return True

    def made_at(self, version: str) -> dt.datetime:
        """The manifest's time, or the folder's where there is none."""
        folder = self.local / version
        stamp = folder / MANIFEST if (folder / MANIFEST).exists() else folder
        return dt.datetime.fromtimestamp(stamp.stat().st_mtime, dt.UTC)

    def renew(self, version: str, now: dt.datetime) -> None:
        """Set the manifest's time."""
        os.utime(self.local / version / MANIFEST, (now.timestamp(), now.timestamp()))

    def pointer(self, week: str) -> bytes | None:
        """The content of the pointer of a week."""
        path = self.local / week / POINTER
        return path.read_bytes() if path.exists() else None

    def point(self, week: str, version: str) -> None:
        """Replace the pointer by renaming; the last to point wins."""
        with scratch(self.local / DRAFTS, POINTER) as folder:
            temporary = folder / POINTER
            temporary.write_bytes(version.encode())
            _flush(temporary)
            reached("store.pointer", temporary)
            temporary.replace(self.local / week / POINTER)
        _flush(self.local / week)
        reached("store.pointed")

    def unpoint(self, week: str) -> None:
        """Remove the pointer of a week."""
        (self.local / week / POINTER).unlink(missing_ok=True)

    def n_bytes(self) -> int:
        """The size of all files below the root."""
        return size_of(self.local)

    def versions(self) -> list[StoredVersion]:
        """Every version that lies there."""
        weeks = [f"{asset}/{week}" for asset in self.names() for week in self.names(asset)]
        return [self._seen(f"{week}/{version}") for week in weeks for version in self.names(week)]

    def remove(self, superfluous: Sequence[StoredVersion], others: Sequence[StoredVersion]) -> list[StoredVersion]:
        """Each as a whole into the trash, then the trash.

        For the only process that is at work on the store (``alone``). What one that was killed has left in the trash goes too.
        """
        trash = self.local / TRASH
        trash.mkdir(parents=True, exist_ok=True, mode=0o700)
        for version in superfluous:
            folder = self.local / version.name
            week = folder.parent
            if self.pointer(version.week) == folder.name.encode():
                reached("prune.begun")
                (week / POINTER).unlink()
            reached("prune.unpointed")
            folder.rename(trash / f"{folder.name}-{uuid.uuid4().hex}")
            reached("prune.moved")
            if not any(path.name != POINTER for path in week.iterdir()):
                (week / POINTER).unlink(missing_ok=True)
                week.rmdir()
        reached("prune.emptying")
        shutil.rmtree(trash)
        reached("prune.emptied")
        return list(superfluous)

    def alone(self) -> AbstractContextManager[bool]:
        """Keep all other readers away for the block, where none is at work already."""
        return readers.alone(self.local)

    def read_on(self) -> bool:
        """Be a reader until this process ends: whoever removes something waits for that, or leaves it."""
        return readers.read_on(self.local)

    @contextmanager
    def working(self, name: str) -> Iterator[Working]:
        """A folder beside the versions; whoever asks for it while it is another's waits."""
        with alone_in(self.local / WORK / name) as folder:
            yield Working(folder)

    def stale_work(self, before: dt.datetime) -> list[Stale]:
        """The folders that were last touched before a moment."""
        work = self.local / WORK
        old = [path for path in sorted(work.iterdir()) if path.stat().st_mtime < before.timestamp()] if work.exists() else []
        return [Stale(path.name, size_of(path)) for path in old]

    def remove_work(self, name: str) -> None:
        """Remove the folder of some work."""
        shutil.rmtree(self.local / WORK / name, ignore_errors=True)

    def _seen(self, version: str) -> StoredVersion:
        return StoredVersion(version, self.made_at(version), size_of(self.local / version))


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; what goes meanwhile does not count."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _largest(folder: Path) -> Path:
    return max(folder.iterdir(), key=lambda path: path.stat().st_size)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Versions in a bucket of Google Cloud Storage, ``gs://<bucket>/<prefix>/<asset>/<week>/<version>/<object>``.

An object is there whole or not at all, and has a generation: whatever is replaced or removed is so in the generation in which it
was seen, or not. A version's manifest goes last, and a version without one does not exist.

No lock holds across machines. What nobody needs is therefore marked first, on its manifest, and goes ``grace`` later, by when no
run reads it any more; whoever writes the same version anew takes the mark away, and what was marked in another state stays.
"""

import base64
import datetime as dt
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

from recs_assets.fault_points import reached
from recs_assets.resources.store.location import MANIFEST, POINTER, WORK, Seen, Stale, StoredVersion, Working
from recs_assets.resources.store.manifest import sha256_of
from recs_assets.resources.store.objects import BucketError, Objects
from recs_assets.resources.store.scratch import alone_in

COPIES = ".copies"
# No run takes longer, and none begins to read what nobody needs.
GRACE = dt.timedelta(hours=12)
# Of runs that move one pointer at once; each time one of them gets through.
TURNS = 50


class Bucket:
    """A location in a bucket; this machine keeps copies of what it has read within ``grace``.

    Attributes:
        local: a folder for drafts, copies, and work in progress.
        grace: how long what nobody needs stays.
    """

    def __init__(self, place: str, local: Path, *, endpoint: str | None = None, grace: dt.timedelta = GRACE) -> None:
        """Name the bucket.

        Args:
            place: its name, with a prefix after a slash where other things are in it; ``gs://`` before that is left out.
            local: see above.
            endpoint: of a server that stands in for Google's, to which nobody has to say who they are.
            grace: see above.
        """
        bucket, _, prefix = place.removeprefix("gs://").strip("/").partition("/")
        self.objects = Objects(bucket, f"{prefix}/" if prefix else "", endpoint)
        self.local = local
        self.grace = grace
        self._reads = False

    def address(self, name: str = "") -> str:
        """The URI of an object, or of all whose names begin so."""
        return self.objects.address(name)

    def names(self, within: str = "") -> list[str]:
        """What follows a name up to the next slash, but for hidden ones."""
        return sorted(name for name in self.objects.below(within) if not name.startswith("."))

    def manifest(self, version: str) -> bytes:
        """The content of a version's manifest."""
        return self.objects.read(f"{version}/{MANIFEST}")[0]

    def fetch(self, version: str, file: str) -> Path:
        """A copy on this machine, made where there is none of what the object holds now."""
        copy, state = self.local / COPIES / version / file, self.objects.state(f"{version}/{file}")
        if state is None:
            raise FileNotFoundError(self.address(f"{version}/{file}"))
        if not copy.exists() or _md5(copy) != state.md5:
            copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside = copy.with_name(f".{file}.{os.getpid()}")
            self.objects.receive(f"{version}/{file}", beside)
            beside.replace(copy)
        os.utime(copy)
        return copy

    def uri(self, version: str, file: str, sha256: str) -> str | None:
        """The object's URI, where the hash that was noted when it was sent is that one: whatever has replaced it has none."""
        state = self.objects.state(f"{version}/{file}")
        return self.address(f"{version}/{file}") if state and state.sha256 == sha256 else None

    def put(self, draft: Path, version: str, is_whole: Callable[[], bool]) -> None:
        """Send each file, the manifest last, and keep the draft as this machine's copies.

        Whoever writes the same version at once sends the same files; of the manifests the first stays.
        """
        for path in sorted(draft.iterdir()):
            if path.name != MANIFEST:
                self.objects.send(path, f"{version}/{path.name}", sha256=sha256_of(path))
        reached("store.flushed", draft / MANIFEST)
        content, name = (draft / MANIFEST).read_bytes(), f"{version}/{MANIFEST}"
        before = self.objects.state(name)
        if before is None or not is_whole():
            self.objects.swapped(name, content, before.generation if before else 0)
        reached("store.renamed", draft / MANIFEST)
        copies = self.local / COPIES / version
        copies.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(OSError):  # some are there already
            draft.rename(copies)

    def claim(self, version: str) -> bool:
        """Change the manifest's state, whereupon nobody removes it in the one in which it was seen."""
        name = f"{version}/{MANIFEST}"
        return self.objects.marked(name, "", self.objects.state(name))

    def made_at(self, version: str) -> dt.datetime:
        """When the manifest was written."""
        state = self.objects.state(f"{version}/{MANIFEST}")
        if state is None:
            raise FileNotFoundError(self.address(f"{version}/{MANIFEST}"))
        return state.made_at

    def renew(self, version: str, now: dt.datetime) -> None:
        """Write the manifest anew; when that was the service says."""
        content, generation = self.objects.read(f"{version}/{MANIFEST}")
        self.objects.swapped(f"{version}/{MANIFEST}", content, generation)

    def pointer(self, week: str) -> bytes | None:
        """The content of the pointer of a week."""
        content, generation = self._pointer(week)
        return content if generation else None

    def point(self, week: str, version: str) -> None:
        """Replace the pointer in the generation in which it was seen; of several writers the last wins."""
        reached("store.pointer")
        for _ in range(TURNS):
            content, generation = self._pointer(week)
            # The same, too, where an answer was lost, and the request that was sent again met its own work.
            if content == version.encode() or self.objects.swapped(f"{week}/{POINTER}", version.encode(), generation):
                reached("store.pointed")
                return
        raise BucketError(
            f"{self.address(week)}/{POINTER} was replaced {TURNS} times meanwhile: is something else writing there?"
        )

    def unpoint(self, week: str) -> None:
        """Remove the pointer of a week."""
        self.objects.removed(f"{week}/{POINTER}")

    def n_bytes(self) -> int:
        """The size of all objects; what the bucket keeps of removed ones by its own policy is not seen."""
        return sum(state.n_bytes for state in self.objects.listed().values())

    def versions(self) -> list[StoredVersion]:
        """Every version, out of one list of all objects."""
        versions: dict[str, dict[str, Seen]] = {}
        for name, state in self.objects.listed().items():
            version, _, file = name.rpartition("/")
            if version.count("/") == 2 and not version.startswith("."):
                versions.setdefault(version, {})[file] = state
        return [_stored_version(name, objects) for name, objects in sorted(versions.items())]

    def remove(self, superfluous: Sequence[StoredVersion], others: Sequence[StoredVersion]) -> list[StoredVersion]:
        """Mark what is seen to be superfluous for the first time, and remove what has been for ``grace``, in that very state."""
        now, gone = dt.datetime.now(dt.UTC), []
        for version in others:
            manifest = version.objects.get(MANIFEST)
            if manifest is not None and manifest.superfluous_since is not None:
                self.objects.marked(f"{version.name}/{MANIFEST}", "", manifest)
        for version in superfluous:
            manifest = version.objects.get(MANIFEST)
            # What has no manifest is of a writer that was killed, or of one that is at work.
            since = version.made_at if manifest is None else manifest.superfluous_since
            if since is None:
                self.objects.marked(f"{version.name}/{MANIFEST}", now.isoformat(), manifest)
            elif now - since >= self.grace and self._all_removed(version):
                gone.append(version)
        return gone

    def alone(self) -> AbstractContextManager[bool]:
        """What goes has been marked for so long that nobody reads it."""
        return nullcontext(True)

    def read_on(self) -> bool:
        """Remove the copies that this machine has not asked for within ``GRACE``, the first time it is called."""
        first, self._reads = not self._reads, True
        if first:
            oldest = (dt.datetime.now(dt.UTC) - GRACE).timestamp()
            for copy in (self.local / COPIES).glob("*/*/*/*"):
                with suppress(FileNotFoundError):
                    if copy.stat().st_mtime < oldest:
                        copy.unlink()
        return first

    @contextmanager
    def working(self, name: str) -> Iterator[Working]:
        """A folder of this machine that begins with what is kept in the bucket, and is kept there as it is at its end."""
        with alone_in(self.local / WORK / name) as folder:
            for file in self._kept(name):
                if not (folder / file).exists():
                    self.objects.receive(f"{WORK}/{name}/{file}", folder / file)
            yield Working(folder, partial(self._keep, name, folder))
            self._keep(name, folder)

    def stale_work(self, before: dt.datetime) -> list[Stale]:
        """Work of which no object was written since a moment."""
        work: dict[str, list[Seen]] = {}
        for path, state in self.objects.listed(f"{WORK}/").items():
            work.setdefault(path.split("/")[1], []).append(state)
        return [
            Stale(name, sum(state.n_bytes for state in states))
            for name, states in sorted(work.items())
            if max(state.made_at for state in states) < before
        ]

    def remove_work(self, name: str) -> None:
        """Remove what is kept of some work, here and there."""
        shutil.rmtree(self.local / WORK / name, ignore_errors=True)
        for path in self.objects.listed(f"{WORK}/{name}/"):
            self.objects.removed(path)

    def _pointer(self, week: str) -> tuple[bytes, int]:
        with suppress(FileNotFoundError):
            return self.objects.read(f"{week}/{POINTER}")
        return b"", 0

    def _all_removed(self, version: StoredVersion) -> bool:
        """Remove a version's pointer, then its manifest, then its files; a pointer comes back where the manifest is claimed."""
        name, pointer, unpointed = version.name.rpartition("/")[2].encode(), f"{version.week}/{POINTER}", False
        state = self.objects.state(pointer)
        if state is not None and self.pointer(version.week) == name:
            reached("prune.begun")
            unpointed = self.objects.removed(pointer, state)
        reached("prune.unpointed")
        manifest = version.objects.get(MANIFEST)
        if manifest is not None and not self.objects.removed(f"{version.name}/{MANIFEST}", manifest):
            if unpointed:
                self.objects.swapped(pointer, name, 0)
            return False
        reached("prune.moved")
        for file, state in version.objects.items():
            if file != MANIFEST:
                self.objects.removed(f"{version.name}/{file}", state)
        reached("prune.emptying")
        shutil.rmtree(self.local / COPIES / version.name, ignore_errors=True)
        reached("prune.emptied")
        return True

    def _kept(self, name: str) -> set[str]:
        return {path.rpartition("/")[2] for path in self.objects.listed(f"{WORK}/{name}/")}

    def _keep(self, name: str, folder: Path) -> None:
        kept, there = self._kept(name), {path.name for path in folder.iterdir()}
        for file in sorted(there - kept):
            self.objects.send(folder / file, f"{WORK}/{name}/{file}")
        for file in sorted(kept - there):
            self.objects.removed(f"{WORK}/{name}/{file}")


def _stored_version(name: str, objects: dict[str, Seen]) -> StoredVersion:
    stamp = objects.get(MANIFEST) or max(objects.values(), key=lambda state: state.made_at)
    return StoredVersion(name, stamp.made_at, sum(state.n_bytes for state in objects.values()), objects)


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return base64.b64encode(hashlib.file_digest(stream, "md5").digest()).decode()

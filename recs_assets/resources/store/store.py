"""Immutable, versioned artifacts: the only gateway to files that assets leave behind.

Layout, in a folder as in a bucket: ``<root>/<asset>/<week>/<version>/<file>`` with a ``manifest.json`` beside the files, and
``<root>/<asset>/<week>/current``, a pointer that is replaced atomically once a version is whole. A version is named by the hash
of what is in it and what made it: the same inputs give the same version. Readers verify every file against its SHA-256.
"""

import datetime as dt
import errno
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path

from recs_assets.fault_points import reached
from recs_assets.resources.store.artifact import Artifact, Draft, StoreError, is_whole, read
from recs_assets.resources.store.folder import Folder
from recs_assets.resources.store.location import DRAFTS, MANIFEST, POINTER, Location, Working
from recs_assets.resources.store.manifest import Manifest, Provenance, describe, version_of
from recs_assets.resources.store.scratch import scratch

VERSION = re.compile(rb"[0-9a-f]{16}")
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Store:
    """Artifacts at one location: a folder, named by its path, or a ``Bucket``."""

    def __init__(self, location: Path | Location) -> None:
        self.location: Location = Folder(location) if isinstance(location, Path) else location

    def __str__(self) -> str:
        """Where they lie."""
        return self.location.address()

    @contextmanager
    def draft(self, asset: str, week: str, provenance: Provenance) -> Iterator[Draft]:
        """Write a new version: fill the draft's folder in the ``with`` block; at its end the version becomes the current one.

        An exception in the block leaves the current version as it was and nothing of the draft behind.

        Raises:
            StoreError: there is no room for it, or a file is not the Parquet or JSON that its name says.
        """
        with self._room_for(asset, week), scratch(self.location.local / DRAFTS, asset) as folder:
            draft = Draft(folder / "draft")
            draft.folder.mkdir()
            yield draft
            files = {}
            for path in sorted(draft.folder.iterdir()):
                reached("draft.written", path)
                try:
                    files[path.name] = describe(path)
                except ValueError as error:
                    raise StoreError(
                        f"{path.name} of {asset} for week {week} was not written whole: {error}. Run again."
                    ) from error
            version = version_of(files, draft.facts, provenance)
            manifest = Manifest(asset, week, version, provenance, files, draft.facts)
            reached("store.described")
            draft.artifact = self._commit(draft.folder, manifest)

    def current(self, asset: str, week: str) -> Artifact:
        """The current version of an asset's week.

        Raises:
            StoreError: there is none; the message says which asset to materialize.
        """
        artifact = self.find(asset, week)
        if artifact is None:
            raise StoreError(f"there is no {asset} for week {week} in {self}. Materialize {asset} for that week first.")
        return artifact

    def find(self, asset: str, week: str) -> Artifact | None:
        """The current version of an asset's week, or ``None``.

        Raises:
            StoreError: the pointer names a version that is not there or whose manifest cannot be read.
        """
        week_of_asset = f"{asset}/{week}"
        content = self.location.pointer(week_of_asset)
        if content is None:
            return None
        if not VERSION.fullmatch(content):
            pointer = f"{self.location.address(week_of_asset)}/{POINTER}"
            what = f"{pointer} names no version: it holds {content!r}, expected 16 hexadecimal digits"
            raise StoreError(f"{what}: materialize {asset} for week {week} again.")
        return read(self.location, f"{week_of_asset}/{content.decode()}")

    def version(self, asset: str, reference: str) -> Artifact:
        """The version of an asset that a manifest calls ``reference``: its week and version.

        Raises:
            StoreError: it is not there, or its manifest cannot be read.
        """
        return read(self.location, f"{asset}/{reference}")

    def newest(self, asset: str, *, up_to: str | None = None) -> Artifact | None:
        """The current version of the newest week (not after ``up_to``, where that is given), or ``None``."""
        early = (week for week in reversed(self.location.names(asset)) if up_to is None or week <= up_to)
        return next((artifact for week in early if (artifact := self.find(asset, week))), None)

    def of_run(self, asset: str, week: str, run_id: str) -> Artifact:
        """The version of an asset's week that a run goes on from: its own, the last of several, else the current one.

        Another run at work on the same week may have made the current one.

        Raises:
            StoreError: there is none; the message says which asset to materialize.
        """
        current = self.current(asset, week)
        if current.manifest.provenance.run_id == run_id:
            return current
        made: list[tuple[dt.datetime, Artifact]] = []
        for version in self.location.names(f"{asset}/{week}"):
            with suppress(StoreError, FileNotFoundError):  # one that cannot be read or is being written anew
                artifact = self.version(asset, f"{week}/{version}")
                if artifact.manifest.provenance.run_id == run_id:
                    made.append((self.location.made_at(artifact.name), artifact))
        return max(made, key=lambda pair: pair[0])[1] if made else current

    def is_whole(self, artifact: Artifact) -> bool:
        """Whether a version is there and still holds what was written."""
        return is_whole(self.location, artifact.name)

    def working(self, name: str) -> AbstractContextManager[Working]:
        """A folder for what a run needs to go on after a crash."""
        return self.location.working(name)

    @contextmanager
    def _room_for(self, asset: str, week: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise StoreError(
                f"{asset} for week {week} cannot be written to {self}: {error}. Its current version, if any, is as it was: "
                "make room on the disk, then run again."
            ) from error

    def _commit(self, draft: Path, manifest: Manifest) -> Artifact:
        location, week = self.location, f"{manifest.asset}/{manifest.week}"
        name = f"{week}/{manifest.version}"
        if not (is_whole(location, name) and location.claim(name)):
            (draft / MANIFEST).write_bytes(manifest.to_json())
            reached("store.manifest", draft / MANIFEST)
            location.put(draft, name, partial(is_whole, location, name))
        location.point(week, manifest.version)
        # Another run may have written this version first, with its own run id: what lies there is the truth.
        return read(location, name)

"""Immutable, versioned artifacts: the only gateway to files that assets leave behind.

Layout: ``<root>/<asset>/<week>/<version>/<file>`` with a ``manifest.json`` beside the files, and
``<root>/<asset>/<week>/current``, a pointer that is replaced atomically once a version is whole. A version is named by the hash
of what is in it and what made it: the same inputs give the same version. Readers verify every file against its SHA-256.
"""

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from upath import UPath

from recs_assets.fault_points import reached
from recs_assets.resources.store.artifact import MANIFEST, Artifact, Draft, StoreError, is_whole, read
from recs_assets.resources.store.manifest import Manifest, Provenance, describe, version_of
from recs_assets.resources.store.scratch import locked, scratch

POINTER = "current"
VERSION = re.compile(rb"[0-9a-f]{16}")
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Store:
    """Artifacts below one root, a local folder (or any location that ``UPath`` knows)."""

    def __init__(self, root: str | Path | UPath) -> None:
        self.root = UPath(root)

    @contextmanager
    def draft(self, asset: str, week: str, provenance: Provenance) -> Iterator[Draft]:
        """Write a new version: fill the draft's folder in the ``with`` block; at its end the version becomes the current one.

        An exception in the block leaves the current version as it was and nothing of the draft behind.

        Raises:
            StoreError: there is no room for it, or a file is not the Parquet or JSON that its name says.
        """
        with self._room_for(asset, week), scratch(self.local_root / ".drafts", asset) as folder:
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
            raise StoreError(f"there is no {asset} for week {week} in {self.root}. Materialize {asset} for that week first.")
        return artifact

    def find(self, asset: str, week: str) -> Artifact | None:
        """The current version of an asset's week, or ``None``.

        Raises:
            StoreError: the pointer names a version that is not there or whose manifest cannot be read.
        """
        pointer = self.root / asset / week / POINTER
        if not pointer.exists():
            return None
        content = pointer.read_bytes()
        if not VERSION.fullmatch(content):
            what = f"{pointer} names no version: it holds {content!r}, expected 16 hexadecimal digits"
            raise StoreError(f"{what}: materialize {asset} for week {week} again.")
        return read(pointer.parent / content.decode(), asset, week)

    def version(self, asset: str, reference: str) -> Artifact:
        """The version of an asset that a manifest calls ``reference``: its week and version.

        Raises:
            StoreError: it is not there, or its manifest cannot be read.
        """
        return read(self.root / asset / reference, asset, reference.partition("/")[0])

    def newest(self, asset: str, *, up_to: str | None = None) -> Artifact | None:
        """The current version of the newest week (not after ``up_to``, where that is given), or ``None``."""
        folder = self.root / asset
        weeks = sorted((path.name for path in folder.iterdir()), reverse=True) if folder.exists() else []
        early = (week for week in weeks if up_to is None or week <= up_to)
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
        made: list[tuple[float, Artifact]] = []
        for path in (self.root / asset / week).iterdir():
            with suppress(
                StoreError, FileNotFoundError
            ):  # the pointer, or a version that cannot be read or is being written anew
                artifact = read(path, asset, week)
                if artifact.manifest.provenance.run_id == run_id:
                    made.append(((path / MANIFEST).stat().st_mtime, artifact))
        return max(made, key=lambda pair: pair[0])[1] if made else current

    @contextmanager
    def _room_for(self, asset: str, week: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise StoreError(
                f"{asset} for week {week} cannot be written to {self.root}: {error}. Its current version, if any, is as it was: "
                "make room on the disk, then run again."
            ) from error

    def working_folder(self, name: str) -> Path:
        """A local folder for what a run needs to go on after a crash; see ``scratch.alone_in``."""
        return self.local_root / ".work" / name

    @property
    def local_root(self) -> Path:
        """The folder for drafts and work, which is that of the versions too unless they are in a bucket."""
        # On the same file system as the versions: a draft becomes one by being renamed.
        return Path(tempfile.gettempdir()) / "recs_assets" if self.root.protocol else Path(self.root.path)

    def _commit(self, draft: Path, manifest: Manifest) -> Artifact:
        target = self.root / manifest.asset / manifest.week / manifest.version
        if not is_whole(target, manifest):
            (draft / MANIFEST).write_bytes(manifest.to_json())
            reached("store.manifest", draft / MANIFEST)
            _move_folder(draft, target, manifest)
        _replace(target.parent / POINTER, manifest.version.encode(), beside=draft.parent)
        # Another run may have written this version first, with its own run id: what is on disk is the truth.
        return read(target, manifest.asset, manifest.week)


def _move_folder(source: Path, target: UPath, manifest: Manifest) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.protocol:
        # A bucket has no folders to rename: the manifest goes last, and a version without one does not exist.
        for path in sorted(source.iterdir(), key=lambda path: path.name == MANIFEST):
            (target / path.name).write_bytes(path.read_bytes())
        return
    local = Path(target.path)
    for path in (*source.iterdir(), source):
        _flush(path)
    reached("store.flushed", _largest(source))
    # Of several that write the same version the first is enough, and may be being read already.
    with locked(local.parent):
        if local.exists() and not is_whole(target, manifest):
            local.rename(source.with_name("damaged"))
        if not local.exists():
            source.rename(local)
    _flush(local.parent)
    reached("store.renamed", _largest(local))


def _largest(folder: Path) -> Path:
    return max(folder.iterdir(), key=lambda path: path.stat().st_size)


def _replace(path: UPath, content: bytes, beside: Path) -> None:
    if path.protocol:
        path.write_bytes(content)
        return
    local = Path(path.path)
    temporary = beside / path.name
    temporary.write_bytes(content)
    _flush(temporary)
    reached("store.pointer", temporary)
    temporary.replace(local)
    _flush(local.parent)
    reached("store.pointed")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

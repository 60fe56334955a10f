"""One version of an asset's files: as a reader sees it, every file verified, and while it is being written."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from recs_assets.fault_points import reached
from recs_assets.resources.store.location import MANIFEST, Location
from recs_assets.resources.store.manifest import FileRecord, Manifest, sha256_of


class StoreError(RuntimeError):
    """An artifact that is missing or not what its manifest says; the message names the path and what to do."""


@dataclass(frozen=True)
class Artifact:
    """One whole version of an asset's files, as a reader sees it."""

    location: Location = field(compare=False)
    manifest: Manifest

    @property
    def name(self) -> str:
        """Its asset, week and version, by which its location knows it."""
        return f"{self.manifest.asset}/{self.reference}"

    @property
    def address(self) -> str:
        """Where it lies: a folder, or what begins with ``gs://``; its files below that by their names."""
        return self.location.address(self.name)

    @property
    def version(self) -> str:
        """The version's name."""
        return self.manifest.version

    @property
    def reference(self) -> str:
        """What manifests of artifacts made from this one call it: its week and version."""
        return f"{self.manifest.week}/{self.version}"

    @property
    def as_of(self) -> dt.datetime:
        """No input of this artifact has a timestamp at or after this one."""
        return self.manifest.provenance.as_of

    @property
    def facts(self) -> Mapping[str, Any]:
        """The few figures and decisions that the asset recorded with its files."""
        return self.manifest.facts

    @cached_property
    def _verified(self) -> dict[str, Path]:
        return {}

    def path(self, name: str) -> Path:
        """A local path of the file ``name``, verified once per artifact object.

        Raises:
            StoreError: the version has no such file, the file is gone, or its hash is not the manifest's.
        """
        if name not in self._verified:
            path, expected = f"{self.address}/{name}", self._record(name).sha256
            try:
                local = self.location.fetch(self.name, name)
                actual = sha256_of(local)
            except FileNotFoundError as error:
                raise StoreError(f"{path} is missing, expected SHA-256 {expected}: {self._way_out}") from error
            if actual != expected:
                raise StoreError(f"{path} is damaged: SHA-256 {actual}, expected {expected}: {self._way_out}")
            self._verified[name] = local
        return self._verified[name]

    def file(self, name: str) -> "ArtifactFile":
        """The file ``name`` for whoever may not need it on this machine.

        Raises:
            StoreError: the version has no such file.
        """
        return ArtifactFile(self, name, self._record(name))

    def _record(self, name: str) -> FileRecord:
        if name not in self.manifest.files:
            raise StoreError(f"{self.address} holds no file '{name}'; it holds {sorted(self.manifest.files)}.")
        return self.manifest.files[name]

    @property
    def _way_out(self) -> str:
        return f"materialize {self.manifest.asset} for week {self.manifest.week} again."

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The Parquet file ``name`` as an Arrow table, page checksums verified.

        Args:
            name: of the file.
            columns: which ones to read; ``None``: all.

        Raises:
            StoreError: as for ``path``, or a page is not what its checksum says.
        """
        with self._readable(name) as path:
            chosen = None if columns is None else list(columns)
            return pq.read_table(path, columns=chosen, page_checksum_verification=True)

    def row_groups(self, name: str, dictionary: Sequence[str] = ()) -> Iterator[pa.Table]:
        """The Parquet file ``name``, one row group after the other, one table at least; raises as ``table``.

        Args:
            name: of the file.
            dictionary: columns of text, where the file has them, to be read as codes and distinct values: few values over
                many rows.
        """
        with self._readable(name) as path:
            kinds = [column for column in dictionary if column in pq.read_schema(path).names]
            with pq.ParquetFile(path, read_dictionary=kinds, page_checksum_verification=True) as file:
                for number in range(file.num_row_groups):
                    yield file.read_row_group(number)
                if not file.num_row_groups:
                    yield file.schema_arrow.empty_table()

    def head(self, name: str, rows: int) -> pa.Table:
        """The first rows of the Parquet file ``name``, without reading the others; raises as ``table``."""
        with self._readable(name) as path, pq.ParquetFile(path, page_checksum_verification=True) as file:
            first = next(file.iter_batches(rows), None)
            return file.schema_arrow.empty_table() if first is None else pa.Table.from_batches([first])

    def n_rows(self, name: str) -> int:
        """How many rows the Parquet file ``name`` has, as the manifest says.

        Raises:
            StoreError: the version has no such table.
        """
        rows = self._record(name).rows
        if rows is None:
            raise StoreError(f"{self.address}/{name} is no table.")
        return rows

    @contextmanager
    def _readable(self, name: str) -> Iterator[Path]:
        path = self.path(name)
        try:
            yield path
        except (OSError, pa.ArrowException) as error:
            raise StoreError(f"{path} is damaged: {error}: {self._way_out}") from error

    def document(self, name: str) -> Any:
        """The JSON file ``name``.

        Raises:
            StoreError: as for ``path``.
        """
        return json.loads(self.path(name).read_text())


@dataclass(frozen=True)
class ArtifactFile:
    """A file of a version, which nobody has fetched yet, and what the manifest says of it."""

    artifact: Artifact
    name: str
    record: FileRecord

    @property
    def path(self) -> Path:
        """A local path of it; see ``Artifact.path``."""
        return self.artifact.path(self.name)

    @property
    def uri(self) -> str | None:
        """Where services read it by themselves, the content that the manifest says; ``None``: send them that of ``path``."""
        return self.artifact.location.uri(self.artifact.name, self.name, self.record.sha256)


# A file of this machine, or one of a version.
TableFile: TypeAlias = Path | ArtifactFile


def local_path(file: TableFile) -> Path:
    """Where a file lies on this machine, fetched and verified if it is one of a version; see ``Artifact.path``."""
    return file.path if isinstance(file, ArtifactFile) else file


@dataclass
class Draft:
    """A version being written; its files are visible to nobody until it is whole."""

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)
    artifact: Artifact | None = None

    def path(self, name: str) -> Path:
        """Where to write the file ``name``."""
        reached("draft.path")
        return self.folder / name

    def write_table(self, name: str, table: pa.Table) -> None:
        """Write an Arrow table as Parquet with page checksums."""
        self.write_tables(name, [table])

    def write_tables(self, name: str, tables: Iterable[pa.Table]) -> int:
        """Write Arrow tables of one schema, one at least, into one Parquet file, each as it comes; the number of rows."""
        waiting = iter(tables)
        first, n_rows = next(waiting), 0
        with pq.ParquetWriter(self.folder / name, first.schema, compression="zstd", write_page_checksum=True) as writer:
            for table in chain([first], waiting):
                reached("draft.table")
                writer.write_table(table)
                n_rows += table.num_rows
        return n_rows

    def write_document(self, name: str, document: Any) -> None:
        """Write a value as JSON."""
        reached("draft.document")
        (self.folder / name).write_text(json.dumps(document, indent=2, sort_keys=True, default=str))

    @property
    def written(self) -> Artifact:
        """The artifact that came out of this draft, once its ``with`` block has ended.

        Raises:
            StoreError: the block has not ended yet.
        """
        if self.artifact is None:
            raise StoreError(f"the draft in {self.folder} is not whole yet; leave its 'with' block first.")
        return self.artifact


def read(location: Location, name: str) -> Artifact:
    """The version of a name.

    Raises:
        StoreError: its manifest is not there, or not what was written.
    """
    asset, week, version = name.split("/")
    try:
        manifest = Manifest.from_json(location.manifest(name))
        if (manifest.asset, manifest.week, manifest.version) != (asset, week, version):
            raise ValueError(f"it is that of {manifest.asset}, week {manifest.week}, version {manifest.version}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        path = f"{location.address(name)}/{MANIFEST}"
        raise StoreError(f"{path} cannot be read ({error}): materialize {asset} for week {week} again.") from error
    return Artifact(location, manifest)


def is_whole(location: Location, name: str) -> bool:
    """Whether a version is there and still holds what was written: a damaged one is written again."""
    try:
        artifact = read(location, name)
        for file in artifact.manifest.files:
            artifact.path(file)
    except StoreError:
        return False
    return True

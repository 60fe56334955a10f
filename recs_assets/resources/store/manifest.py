"""What a stored version says of itself: its files, and all that is needed to make them again."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

SELF = "manifest_sha256"


@dataclass(frozen=True)
class FileRecord:
    """What the manifest knows of one file: its hash, its size in bytes, and rows and schema where it is a table."""

    sha256: str
    size: int
    rows: int | None
    columns: Mapping[str, str] | None


@dataclass(frozen=True)
class Provenance:
    """Where an artifact comes from: all that is needed to make it again."""

    as_of: dt.datetime
    inputs: Mapping[str, str]
    settings_hash: str
    code_version: str
    run_id: str


@dataclass(frozen=True)
class Manifest:
    """The content of ``manifest.json``: what is in a version, and where it comes from."""

    asset: str
    week: str
    version: str
    provenance: Provenance
    files: Mapping[str, FileRecord]
    facts: Mapping[str, Any]

    def to_json(self) -> bytes:
        """The manifest as indented JSON, with the SHA-256 of its own content as ``manifest_sha256``."""
        document = asdict(self)
        return json.dumps(document | {SELF: _hash_of(document)}, indent=2, sort_keys=True, default=str).encode()

    @staticmethod
    def from_json(content: bytes) -> "Manifest":
        """Read a manifest back.

        Raises:
            ValueError: the document is not what was written; the message has both hashes.
            KeyError, TypeError, AttributeError: the document is not a manifest.
        """
        document = json.loads(content)
        expected, actual = document.pop(SELF), _hash_of(document)
        if actual != expected:
            raise ValueError(f"SHA-256 {actual}, expected {expected}")
        provenance = document["provenance"] | {"as_of": dt.datetime.fromisoformat(document["provenance"]["as_of"])}
        files = {name: FileRecord(**record) for name, record in document["files"].items()}
        return Manifest(**(document | {"provenance": Provenance(**provenance), "files": files}))


def version_of(files: Mapping[str, FileRecord], facts: Mapping[str, Any], provenance: Provenance) -> str:
    """The name of a version: a hash of what is in it and what it was made from, whoever made it."""
    made_of = asdict(provenance) | {"files": {name: asdict(record) for name, record in files.items()}, "facts": dict(facts)}
    del made_of["run_id"]
    return _hash_of(made_of)[:16]


def _hash_of(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def describe(path: Path) -> FileRecord:
    """The manifest's record of a file.

    Raises:
        ValueError: it is not the Parquet or JSON that its name says.
    """
    rows, columns = None, None
    if path.suffix == ".parquet":
        parquet = pq.ParquetFile(path)
        rows = parquet.metadata.num_rows
        columns = {name: str(kind) for name, kind in zip(parquet.schema_arrow.names, parquet.schema_arrow.types, strict=True)}
    if path.suffix == ".json":
        json.loads(path.read_bytes())  # what lost its end must not become a version
    return FileRecord(sha256_of(path), path.stat().st_size, rows, columns)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""Where a person still is in what is kept: tables, files, the event log; for whoever has to show that somebody is gone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recs_assets import targets
from recs_assets.resources.store.bucket import Bucket
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse


def places_of(person: str, warehouse: Warehouse, store: Store, home: Path) -> list[str]:
    """The tables and files that hold a person's id or address, as a word of its own in any text, whatever its case.

    The source is not looked at. Ids within a table of a file of another kind than Parquet are looked for in its bytes.

    Args:
        person: the id, or an address.
        warehouse: of our own tables.
        store: of the files, which may lie elsewhere.
        home: the folder of everything else.

    Raises:
        ValueError: nobody is named.
    """
    if not person.strip():
        raise ValueError("whom? Say it with USER=<an id or an address>.")
    # As re.escape, but for what Arrow and DuckDB take for no escape.
    escaped = re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", person.strip())
    pattern = rf"(?i)(^|[^0-9A-Za-z_@.-]){escaped}($|[^0-9A-Za-z_@-])"
    tables = [f"table {name}" for name in warehouse.tables_with(pattern)]
    files = [str(path.relative_to(home)) for path in sorted(_files(home)) if _holds(path, pattern)]
    return tables + files + [address for address, path in _elsewhere(store) if _holds(path, pattern)]


def _files(home: Path) -> Iterator[Path]:
    for path in home.rglob("*"):
        if path.is_file() and not path.is_relative_to(targets.source()) and not path.name.startswith("warehouse.duckdb"):
            yield path


def _elsewhere(store: Store) -> Iterator[tuple[str, Path]]:
    """Every file of every version in a bucket, by its address, copied to this machine for the look."""
    if isinstance(store.location, Bucket):
        for version in store.location.found():
            artifact = store.version(*version.name.split("/", 1))
            for name in artifact.manifest.files:
                yield f"{artifact.address}/{name}", artifact.path(name)


def _holds(path: Path, pattern: str) -> bool:
    if path.suffix != ".parquet":
        return re.search(pattern.encode(), path.read_bytes()) is not None
    file = pq.ParquetFile(path)
    texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
    if not texts:
        return False
    return any(
        bool(pc.any(pc.match_substring_regex(column.cast(pa.string()), pattern)).as_py())
        for batch in file.iter_batches(columns=texts)
        for column in batch.columns
    )


def _is_text(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary))

"""Where a person still is in what is kept: tables, files, the event log; for whoever has to show that somebody is gone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recs_assets import targets
from recs_assets.resources.store.bucket import Bucket
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse

# What may stand beside an id in a text of any kind; and where the id is all that the text says: nothing, quotes as in JSON (those
# of an attribute of HTML hold figures), the bar between the parts of a row's key, or what a profile of one person begins with.
WORD = r"(?i)(^|[^0-9A-Za-z_@.-]){}($|[^0-9A-Za-z_@-])"
VALUE = r"(?i)(^(user:)?|[^=][\"'\\]|^[\"'\\]|[|] ){}($|[\"'\\]| [|])"


@dataclass(frozen=True)
class Mention:
    """A table or file that holds an id or address.

    Attributes:
        place: its name or path.
        is_certain: it holds an address, or the id as a value; otherwise the id is a word or number of a longer text, where it may
            well mean something else.
    """

    place: str
    is_certain: bool


def places_of(person: str, warehouse: Warehouse, store: Store, home: Path) -> list[Mention]:
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
    word, value = WORD.format(escaped), (WORD if "@" in person else VALUE).format(escaped)
    certain = set(warehouse.tables_with(value))
    tables = [Mention(f"table {name}", name in certain) for name in warehouse.tables_with(word)]
    files = [(str(path.relative_to(home)), path) for path in sorted(_files(home))]
    return tables + [Mention(name, _holds(path, value)) for name, path in [*files, *_elsewhere(store)] if _holds(path, word)]


def _files(home: Path) -> Iterator[Path]:
    for path in home.rglob("*"):
        if path.is_file() and not path.is_relative_to(targets.source()) and not path.name.startswith("warehouse.duckdb"):
            yield path


def _elsewhere(store: Store) -> Iterator[tuple[str, Path]]:
    """Every file of every version in a bucket, by its address, copied to this machine for the look."""
    if isinstance(store.location, Bucket):
        for version in store.location.versions():
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

"""A folder of Parquet as the source: what lies in a file is data, and nothing of its path is."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from recs_assets.breaches import ContractError
from recs_assets.contract import SOURCE_TABLES
from recs_assets.resources.duckdb.source import Located, Relation, Source, quoted, unlike_shards
from recs_assets.resources.duckdb.source_files import FORMS, TableFiles, files_by_table, pattern
from recs_assets.resources.errors import SourceError

MAX_NAMED = 3

# The first row of a file's schema is the file itself.
Schema = tuple[tuple[Any, ...], ...]


class FolderSource(Source):
    """Every table as one Parquet file, a folder of them, or numbered shards."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _files(self) -> Mapping[str, TableFiles | None]:
        if not self._folder.is_dir():
            fix = "Set RECS_SOURCE to a folder of Parquet tables, or to a DuckDB database."
            raise SourceError(f"there is no source {self._folder}. {fix}")
        files = files_by_table(self._folder)
        if not any(files.values()):
            wanted = ", ".join(SOURCE_TABLES)
            fix = f"Set RECS_SOURCE to a folder that does, each as one of {FORMS}."
            raise SourceError(f"{self._folder} holds none of the tables {wanted}. {fix}")
        return files

    def present(self, connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
        """The tables of which there are files, or what looks like them."""
        return frozenset(table for table, files in self._files.items() if files is not None)

    def locate(self, connection: duckdb.DuckDBPyConnection, table: str) -> Located | None:
        """The files of a table, those of one schema together."""
        files = self._files[table]
        if files is None or not files.paths:
            return None if files is None else Located((), files.breaches)
        schemas, unreadable = _schemas(connection, table, list(files.paths))
        if unreadable:
            return Located((), (*files.breaches, *unreadable))
        alike: dict[Schema, list[Path]] = {}
        for path, schema in schemas.items():
            alike.setdefault(schema, []).append(path)
        relations = tuple(_relation(connection, paths) for paths in alike.values())
        breaches = [error for schema, paths in alike.items() for error in _doubled(table, schema, paths[0])]
        for relation, paths in zip(relations, alike.values(), strict=True):
            breaches += _in_the_path(table, relation, {files.paths[path] for path in paths})
        return Located(relations, (*files.breaches, *breaches, *unlike_shards(table, relations)))


def _schemas(
    connection: duckdb.DuckDBPyConnection, table: str, paths: Sequence[Path]
) -> tuple[dict[Path, Schema], list[ContractError]]:
    """The schema of every file that has rows (of the first one, where none has), and the files that are no Parquet."""
    by_name = {str(path): path for path in paths}
    listed = _list(paths)
    schema_rows = f"SELECT * EXCLUDE (column_id) FROM parquet_schema({listed}) ORDER BY file_name, column_id"
    try:
        rows = connection.execute(schema_rows).fetchall()
        counts = connection.execute(
            f"SELECT file_name, num_rows FROM parquet_file_metadata({listed}) ORDER BY file_name"
        ).fetchall()
    except duckdb.Error:
        unreadable = [breach for path in paths if (breach := _unreadable(connection, table, path))]
        if not unreadable:
            raise
        return {}, unreadable[:MAX_NAMED]
    schemas: dict[str, list[tuple[Any, ...]]] = {}
    for name, *row in rows:
        schemas.setdefault(name, []).append(tuple(row))
    filled = [name for name, n_rows in counts if n_rows] or [counts[0][0]]
    return {by_name[name]: tuple(schemas[name]) for name in filled}, []


def _unreadable(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> ContractError | None:
    try:
        connection.execute(f"SELECT * FROM parquet_file_metadata({_list([path])})").fetchall()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        return ContractError(table, f"{path} is not a Parquet file ({reason})", "Write the table as Parquet again.")
    return None


def _relation(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> Relation:
    """The rows of files of one schema."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {_read(paths[:1])}").fetchall()
    columns = {str(name).lower(): (str(name), str(kind)) for name, kind, *_ in described}
    return Relation(_read(paths), columns, paths[0].name)


def _doubled(table: str, schema: Schema, path: Path) -> list[ContractError]:
    """The columns that a file has twice: DuckDB reads the second as another one, BigQuery takes neither."""
    times = Counter(name.lower() for name in _top_level(schema))
    fix = "Keep the one that is meant, and write the table again."
    return [
        ContractError(table, f"{times[column.name]} columns of {path.name} have this name", fix, column=column.name)
        for column in SOURCE_TABLES[table].columns
        if times[column.name] > 1
    ]


def _top_level(schema: Schema) -> Iterator[str]:
    """The names of a schema's columns, without what is nested in them: it is listed depth first."""
    nested = 0
    for name, _, _, _, n_children, *_ in schema[1:]:
        if nested:
            nested += (n_children or 0) - 1
        else:
            yield str(name)
            nested = n_children or 0


def _in_the_path(table: str, relation: Relation, folders: set[str]) -> list[ContractError]:
    """The columns that stand in names of folders (event_type=view) and not in the files: no one would miss an optional one."""
    keys = {part.split("=")[0].lower() for folder in folders for part in Path(folder).parts if "=" in part}
    fix = "What a path says is not read: write the column into the files too."
    return [
        ContractError(
            table, f"it stands in the names of folders ({column.name}=...) and not in the files", fix, column=column.name
        )
        for column in SOURCE_TABLES[table].columns
        if column.name in keys - relation.columns.keys()
    ]


def _read(paths: Sequence[Path]) -> str:
    return f"read_parquet({_list(paths)}, hive_partitioning = false)"


def _list(paths: Sequence[Path]) -> str:
    return f"[{', '.join(quoted(pattern(path)) for path in paths)}]"

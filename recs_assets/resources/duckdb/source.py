"""The retailer's tables as DuckDB reads them, brought to the contract's columns and types."""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from recs_assets.breaches import ContractError, refuse
from recs_assets.contract import SOURCE_TABLES, Column
from recs_assets.resources.duckdb.readings import TYPES, Reading, has_spaces, reading, trimmed, word
from recs_assets.stored_tables import StoredColumn, StoredTable

# Accidents of the machine, which may be gone when the step is tried again. Anything else that stops a query over a source
# table is in its data: a damaged page is a plain duckdb.Error as often as not.
OF_THE_MACHINE = (duckdb.OutOfMemoryException, duckdb.IOException, duckdb.InterruptException)
SHOWN_CHARACTERS = 60
SHOWN_VALUE = re.compile(r'value ".*?"')


@dataclass(frozen=True)
class Relation:
    """Something to select from, and its columns by their names in lower case: the name as stored, and DuckDB's type."""

    sql: str
    columns: Mapping[str, tuple[str, str]]
    # Where it lies, for messages.
    place: str

    def reading(self, column: Column, *, bounded: bool = True) -> Reading:
        """How a column of the contract is read from it; NULL where it has none. ``bounded``: see ``readings.reading``."""
        if column.name not in self.columns:
            return Reading(f"CAST(NULL AS {TYPES[column.kind]})")
        name, kind = self.columns[column.name]
        return reading(column, identifier(name), kind, bounded=bounded)


@dataclass(frozen=True)
class Located:
    """A source table that is there: what to select its rows from, and what keeps it from being read."""

    relations: tuple[Relation, ...]
    breaches: tuple[ContractError, ...] = field(default=())


class Source(ABC):
    """Where the retailer's tables lie."""

    @abstractmethod
    def present(self, connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
        """The contract's tables that are there, readable or not.

        Raises:
            SourceError: there is no source, or it has none of the tables.
        """

    @abstractmethod
    def locate(self, connection: duckdb.DuckDBPyConnection, table: str) -> Located | None:
        """A table of the contract; ``None`` where it is absent.

        Raises:
            SourceError: there is no source, or it has none of the tables.
        """

    def stored(self, connection: duckdb.DuckDBPyConnection, table: str) -> StoredTable | None:
        """A table as it is stored, looked at down to its values where its types may not hold what the contract's do."""
        located = self.locate(connection, table)
        if located is None:
            return None
        columns, breaches = dict[str, StoredColumn](), list(located.breaches)
        try:
            with readable([table]):
                for relation in located.relations:
                    _add(columns, _looked_at(connection, table, relation))
        except ContractError as error:
            breaches.append(error)
        known = {column.name for column in SOURCE_TABLES[table].columns}
        extra = {name: stored for of in located.relations for name, (stored, _) in of.columns.items() if name not in known}
        return StoredTable(columns, tuple(extra.values()), tuple(breaches))

    def select(self, connection: duckdb.DuckDBPyConnection, table: str, blank_texts: Collection[str]) -> str:
        """The query, in DuckDB's dialect, that reads a source table with the contract's columns and types only.

        An absent optional column is NULL, and an absent table has no rows. A text comes without the spaces around it, and is
        NULL where it is one of ``blank_texts``, whatever its case. A value that its type cannot hold whole ends the query.

        Raises:
            SourceError: there is no source.
            ContractError: the table cannot be read as one.
        """
        located = self.locate(connection, table)
        columns = SOURCE_TABLES[table].columns
        # A filter on the moments of a log skips whole row groups; one on an expression would not.
        moment = SOURCE_TABLES[table].dated_by if SOURCE_TABLES[table].is_log else None
        if located is None:
            return f"SELECT {', '.join(f'CAST(NULL AS {TYPES[column.kind]}) AS {column.name}' for column in columns)} WHERE FALSE"
        refuse(located.breaches)
        selects = []
        for relation in located.relations:
            selected = ", ".join(
                _selected(column, relation.reading(column, bounded=column.name != moment), blank_texts) for column in columns
            )
            selects.append(f"SELECT {selected} FROM {relation.sql}")
        return " UNION ALL ".join(selects)


@contextmanager
def readable(tables: Collection[str]) -> Iterator[None]:
    """Say which source tables cannot be read, where a query fails on their data.

    Raises:
        ContractError: a page is damaged, a text is not UTF-8, or a value cannot be brought to the contract's type.
    """
    try:
        yield
    except duckdb.Error as error:
        if not tables or isinstance(error, OF_THE_MACHINE):
            raise
        # A value may be somebody's id, and errors are logged.
        reason = SHOWN_VALUE.sub("a value", str(error).splitlines()[0])
        fix = "Write the table again, from data that can be read whole."
        raise ContractError(" or ".join(sorted(tables)), f"its rows cannot be read ({reason})", fix) from error


def quoted(text: Path | str) -> str:
    """A path or text as a string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as SQL takes it, whatever it is."""
    return '"' + name.replace('"', '""') + '"'


def unlike_shards(table: str, relations: Sequence[Relation]) -> list[ContractError]:
    """Why parts of one table do not go together: one lacks a column that another has, ids are numbers here and texts there."""
    breaches = []
    for column in SOURCE_TABLES[table].columns:
        having = [relation for relation in relations if column.name in relation.columns]
        lacking = [relation for relation in relations if column.name not in relation.columns]
        if having and lacking:
            problem = f"{lacking[0].place} lacks it, {having[0].place} has it"
            breaches.append(
                ContractError(table, problem, "Write all parts of the table with the same columns.", column=column.name)
            )
        held = {word(relation.columns[column.name][1]): relation.place for relation in having}
        if column.kind == "string" and {"text", "integer"} <= held.keys():
            problem = f"it is integer in {held['integer']} and text in {held['text']}"
            breaches.append(
                ContractError(table, problem, "Write all parts of the table with the same types.", column=column.name)
            )
    return breaches


def _selected(column: Column, read: Reading, blank_texts: Collection[str]) -> str:
    value = read.value
    if column.kind == "string":
        blank = f"(?i)[\\p{{Z}}\\p{{Cc}}\\p{{Cf}}]*(?:{'|'.join(map(re.escape, blank_texts))})[\\p{{Z}}\\p{{Cc}}\\p{{Cf}}]*"
        value = f"CASE WHEN regexp_full_match({value}, {quoted(blank)}) THEN NULL ELSE {value} END"
    if read.is_lost:
        problem = f"column {column.name} holds a value that is no {column.kind}"
        value = f"CASE WHEN {read.is_lost} THEN error({quoted(problem)}) ELSE {value} END"
    return f"{value} AS {column.name}"


def _looked_at(connection: duckdb.DuckDBPyConnection, table: str, relation: Relation) -> dict[str, StoredColumn]:
    """The columns of a relation that the contract knows, with what one scan of those in doubt tells of their values."""
    looked_at, counts, meant = {}, [], list[tuple[str, str]]()
    for column in SOURCE_TABLES[table].columns:
        if column.name not in relation.columns:
            continue
        name, kind = relation.columns[column.name]
        stored, held, is_lost = identifier(name), word(kind), relation.reading(column).is_lost
        looked_at[column.name] = StoredColumn(held)
        if is_lost:
            counts.append(f"count(*) FILTER ({is_lost})")
            meant.append((column.name, "n_lost"))
        if is_lost and column.seen == "anywhere":
            counts.append(f"left(min(CAST({stored} AS VARCHAR)) FILTER ({is_lost}), {SHOWN_CHARACTERS})")
            meant.append((column.name, "sample"))
        if column.is_id and held == "text":
            counts.append(f"count(*) FILTER ({has_spaces(stored)} AND ({trimmed(stored)}) <> '')")
            meant.append((column.name, "n_trimmed"))
    if counts:
        values = connection.execute(f"SELECT {', '.join(counts)} FROM {relation.sql}").fetchall()[0]
        for (name, what), value in zip(meant, values, strict=True):
            looked_at[name] = replace(looked_at[name], **{what: value})
    return looked_at


def _add(columns: dict[str, StoredColumn], more: Mapping[str, StoredColumn]) -> None:
    """Add what another part of the table tells of its columns; a part in which values are lost says how a column is stored."""
    for name, new in more.items():
        known = columns.get(name)
        columns[name] = (
            new
            if known is None
            else StoredColumn(
                held_as=(new if new.n_lost else known).held_as,
                n_lost=known.n_lost + new.n_lost,
                sample=known.sample or new.sample,
                n_trimmed=known.n_trimmed + new.n_trimmed,
            )
        )

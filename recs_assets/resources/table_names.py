"""The tables that a text of SQL names, and the same text with other names in their places."""

from collections.abc import Mapping, Sequence
from functools import cache

import sqlglot
from sqlglot import expressions

# What is written to, or whose rows are removed, takes no alias.
_CHANGED = (expressions.Insert, expressions.Delete)


@cache
def parsed(text: str) -> sqlglot.Expr:
    """A text in BigQuery's dialect as a tree, the same one to all who ask: to be read only."""
    return sqlglot.parse_one(text, read="bigquery")


def tables_of(text: str) -> frozenset[str]:
    """The names of the tables that a text in BigQuery's dialect names, its own CTEs not among them."""
    return frozenset(table.name for table in _tables(text))


def resolved(text: str, references: Mapping[str, str]) -> str:
    """A text in BigQuery's dialect with some of its tables under other names; it is the same to the letter but for these.

    Args:
        text: names its tables by bare names.
        references: what stands in a bare name's place, as the engine writes it (quoted, or with project and dataset).
            What is read goes on being called by its bare name, as an alias, if the text gives it no other.

    Raises:
        ValueError: the text names no such table.
    """
    if unknown := references.keys() - tables_of(text):
        raise ValueError(f"the tables {sorted(unknown)} are not among those of the statement: {sorted(tables_of(text))}.")
    pieces, end = [], 0
    for table in sorted(_tables(text), key=lambda table: int(table.this.meta["start"])):
        if table.name in references:
            start, name = table.this.meta["start"], references[table.name]
            # What is inserted into has its columns between itself and the statement.
            within = table.parent.parent if isinstance(table.parent, expressions.Schema) else table.parent
            needs_alias = not table.alias and not isinstance(within, _CHANGED)
            pieces += [text[end:start], f"{name} AS {table.name}" if needs_alias else name]
            end = table.this.meta["end"] + 1
    return "".join([*pieces, text[end:]])


@cache
def _tables(text: str) -> Sequence[expressions.Table]:
    tree = parsed(text)
    steps = {step.alias for step in tree.find_all(expressions.CTE)}
    return [table for table in tree.find_all(expressions.Table) if table.name not in steps]

"""How each of BigQuery's types is brought to the contract's: what loses nothing is taken, what would lose something an error."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from recs_assets.contract import Column, Kind

# The contract's kinds as BigQuery's types.
TYPES: Mapping[Kind, str] = {
    "string": "STRING",
    "timestamp": "TIMESTAMP",
    "number": "FLOAT64",
    "integer": "INT64",
    "boolean": "BOOL",
}

# BigQuery's types by what they hold, in plain words, as the REST API names them.
WORDS: Mapping[str, str] = {
    "STRING": "text",
    "BYTES": "binary",
    "INTEGER": "integer",
    "INT64": "integer",
    "FLOAT": "float",
    "FLOAT64": "float",
    "NUMERIC": "decimal",
    "BIGNUMERIC": "decimal",
    "BOOLEAN": "boolean",
    "BOOL": "boolean",
    "TIMESTAMP": "timestamp",
    "DATETIME": "timestamp",
    "DATE": "date",
}

# What stands around a text and is not seen: spaces of any width, line feeds, marks of byte order. As it stands in a literal.
OUTER_SPACES = r"[ \\t\\n\\v\\f\\r\\x{a0}\\x{2007}\\x{200b}\\x{202f}\\x{3000}\\x{feff}]"
UNSEEN = r"[\\p{Z}\\p{Cc}\\p{Cf}]*"


@dataclass(frozen=True)
class Reading:
    """SQL of a stored column: its value in the contract's type, and whether that would lose something (``None``: never)."""

    value: str
    is_lost: str | None = None


def word(bigquery_type: str) -> str:
    """What a type holds, in a plain word; BigQuery's own word for what no column of the contract can be."""
    return WORDS.get(bigquery_type, bigquery_type.lower())


def absent(column: Column) -> str:
    """What is read of a column that is not there."""
    return f"CAST(NULL AS {TYPES[column.kind]})"


def reading(column: Column, stored: str, bigquery_type: str) -> Reading:
    """How the stored column, quoted, of a type is read as a column of the contract."""
    read = _READINGS[column.kind](stored, word(bigquery_type))
    if column.kind == "timestamp" and read is not None and bigquery_type != "TIMESTAMP":
        return Reading(f"TIMESTAMP({stored})")
    if read is not None:
        return read
    # A column without a value has lost nothing by its type: pandas writes texts that are all absent as floats.
    is_value = f" AND {trimmed(stored)} != ''" if word(bigquery_type) == "text" else _is_number(stored, word(bigquery_type))
    return Reading(absent(column), f"{stored} IS NOT NULL{is_value}")


def selected(column: Column, read: Reading, blank_texts: Collection[str]) -> str:
    """The expression of a column of the contract; a value that its type cannot hold whole ends the query."""
    value = read.value
    if column.kind == "string":
        blank = "|".join(re.escape(text).replace("\\", "\\\\").replace("'", "\\'") for text in blank_texts)
        value = f"IF(REGEXP_CONTAINS({value}, '(?i)^{UNSEEN}(?:{blank}){UNSEEN}$'), NULL, {value})"
    if read.is_lost:
        problem = f"column {column.name} holds a value that is no {column.kind}"
        value = f"IF({read.is_lost}, ERROR('{problem}'), {value})"
    return f"{value} AS {column.name}"


def trimmed(value: str) -> str:
    """A text without the spaces around it."""
    return f"REGEXP_REPLACE({value}, '^{OUTER_SPACES}+|{OUTER_SPACES}+$', '')"


def has_spaces(value: str) -> str:
    """Whether a text has spaces around it, or is nothing else."""
    return f"REGEXP_CONTAINS({value}, '^{OUTER_SPACES}|{OUTER_SPACES}$')"


def _as_string(stored: str, held: str) -> Reading | None:
    if held == "text":
        return Reading(trimmed(stored))
    if held == "binary":
        text = f"SAFE_CAST({stored} AS STRING)"
        return Reading(trimmed(text), f"{stored} IS NOT NULL AND {text} IS NULL")
    if held == "integer":
        return Reading(f"CAST({stored} AS STRING)")
    if held == "decimal":
        return Reading(f"CAST({stored} AS STRING)", f"{stored} != TRUNC({stored})")
    return None


def _as_number(stored: str, held: str) -> Reading | None:
    if held == "float":
        return Reading(stored)
    return Reading(f"CAST({stored} AS FLOAT64)") if held in ("integer", "decimal") else None


def _as_integer(stored: str, held: str) -> Reading | None:
    if held == "integer":
        return Reading(stored)
    if held in ("decimal", "float"):
        # A float with NaN for NULL is how pandas writes integers that may be absent.
        value = f"SAFE_CAST({stored} AS INT64)"
        return Reading(
            value, f"{stored} IS NOT NULL{_is_number(stored, held)} AND ({value} IS NULL OR {stored} != TRUNC({stored}))"
        )
    return None


def _as_boolean(stored: str, held: str) -> Reading | None:
    if held == "boolean":
        return Reading(stored)
    if held in ("integer", "decimal", "float"):
        value = f"CASE {stored} WHEN 1 THEN TRUE WHEN 0 THEN FALSE END"
        return Reading(value, f"{stored} IS NOT NULL{_is_number(stored, held)} AND {stored} NOT IN (0, 1)")
    return None


def _is_number(stored: str, held: str) -> str:
    return f" AND NOT IS_NAN({stored})" if held == "float" else ""


def _as_timestamp(stored: str, held: str) -> Reading | None:
    # As it is stored where it can be: partitions are skipped by a filter on the column itself alone.
    return Reading(stored) if held in ("timestamp", "date") else None


_READINGS = {
    "string": _as_string,
    "number": _as_number,
    "integer": _as_integer,
    "boolean": _as_boolean,
    "timestamp": _as_timestamp,
}

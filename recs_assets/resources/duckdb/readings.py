"""How each of DuckDB's types is brought to the contract's: what loses nothing is taken, what would lose something is an error."""

from dataclasses import dataclass

from recs_assets.contract import Column, Kind

TYPES: dict[Kind, str] = {
    "string": "VARCHAR",
    "timestamp": "TIMESTAMPTZ",
    "number": "DOUBLE",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
}

# DuckDB's types by what they hold, in plain words.
WORDS: dict[str, str] = {
    "VARCHAR": "text",
    "JSON": "text",
    "UUID": "text",
    "BLOB": "binary",
    "BOOLEAN": "boolean",
    "FLOAT": "float",
    "DOUBLE": "float",
    "DATE": "date",
    '"NULL"': "null",
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "BIGNUM"), "integer"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "integer"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "timestamp"),
    **dict.fromkeys(("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"), "timestamp"),
}

# What stands around a text and is not seen: spaces of any width, line feeds, marks of byte order.
OUTER_SPACES = " \t\n\v\f\r\u00a0\u2007\u200b\u202f\u3000\ufeff"

# The years that BigQuery and Python know. A moment outside of them becomes the nearest one inside, which is still far too
# early or too late, and so quarantined wherever a time has to make sense.
FIRST_MOMENT, LAST_MOMENT = "TIMESTAMPTZ '0001-01-01 00:00:00+00'", "TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'"


@dataclass(frozen=True)
class Reading:
    """SQL of a stored column: its value in the contract's type, and whether that would lose something (``None``: never)."""

    value: str
    is_lost: str | None = None


def word(duckdb_type: str) -> str:
    """What a type holds, in a plain word; DuckDB's own word for what no column of the contract can be."""
    if duckdb_type.startswith("DECIMAL"):
        return "integer" if duckdb_type.endswith(",0)") else "decimal"
    if duckdb_type.startswith("ENUM"):
        return "text"
    return WORDS.get(duckdb_type, duckdb_type.lower())


def reading(column: Column, stored: str, duckdb_type: str, *, bounded: bool = True) -> Reading:
    """How the stored column, quoted, of a type is read as a column of the contract.

    ``bounded``: a moment outside of the years that BigQuery and Python know becomes the nearest one inside.
    """
    kind, held = TYPES[column.kind], word(duckdb_type)
    if held == "null":
        return Reading(f"CAST(NULL AS {kind})")
    read = _READINGS[column.kind](stored, held)
    if held == "timestamp" and column.kind == "timestamp" and not bounded:
        return Reading(f"TRY_CAST({stored} AS {kind})")
    if read is not None:
        return read
    # A column without a value has lost nothing by its type: pandas writes texts that are all absent as floats.
    is_value = f" AND ({trimmed(stored)}) <> ''" if held == "text" else _is_number(stored, held)
    return Reading(f"CAST(NULL AS {kind})", f"{stored} IS NOT NULL{is_value}")


def trimmed(value: str) -> str:
    """A text without the spaces around it. To look for them first takes a fifth of the time where few texts have any."""
    return (
        f"CASE WHEN {has_spaces(value)} THEN trim(CAST({value} AS VARCHAR), '{OUTER_SPACES}') ELSE CAST({value} AS VARCHAR) END"
    )


def has_spaces(value: str) -> str:
    """Whether a text has spaces around it, or is nothing else."""
    return f"regexp_matches(CAST({value} AS VARCHAR), '^[{OUTER_SPACES}]|[{OUTER_SPACES}]$')"


def _as_string(stored: str, held: str) -> Reading | None:
    if held == "text":
        return Reading(trimmed(stored))
    if held == "binary":
        text = f"TRY(decode({stored}))"
        return Reading(trimmed(text), f"{stored} IS NOT NULL AND {text} IS NULL")
    if held == "integer":
        return Reading(f"CAST({stored} AS VARCHAR)")
    if held == "decimal":
        return Reading(f"CAST(TRY_CAST({stored} AS HUGEINT) AS VARCHAR)", f"{stored} <> trunc({stored})")
    return None


def _as_number(stored: str, held: str) -> Reading | None:
    return Reading(f"CAST({stored} AS DOUBLE)") if held in ("integer", "decimal", "float") else None


def _as_integer(stored: str, held: str) -> Reading | None:
    value = f"TRY_CAST({stored} AS BIGINT)"
    if held == "integer":
        return Reading(value, f"{stored} IS NOT NULL AND {value} IS NULL")
    if held in ("decimal", "float"):
        # A float with NaN for NULL is how pandas writes integers that may be absent.
        is_lost = f"({value} IS NULL OR {stored} <> trunc({stored}))"
        return Reading(value, f"{stored} IS NOT NULL{_is_number(stored, held)} AND {is_lost}")
    return None


def _as_boolean(stored: str, held: str) -> Reading | None:
    if held == "boolean":
        return Reading(stored)
    if held in ("integer", "decimal", "float"):
        value = f"CASE {stored} WHEN 1 THEN TRUE WHEN 0 THEN FALSE END"
        return Reading(value, f"{stored} IS NOT NULL{_is_number(stored, held)} AND {stored} NOT IN (0, 1)")
    return None


def _is_number(stored: str, held: str) -> str:
    """And it is not NaN. Text alone tells for certain: DuckDB trusts the statistics of Parquet files, which leave NaN out."""
    return f" AND CAST({stored} AS VARCHAR) <> 'nan'" if held == "float" else ""


def _as_timestamp(stored: str, held: str) -> Reading | None:
    if held not in ("timestamp", "date"):
        return None
    moment = f"TRY_CAST({stored} AS TIMESTAMPTZ)"
    bounded = f"WHEN {moment} < {FIRST_MOMENT} THEN {FIRST_MOMENT} WHEN {moment} <= {LAST_MOMENT} THEN {moment}"
    return Reading(f"CASE WHEN {stored} IS NULL THEN NULL {bounded} ELSE {LAST_MOMENT} END")


_READINGS = {
    "string": _as_string,
    "number": _as_number,
    "integer": _as_integer,
    "boolean": _as_boolean,
    "timestamp": _as_timestamp,
}

"""Types of columns: Arrow's as BigQuery's, and back."""

import re
from collections.abc import Mapping, Sequence

import pyarrow as pa
from google.cloud import bigquery

# What the REST API calls types otherwise than SQL does.
SQL_TYPES: Mapping[str, str] = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
# BigQuery's types by the names that Arrow has for its own; of a dictionary, that of its values.
OF_ARROW: Mapping[str, str] = {
    r"string|large_string|null": "STRING",
    r"u?int(8|16|32|64)": "INT64",
    r"halffloat|float|double": "FLOAT64",
    r"bool": "BOOL",
    r"date(32\[day\]|64\[ms\])": "DATE",
    r"timestamp\[.+\]": "TIMESTAMP",
}
DICTIONARY = re.compile(r"dictionary<values=(.+), indices=\w+, ordered=\d>")


def arrow_columns(schema: pa.Schema) -> dict[str, str]:
    """The columns of Arrow rows with the names of their types, as a manifest has them of a file."""
    return {field.name: str(field.type) for field in schema}


def bigquery_schema(columns: Mapping[str, str]) -> list[bigquery.SchemaField]:
    """Columns, with the names of their types in Arrow, as those of a table.

    Raises:
        ValueError: a column is of a type that nothing here has.
    """
    return [bigquery.SchemaField(name, _bigquery_type(name, kind)) for name, kind in columns.items()]


def table_schema(columns: Mapping[str, str]) -> list[bigquery.SchemaField]:
    """Declared columns, with their types in SQL, as those of a table."""
    return [bigquery.SchemaField(name, kind) for name, kind in columns.items()]


def sql_types(fields: Sequence[bigquery.SchemaField]) -> dict[str, str]:
    """The columns of a query or table with their types in SQL."""
    return {field.name: SQL_TYPES.get(field.field_type, field.field_type) for field in fields}


def _bigquery_type(column: str, kind: str) -> str:
    of_values = DICTIONARY.sub(r"\1", kind)
    for pattern, name in OF_ARROW.items():
        if re.fullmatch(pattern, of_values):
            return name
    raise ValueError(f"column '{column}' is of type {kind}, which no table here has.")

"""Types of columns: Arrow's as BigQuery's, and back."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
from google.cloud import bigquery

# What the REST API calls types otherwise than SQL does.
SQL_TYPES: Mapping[str, str] = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}


def bigquery_schema(schema: pa.Schema) -> list[bigquery.SchemaField]:
    """The columns of Arrow rows as those of a table.

    Raises:
        ValueError: a column is of a type that nothing here has.
    """
    return [bigquery.SchemaField(field.name, _bigquery_type(field)) for field in schema]


def table_schema(columns: Mapping[str, str]) -> list[bigquery.SchemaField]:
    """Declared columns, with their types in SQL, as those of a table."""
    return [bigquery.SchemaField(name, kind) for name, kind in columns.items()]


def sql_types(fields: Sequence[bigquery.SchemaField]) -> dict[str, str]:
    """The columns of a query or table with their types in SQL."""
    return {field.name: SQL_TYPES.get(field.field_type, field.field_type) for field in fields}


def _bigquery_type(field: pa.Field) -> str:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP"
    for is_kind, name in (
        (pa.types.is_string, "STRING"),
        (pa.types.is_large_string, "STRING"),
        (pa.types.is_null, "STRING"),
        (pa.types.is_integer, "INT64"),
        (pa.types.is_floating, "FLOAT64"),
        (pa.types.is_boolean, "BOOL"),
        (pa.types.is_date, "DATE"),
    ):
        if is_kind(kind):
            return name
    raise ValueError(f"column '{field.name}' is of type {field.type}, which no table here has.")

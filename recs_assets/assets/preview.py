"""A table that an asset has written, as its page in the UI shows it: rows, columns, and the first rows."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pyarrow as pa

from recs_assets.assets.figures import rounded
from recs_assets.resources.store.artifact import Artifact

ROWS = 5
# Nothing that names a person goes into logs or metadata.
PERSONAL_COLUMNS = frozenset({"user_id", "profile_id", "email", "email_lower", "event_id", "order_id"})


def table_of(artifact: Artifact, name: str) -> dict[str, Any]:
    """The metadata of an artifact's Parquet file, of which only the first rows are read."""
    first = artifact.head(name, ROWS)
    columns = {field.name: str(field.type) for field in first.schema}
    return {"dagster/row_count": artifact.n_rows(name), "dagster/column_schema": schema(columns), "preview": preview(first)}


def schema(columns: Mapping[str, str]) -> dg.TableSchema:
    """Columns, with their types, as Dagster shows them."""
    return dg.TableSchema([dg.TableColumn(name, kind) for name, kind in columns.items()])


def preview(table: pa.Table, rows: int = ROWS) -> dg.TableMetadataValue:
    """The first rows as a table in the UI, without the columns that name a person."""
    shown = table.slice(0, rows).select([name for name in table.column_names if name not in PERSONAL_COLUMNS])
    records = [dg.TableRecord({name: _shown(value) for name, value in row.items()}) for row in shown.to_pylist()]
    # With its schema: a table without rows has a preview too.
    return dg.MetadataValue.table(records, schema({field.name: str(field.type) for field in shown.schema}))


def _shown(value: Any) -> str:
    return str(rounded(value))

"""The first rows of what an asset has written, as its page in the UI shows them."""

from typing import Any

import dagster as dg
import pyarrow as pa

from recs_assets.assets.figures import rounded
from recs_assets.resources.store.artifact import Artifact

ROWS = 5
# Nothing that names a person goes into logs or metadata.
PERSONAL_COLUMNS = frozenset({"user_id", "profile_id", "email", "email_lower", "event_id", "order_id"})


def preview_of(artifact: Artifact, name: str) -> dg.TableMetadataValue:
    """The preview of an artifact's Parquet file, of which only the first rows are read."""
    return preview(artifact.head(name, ROWS))


def preview(table: pa.Table, rows: int = ROWS) -> dg.TableMetadataValue:
    """The first rows as a table in the UI, without the columns that name a person."""
    shown = table.slice(0, rows).select([name for name in table.column_names if name not in PERSONAL_COLUMNS])
    # With its schema: a table without rows has a preview too.
    schema = dg.TableSchema([dg.TableColumn(field.name, str(field.type)) for field in shown.schema])
    records = [dg.TableRecord({name: _shown(value) for name, value in row.items()}) for row in shown.to_pylist()]
    return dg.MetadataValue.table(records, schema)


def _shown(value: Any) -> str:
    return str(rounded(value) if isinstance(value, float) else value)

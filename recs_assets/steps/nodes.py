"""The ids behind the rows of the graph."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from recs_assets.resources.store.artifact import TableFile, local_path


def node_ids(exports: Mapping[str, Sequence[TableFile]], kind: str) -> pa.Array:
    """The ids of a kind of node by their index in the graph."""
    path = local_path(exports[f"{kind}_nodes"][0])
    table = pq.read_table(path, columns=[f"{kind}_id"], page_checksum_verification=True)
    return table[0].combine_chunks()

"""The ids behind the rows of the graph."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def node_ids(exports: Mapping[str, Sequence[Path]], kind: str) -> pa.Array:
    """The ids of a kind of node by their index in the graph."""
    table = pq.read_table(exports[f"{kind}_nodes"][0], columns=[f"{kind}_id"], page_checksum_verification=True)
    return table[0].combine_chunks()

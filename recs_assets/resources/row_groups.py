"""Row groups of one size: an engine's batches differ from run to run, and a file's bytes with them."""

from collections.abc import Iterator

import pyarrow as pa

ROW_GROUP_ROWS = 131_072


def row_groups(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Tables of ``ROW_GROUP_ROWS`` rows each, the last one of what is left."""
    kept: list[pa.RecordBatch] = []
    n_kept = 0
    for batch in reader:
        kept.append(batch)
        n_kept += batch.num_rows
        while n_kept >= ROW_GROUP_ROWS:
            table = pa.Table.from_batches(kept, reader.schema)
            yield table.slice(0, ROW_GROUP_ROWS).combine_chunks()
            rest = table.slice(ROW_GROUP_ROWS)
            kept, n_kept = rest.to_batches(), rest.num_rows
    if n_kept:
        yield pa.Table.from_batches(kept, reader.schema).combine_chunks()

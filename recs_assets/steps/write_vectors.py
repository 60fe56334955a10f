"""The towers' vectors of everybody and every part, as Parquet."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recs_assets.gnn.snapshots import Snapshot
from recs_assets.gnn.towers.residual import Residual
from recs_assets.ranking.arrays import Floats32

BATCH = 65_536


def write_vectors(
    residual: Residual,
    past: Snapshot,
    *,
    user_ids: pa.Array,
    product_ids: pa.Array,
    profiles: pa.Table,
    user_profiles: pa.Table,
    users_file: Path,
    products_file: Path,
) -> None:
    """Write ``user_id`` and ``product_id`` with their ``vector`` of ``towers.dimension`` float32 each, and a user's ``scale``.

    A user's scale times the dot product is what the towers add to a score. A vector is computed once a profile: people who own
    the same vehicles and have no history share it.

    Args:
        residual: fitted towers.
        past: the graph as of which the vectors are.
        user_ids: ids by index in the graph.
        product_ids: the same of products.
        profiles: columns profile_id and user_id, somebody who has the profile.
        user_profiles: columns user_id and profile_id, a row a person.
        users_file: where the users' vectors go.
        products_file: where the products' go.
    """
    representatives = pc.index_in(profiles["user_id"].combine_chunks(), user_ids).to_numpy().astype(np.int64)
    of_profiles, of_products = residual.vectors(past, representatives)
    scales = residual.scales_of(past, representatives)
    pq.write_table(_table("product_id", product_ids, of_products), products_file, compression="zstd", write_page_checksum=True)
    profile = pc.index_in(user_profiles["profile_id"].combine_chunks(), profiles["profile_id"].combine_chunks()).to_numpy()
    schema = _table("user_id", user_ids[:0], of_profiles[:0]).append_column("scale", pa.array([], pa.float32())).schema
    with pq.ParquetWriter(users_file, schema, compression="zstd", write_page_checksum=True) as writer:
        for start in range(0, user_profiles.num_rows, BATCH):
            ids, own = user_profiles["user_id"].slice(start, BATCH).combine_chunks(), profile[start : start + BATCH]
            writer.write_table(_table("user_id", ids, of_profiles[own]).append_column("scale", pa.array(scales[own])))


def _table(name: str, ids: pa.Array, vectors: Floats32) -> pa.Table:
    flat = pa.array(np.ascontiguousarray(vectors).ravel(), pa.float32())
    return pa.table({name: ids, "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])})

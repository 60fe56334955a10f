"""The fallback without a model: parts that go together, and SQL's list with that evidence added."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from recs_assets.gnn.channels.evidence import ROWS_PER_BLOCK
from recs_assets.gnn.snapshots import FOREVER, Snapshot
from recs_assets.ranking import similarity
from recs_assets.settings import Settings
from recs_assets.steps.cohort import Cohort, of_profiles


def similar_parts(past: Snapshot, settings: Settings) -> pd.DataFrame:
    """Item-item similarities from what was bought together in weeks that had ended: columns product, neighbour,
    similarity, n_users."""
    known = sparse.coo_array(past.bought_with(settings.co_purchase.min_users))
    pairs = pd.DataFrame({"product_a": known.row, "product_b": known.col, "n_users": known.data.astype(np.int64)})
    buyers = np.asarray(past.bought(None).sum(axis=0)).ravel().astype(np.int64)
    options = settings.similarity
    return similarity.product_similarities(pairs, buyers, options.neighbours, options.shrinkage)


def similarity_lists(people: Cohort, sql: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """SQL's list with item-item evidence added, of some people at a time, in the order of ``sql``.

    Args:
        people: whose history counts.
        sql: columns profile, product, score, in the order of profiles.
    """
    similarities = similar_parts(people.past, people.settings)
    history = people.past.touched(FOREVER)[people.users]
    for first in range(0, len(people.users), ROWS_PER_BLOCK):
        own = of_profiles(sql, first, first + ROWS_PER_BLOCK)
        rows = history[first : first + ROWS_PER_BLOCK]
        added = similarity.similarity_lists(
            own.assign(profile=own["profile"] - first), rows, similarities, people.settings.similarity.weight
        )
        yield added.assign(profile=added["profile"] + first)


def with_ids(similar: pd.DataFrame, product_ids: pa.ChunkedArray) -> pa.Table:
    """Similarities with the parts' ids in place of their indices."""
    ids = product_ids.combine_chunks()
    return pa.table(
        {
            "product_id": ids.take(pa.array(similar["product"])),
            "similar_product_id": ids.take(pa.array(similar["neighbour"])),
            "similarity": pa.array(similar["similarity"]),
            "n_users": pa.array(similar["n_users"]),
        }
    )


def similarity_matrix(similarities: pd.DataFrame, n_products: int) -> sparse.csr_array:
    """[products x products] similarity of each neighbour (column) to a part (row)."""
    places = (similarities["product"], similarities["neighbour"])
    return sparse.csr_array((similarities["similarity"], places), shape=(n_products, n_products))


def indexed_similarities(similar: pa.Table, product_ids: pa.Array) -> pd.DataFrame:
    """Similarities with numbers in place of ids: columns product, neighbour, similarity."""
    return pd.DataFrame(
        {
            "product": pc.index_in(similar["product_id"], product_ids).to_numpy().astype(np.int64),
            "neighbour": pc.index_in(similar["similar_product_id"], product_ids).to_numpy().astype(np.int64),
            "similarity": similar["similarity"].to_numpy(),
        }
    )

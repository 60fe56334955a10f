"""Reading score files one block of profiles at a time, with numbers in place of ids."""

import logging
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recs_assets.resources.store.artifact import Artifact, StoreError

TEXTS = ("profile_id", "product_id", "pop_source", "channels")  # few of them, over many rows of scores

log = logging.getLogger(__name__)


def by_block(
    scores: Artifact, file: str, profile_ids: pa.Array, product_ids: pa.Array, blocks: Sequence[slice]
) -> Iterator[pd.DataFrame]:
    """Scores with numbers in place of ids, one block of profiles at a time: no more of the file than that is in memory.

    Args:
        scores: the artifact.
        file: its Parquet file with columns profile_id and product_id, in the order of the profiles.
        profile_ids: of all profiles.
        product_ids: of all products.
        blocks: which profiles to hand out at once; they follow one another.

    Yields:
        The file's columns, with ``profile``, counted from the first of the block, and ``product`` for the ids.

    Raises:
        StoreError: the file is in another order.
    """
    groups = (indexed(group, profile_ids, product_ids) for group in scores.row_groups(file, TEXTS))
    rows = next(groups)
    for block in blocks:
        read = [rows]
        while not (read[-1]["profile"] >= block.stop).any() and (group := next(groups, None)) is not None:
            read.append(group)
        rows = pd.concat(read, ignore_index=True)
        if not rows["profile"].is_monotonic_increasing:
            what = f"{scores.address}/{file} is not in the order of the profiles"
            raise StoreError(f"{what}: materialize {scores.manifest.asset} for week {scores.manifest.week} again.")
        end = int(np.searchsorted(rows["profile"], block.stop))
        yield rows[:end].assign(profile=rows["profile"][:end] - block.start)
        rows = rows[end:]


def report(verb: str, done: int, total: int, started: float) -> None:
    """Log how far a pass over the profiles has come since ``started``, in seconds of the monotonic clock."""
    rate = done / max(time.monotonic() - started, 1e-9)
    share, left = done / max(total, 1), (total - done) / max(rate, 1e-9)
    log.info(
        "%s %s of %s profiles (%.0f%%), %.0f a second, %.0f s left", verb, f"{done:,}", f"{total:,}", 100 * share, rate, left
    )


def indexed(scores: pa.Table, profile_ids: pa.Array, product_ids: pa.Array) -> pd.DataFrame:
    """Scores with numbers in place of ids: profile and product by their position in the given arrays."""
    columns = {name: scores[name].to_pandas() for name in scores.column_names if name not in {"profile_id", "product_id"}}
    # Each row group has codes of its own: plain texts, each in memory once, can be put together.
    plain = {name: np.asarray(column, dtype=object) if name in TEXTS else column for name, column in columns.items()}
    numbers = {"profile": _numbers(scores["profile_id"], profile_ids), "product": _numbers(scores["product_id"], product_ids)}
    return pd.DataFrame(plain | numbers)


def _numbers(column: pa.ChunkedArray, ids: pa.Array) -> np.ndarray:
    """[rows] int64 positions in ``ids`` of a column of codes; each of its few texts is looked up once."""
    encoded = column.unify_dictionaries()
    numbers = pc.index_in(encoded.chunk(0).dictionary, ids).to_numpy() if encoded.num_chunks else np.array([])
    codes = [chunk.indices.to_numpy() for chunk in encoded.chunks]
    return numbers[np.concatenate(codes)].astype(np.int64) if codes else np.array([], dtype=np.int64)

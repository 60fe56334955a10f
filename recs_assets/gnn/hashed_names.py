"""What a node is called, as numbers that mean the same in every week's graph."""

import hashlib
import re
from collections.abc import Sequence
from functools import cache

import numpy as np
import pyarrow as pa

from recs_assets.ranking.arrays import Ints

NO_TOKEN = -1
# A title's first words say what the part is; the rest is measures and marketing.
TITLE_WORDS = 8


def hashed_names(nodes: pa.Table, names: Sequence[str], text: str | None = None) -> Ints:
    """Hashed names of nodes, for an embedding by the hashing trick (Weinberger et al. 2009).

    Args:
        nodes: a node export; a column that it lacks has no tokens.
        names: columns whose whole value is one token; equal values of two columns are different tokens.
        text: a column whose first ``TITLE_WORDS`` words are a token each.

    Returns:
        int64 [nodes x (names, then words)], hashes of 63 bits, ``NO_TOKEN`` where there is none.
    """
    hashed = np.full((nodes.num_rows, len(names) + (TITLE_WORDS if text else 0)), NO_TOKEN, dtype=np.int64)
    for column, name in enumerate(names):
        if name in nodes.column_names:
            values = nodes[name].cast(pa.string()).to_pylist()
            hashed[:, column] = [NO_TOKEN if value is None else _hash(name, value) for value in values]
    if text in nodes.column_names:
        for row, title in enumerate(nodes[text].to_pylist()):
            words = re.findall(r"[^\W_]+", (title or "").lower())[:TITLE_WORDS]
            hashed[row, len(names) : len(names) + len(words)] = [_hash("word", word) for word in words]
    return hashed


@cache
def _hash(name: str, value: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{name}={value}".encode(), digest_size=8).digest()) >> 1

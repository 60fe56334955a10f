"""Scoring profiles: people with a history have one each, and the others share one with all who own the same vehicles."""

import datetime as dt
import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from recs_assets import heap
from recs_assets.asset_files import USER_SCORES
from recs_assets.gnn import graph, scoring
from recs_assets.gnn.candidates import Eligibility, kept_candidates
from recs_assets.gnn.channels import gated_model as model
from recs_assets.gnn.channels.evidence import Evidence
from recs_assets.gnn.snapshots import microseconds, snapshot
from recs_assets.gnn.towers import residual
from recs_assets.ranking.arrays import Ints, blocks_of
from recs_assets.resources.store.artifact import Artifact
from recs_assets.settings import Settings
from recs_assets.steps.score_blocks import by_block, report

# Bounds memory: so many profiles' scores are held.
PROFILES_AT_ONCE = 32_768
# Bounds memory in a store that shows everybody everything: so many candidates of a block, and no more than those of a few chunks
# besides, are held, at 5 bytes each. The more they are, the more profiles share what walks prepare.
CANDIDATES_AT_ONCE = 100_000_000
CHUNKS_BESIDE = 4


def scores(
    *,
    graph_file: Path,
    model_file: Path,
    towers_file: Path | None,
    as_of: dt.datetime,
    profiles: pa.Table,
    user_ids: pa.ChunkedArray,
    product_ids: pa.ChunkedArray,
    settings: Settings,
    shard: int = 0,
    shards: int = 1,
) -> Iterator[pa.Table]:
    """The model's best parts of every profile, or of those of one shard, some profiles at a time.

    Args:
        graph_file: the graph of the week.
        model_file: approved weights of the channels.
        towers_file: approved towers, ``None`` where the model has none.
        as_of: what the scores may know.
        profiles: columns profile_id and user_id, somebody who has the profile.
        user_ids: ids by index in the graph.
        product_ids: the same of products.
        settings: candidates, rules and channels.
        shard: which profiles, see ``of_shard``.
        shards: how many there are.

    Yields:
        Columns profile_id, product_id, score, channels; what ``kept_candidates`` keeps of a profile. One table a block of
        profiles, one at least, in the order of the profiles. A profile's rows are the same bits however many shards there are.
    """
    data = graph.load(graph_file)
    past = snapshot(data, microseconds(as_of), settings.events)
    fitted = model.load(model_file, settings.model)
    evidence, eligibility = Evidence(past, fitted.settings), Eligibility(past, settings)
    towers = residual.load(towers_file, settings) if towers_file else None
    kept, threads = kept_candidates(data, settings), settings.compute.cores
    profile_ids = profiles["profile_id"].combine_chunks()
    users = pc.index_in(profiles["user_id"], user_ids.combine_chunks()).to_numpy().astype("int64")
    blocks = [(block, of_shard(profile_ids[block], shard, shards)) for block in _blocks(len(users))]
    started, n_done, n_own = time.monotonic(), 0, sum(len(own) for _, own in blocks)
    # Once, as parts attend to everybody with a history; and of all in every shard, as the last bits of a vector may depend on who
    # else is computed with it.
    added = towers.added(past, users) if towers and n_own else None
    heap.trim()
    with ThreadPoolExecutor(threads) as pool:
        for block, own in blocks:
            tops = []
            for rows, candidates in _with_candidates(users[block][own], eligibility, pool, threads):
                vectors = (added[0][block][own[rows]], added[1]) if added else None
                top = scoring.top_scores(fitted, evidence, users[block][own[rows]], candidates, kept, vectors, threads)
                tops.append(top.assign(profile=own[rows][top["profile"]]))
            yield _with_ids(pd.concat(tops, ignore_index=True), profile_ids[block], product_ids)
            n_done += len(own)
            report("scored", n_done, n_own, started)


def _with_candidates(
    users: Ints, eligibility: Eligibility, pool: ThreadPoolExecutor, threads: int
) -> Iterator[tuple[slice, sparse.csr_array]]:
    """All users in order, one slice at least, as many at a time as have ``CANDIDATES_AT_ONCE``: whole chunks of the scoring."""
    held: list[sparse.csr_array] = []
    first, step = 0, scoring.ROWS_PER_CHUNK * CHUNKS_BESIDE
    for start in range(0, max(len(users), 1), step):
        held += pool.map(eligibility.candidates, np.array_split(users[start : start + step], threads))
        stop = min(start + step, len(users))
        if stop == len(users) or sum(candidates.nnz for candidates in held) >= CANDIDATES_AT_ONCE:
            yield slice(first, stop), sparse.csr_array(sparse.vstack(held, format="csr"))
            held, first = [], stop


def merged(shards: Sequence[Artifact], profiles: pa.Table, product_ids: pa.ChunkedArray) -> Iterator[pa.Table]:
    """The scores of all shards, as ``scores`` yields them of all profiles: the same tables to the bit.

    Args:
        shards: artifacts with the file ``USER_SCORES``, what ``scores`` gave for each shard.
        profiles: column profile_id, as for ``scores``.
        product_ids: ids by index in the graph.

    Raises:
        StoreError: a file is not in the order of the profiles.
    """
    profile_ids, products = profiles["profile_id"].combine_chunks(), product_ids.combine_chunks()
    blocks = _blocks(len(profile_ids))
    of_shards = (by_block(shard, USER_SCORES, profile_ids, products, blocks) for shard in shards)
    for block, *tops in zip(blocks, *of_shards, strict=True):
        yield _with_ids(pd.concat(tops, ignore_index=True), profile_ids[block], product_ids)


def of_shard(profile_ids: pa.Array, shard: int, shards: int) -> Ints:
    """Positions of a shard's profiles among those of a block, in the order in which they are scored.

    They are scored by a hash of their id, which mixes people with and without a history, in chunks; a chunk goes whole to one
    shard, so that it holds the same profiles however many shards there are.
    """
    hashes = [int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()) for key in profile_ids.to_pylist()]
    order = np.argsort(np.array(hashes, dtype=np.uint64), kind="stable")
    own: Ints = order[np.arange(len(order)) // scoring.ROWS_PER_CHUNK % shards == shard]
    return own


def _blocks(n_profiles: int) -> list[slice]:
    return blocks_of(max(n_profiles, 1), PROFILES_AT_ONCE)


def _with_ids(top: pd.DataFrame, profile_ids: pa.Array, product_ids: pa.ChunkedArray) -> pa.Table:
    """The rows in the order of the profiles, with ids in place of numbers."""
    top = top.sort_values("profile", kind="stable")
    # As codes and distinct texts: a tenth of the memory, and of the time to write and to read it.
    profile, product = (top[name].to_numpy(np.int32) for name in ("profile", "product"))
    return pa.table(
        {
            "profile_id": pa.DictionaryArray.from_arrays(profile, profile_ids),
            "product_id": pa.DictionaryArray.from_arrays(product, product_ids.combine_chunks()),
            "score": pa.array(top["score"], pa.float64()),
            "channels": pa.array(top["channels"], pa.dictionary(pa.int32(), pa.string())),
        }
    )

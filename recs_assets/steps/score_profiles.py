"""Scoring profiles: people with a history have one each, and the others share one with all who own the same vehicles."""

import datetime as dt
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from recs_assets.gnn import graph
from recs_assets.gnn.candidates import eligible_candidates, kept_candidates
from recs_assets.gnn.channels import gated_model as model
from recs_assets.gnn.channels.evidence import Evidence
from recs_assets.gnn.scoring import top_scores
from recs_assets.gnn.snapshots import microseconds, snapshot
from recs_assets.gnn.towers import residual
from recs_assets.settings import Settings
from recs_assets.steps.score_blocks import report

# Bounds memory: so many profiles' candidates and vectors are held. The vectors of all parts are computed anew for every block.
PROFILES_AT_ONCE = 32_768


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
) -> Iterator[pa.Table]:
    """The model's best parts of every profile, some profiles at a time.

    Args:
        graph_file: the graph of the week.
        model_file: approved weights of the channels.
        towers_file: approved towers, ``None`` where the model has none.
        as_of: what the scores may know.
        profiles: columns profile_id and user_id, somebody who has the profile.
        user_ids: ids by index in the graph.
        product_ids: the same of products.
        settings: candidates, rules and channels.

    Yields:
        Columns profile_id, product_id, score, channels; what ``kept_candidates`` keeps of a profile. At least one
        table, in the order of the profiles.
    """
    data = graph.load(graph_file)
    past = snapshot(data, microseconds(as_of), settings.events)
    evidence, fitted = Evidence(past, settings.model), model.load(model_file, settings.model)
    towers = residual.load(towers_file, settings) if towers_file else None
    kept, threads = kept_candidates(data, settings), settings.compute.cores
    profile_ids = profiles["profile_id"].combine_chunks()
    users = pc.index_in(profiles["user_id"], user_ids.combine_chunks()).to_numpy().astype("int64")
    started = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        for first in range(0, max(len(users), 1), PROFILES_AT_ONCE):
            of_block = users[first : first + PROFILES_AT_ONCE]
            parts = pool.map(lambda part: eligible_candidates(past, part, settings), np.array_split(of_block, threads))
            candidates = sparse.csr_array(sparse.vstack(list(parts), format="csr"))
            top = top_scores(fitted, evidence, of_block, candidates, kept, towers, threads)
            yield _with_ids(top, profile_ids.slice(first, len(of_block)), product_ids)
            report("scored", first + len(of_block), len(users), started)


def _with_ids(top: pd.DataFrame, profile_ids: pa.Array, product_ids: pa.ChunkedArray) -> pa.Table:
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

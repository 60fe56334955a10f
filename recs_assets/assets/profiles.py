"""Scoring profiles: one list for everybody who owns the same vehicles and has no history, one for everybody who has."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from recs_assets.gnn import graph, model, residual
from recs_assets.gnn.channels import Evidence
from recs_assets.gnn.scoring import top_scores
from recs_assets.gnn.snapshots import microseconds, snapshot
from recs_assets.gnn.training import eligible_candidates
from recs_assets.settings import Settings


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
) -> pa.Table:
    """The model's best parts of every profile.

    Args:
        graph_file: the graph of the week.
        model_file: approved weights of the channels.
        towers_file: approved towers, ``None`` where the model has none.
        as_of: what the scores may know.
        profiles: columns profile_id and user_id, somebody who has the profile.
        user_ids: ids by index in the graph.
        product_ids: the same of products.
        settings: candidates, rules and channels.

    Returns:
        Columns profile_id, product_id, score, channels; ``settings.candidates.kept`` rows a profile at most.
    """
    past = snapshot(graph.load(graph_file), microseconds(as_of), settings.events)
    users = pc.index_in(profiles["user_id"], user_ids.combine_chunks()).to_numpy().astype("int64")
    with ThreadPoolExecutor(settings.compute.cores) as pool:
        blocks = pool.map(lambda part: eligible_candidates(past, part, settings), np.array_split(users, settings.compute.cores))
        candidates = sparse.csr_array(sparse.vstack(list(blocks), format="csr"))
    fitted = model.load(model_file, settings.model)
    towers = residual.load(towers_file, settings) if towers_file else None
    kept, threads = settings.candidates.kept, settings.compute.cores
    top = top_scores(fitted, Evidence(past, settings.model), users, candidates, kept, towers, threads)
    return _with_ids(top, profiles["profile_id"], product_ids)


def _with_ids(top: pd.DataFrame, profile_ids: pa.ChunkedArray, product_ids: pa.ChunkedArray) -> pa.Table:
    # As codes and distinct texts: a tenth of the memory, and of the time to write and to read it.
    profile, product = (top[name].to_numpy(np.int32) for name in ("profile", "product"))
    return pa.table(
        {
            "profile_id": pa.DictionaryArray.from_arrays(profile, profile_ids.combine_chunks()),
            "product_id": pa.DictionaryArray.from_arrays(product, product_ids.combine_chunks()),
            "score": pa.array(top["score"], pa.float64()),
            "channels": pa.array(top["channels"], pa.dictionary(pa.int32(), pa.string())),
        }
    )

"""Scores of profiles: the best candidates of each, and what spoke loudest for them."""

import logging
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy import sparse

from recs_assets.gnn.channels import Evidence, channel_names
from recs_assets.gnn.model import GatedChannels
from recs_assets.gnn.residual import Residual
from recs_assets.gnn.snapshots import Floats, Ints
from recs_assets.ranking.candidates import top_of_sparse

log = logging.getLogger(__name__)

# Bounds the memory of a chunk: its features take 4 bytes x channels an entry, its dense evidence 4 bytes x products a row.
ENTRIES_PER_CHUNK = 1_000_000
ROWS_PER_CHUNK = 512


def top_scores(
    model: GatedChannels,
    evidence: Evidence,
    users: Ints,
    candidates: sparse.csr_array,
    keep: int,
    residual: Residual | None = None,
) -> pd.DataFrame:
    """The ``keep`` best candidates of each user, ties to the smaller product.

    Args:
        model: fitted weights.
        evidence: what the snapshot says.
        users: [n] rows of the graph's users; a profile that many share is scored as any one of them.
        candidates: [n x products], indices sorted.
        keep: entries per user at most.
        residual: fitted towers; without them, or with a scale of 0, the channels alone score.

    Returns:
        Columns ``profile`` (position in ``users``), ``product``, ``score`` and ``channel``, the name of the channel whose
        contribution stands out most from what the same channel gives the user's average candidate.
    """
    names = np.array(channel_names(evidence.settings))
    if not len(users):
        return top_of_sparse(np.empty(0), candidates, keep).assign(channel=names[:0])
    vectors = residual.vectors(evidence.past, users) if residual is not None and residual.scale else None
    found = []
    started = time.monotonic()
    for rows in chunks(candidates):
        part = candidates[rows]
        weights = _weights(model, evidence, users[rows])
        contributions = model.log_evidence(evidence.features(users[rows], part))
        row_of_entry = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
        contributions *= weights[row_of_entry]
        scores = contributions.sum(axis=1, dtype=np.float64)
        if residual is not None and vectors is not None:
            of_users, of_products = vectors
            scores += residual.scale * (of_users[rows] @ of_products.T)[row_of_entry, part.indices]
        top = top_of_sparse(scores, part, keep)
        entries = _entries(part, top)
        loudest = (contributions[entries] - _row_means(contributions, part)[top["profile"]]).argmax(axis=1)
        found.append(top.assign(channel=names[loudest], profile=top["profile"] + rows.start))
        _report(rows.stop, len(users), started)
    return pd.concat(found, ignore_index=True)


def chunks(candidates: sparse.csr_array) -> Iterator[slice]:
    """Slices of rows, in order, each with a bounded number of rows and of candidates."""
    start, n_rows = 0, candidates.shape[0]
    while start < n_rows:
        limit = candidates.indptr[start] + ENTRIES_PER_CHUNK
        fits = int(np.searchsorted(candidates.indptr, limit, side="right")) - 1
        stop = min(max(fits, start + 1), start + ROWS_PER_CHUNK, n_rows)
        yield slice(start, stop)
        start = stop


def _weights(model: GatedChannels, evidence: Evidence, users: Ints) -> Floats:
    with torch.no_grad():
        state = torch.from_numpy(evidence.past.state[users].astype(np.float32))
        weights: Floats = model.weights(state).numpy()
    return weights


def _entries(candidates: sparse.csr_array, top: pd.DataFrame) -> Ints:
    """Where each kept pair stands among the entries of ``candidates``: columns ascend within a row, so keys are sorted."""
    row_of_entry = np.repeat(np.arange(candidates.shape[0]), np.diff(candidates.indptr))
    keys = row_of_entry * candidates.shape[1] + candidates.indices
    found: Ints = np.searchsorted(keys, top["profile"].to_numpy() * candidates.shape[1] + top["product"].to_numpy())
    return found


def _row_means(contributions: npt.NDArray[np.float32], candidates: sparse.csr_array) -> npt.NDArray[np.float32]:
    lengths = np.diff(candidates.indptr)
    filled = np.flatnonzero(lengths)
    means = np.zeros((candidates.shape[0], contributions.shape[1]), dtype=np.float32)
    means[filled] = np.add.reduceat(contributions, candidates.indptr[filled]) / lengths[filled, None]
    return means


def _report(done: int, total: int, started: float) -> None:
    rate = done / max(time.monotonic() - started, 1e-9)
    log.info("scored %d of %d profiles, %.0f a second, %.0f s left", done, total, rate, (total - done) / rate)

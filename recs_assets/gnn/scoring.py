"""Scores of profiles: the best candidates of each, and the channels that set them apart."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from recs_assets.gnn.channels.evidence import ROWS_PER_BLOCK, Evidence, channel_names
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.ranking.arrays import Floats, Floats32, Ints, Objects
from recs_assets.ranking.kept_candidates import KeptCandidates
from recs_assets.ranking.reasons import N_CHANNELS, by_family, joined_names
from recs_assets.ranking.sparse_matrices import entry_of, row_of_entry

# Bounds the memory of a chunk: its features and their logarithms take 8 bytes x channels an entry, its dense evidence 4 bytes x
# products a row.
ENTRIES_PER_CHUNK = 1_000_000
# Of so many candidates walks are followed at once, which takes 12 bytes an entry, 40 with both optional channels: what they
# prepare serves many chunks.
ENTRIES_PER_SPAN = 32_000_000
ROWS_PER_CHUNK = ROWS_PER_BLOCK


def top_scores(
    model: GatedChannels,
    evidence: Evidence,
    users: Ints,
    candidates: sparse.csr_array,
    keep: KeptCandidates,
    vectors: tuple[Floats32, Floats32] | None = None,
    threads: int = 1,
) -> pd.DataFrame:
    """The best candidates of each user, ties to the smaller product, and what the rules of a list need besides.

    Args:
        model: fitted weights.
        evidence: what the snapshot says.
        users: [n] rows of the graph's users; a profile that many share is scored as any one of them.
        candidates: [n x products], indices sorted.
        keep: which of a user's candidates.
        vectors: of these users and of all products, as ``Residual.added`` gives them; ``None``: the channels alone score.
        threads: chunks of users scored at once; the result is the same.

    Returns:
        Columns ``profile`` (position in ``users``), ``product``, ``score`` and ``channels``: see ``loudest_channels``.
    """
    if not len(users):
        return keep.of(np.empty(0), candidates).assign(channels=np.empty(0, dtype=object))
    of_parts = model.of_parts(evidence.popularity)

    def scored(rows: slice, walked: Floats32) -> pd.DataFrame:
        own, of_rows = candidates[rows], (vectors[0][rows], vectors[1]) if vectors is not None else None
        log_evidence = model.log_evidence(evidence.features(users[rows], own, walked), of_parts, own.indices)
        top = _scored(model, log_evidence, evidence.past.state[users[rows]], own, keep, of_rows)
        return top.assign(profile=top["profile"] + rows.start)

    tops: list[pd.DataFrame] = []
    with ThreadPoolExecutor(threads) as pool:
        for span, walked in walked_spans(evidence, users, candidates, ENTRIES_PER_SPAN, threads):
            if not tops:  # alone: it fills the caches of the evidence, which the others share
                tops.append(scored(span.pop(0), walked.pop(0)))
            tops += pool.map(scored, span, walked)
    return pd.concat(tops, ignore_index=True)


def _scored(
    model: GatedChannels,
    log_evidence: Floats32,
    state: Floats,
    candidates: sparse.csr_array,
    keep: KeptCandidates,
    vectors: tuple[Floats32, Floats32] | None,
) -> pd.DataFrame:
    """As ``top_scores``, of one chunk; ``log_evidence`` is overwritten."""
    contributions = weighted(model, log_evidence, state, candidates)
    scores = contributions.sum(axis=1, dtype=np.float64)
    if vectors is not None:
        scores += dot_products(vectors, candidates)
    top = keep.of(scores, candidates)
    entries = entry_of(candidates, top["profile"].to_numpy(), top["product"].to_numpy())
    usual = _row_means(contributions, candidates)[top["profile"]]
    return top.assign(channels=loudest_channels(contributions[entries], usual, channel_names(model.settings)))


def weighted(model: GatedChannels, log_evidence: Floats32, state: Floats, candidates: sparse.csr_array) -> Floats32:
    """What each channel adds to the score of each candidate, [entries x channels]: ``log_evidence``, overwritten.

    Args:
        model: fitted weights.
        log_evidence: [entries x channels] of the candidates.
        state: [n x 3] of the users.
        candidates: [n x products].
    """
    row = row_of_entry(candidates)
    for channel, weights in zip(log_evidence.T, _weights(model, state).T, strict=True):
        np.multiply(channel, weights[row], out=channel)
    return log_evidence


def dot_products(vectors: tuple[Floats32, Floats32], candidates: sparse.csr_array) -> Floats32:
    """What the towers add to the score of each candidate, [entries]; ``vectors`` of the users and of all products."""
    of_users, of_products = vectors
    added: Floats32 = (of_users @ of_products.T)[row_of_entry(candidates), candidates.indices]
    return added


def loudest_channels(contributions: Floats32, usual: Floats32, names: tuple[str, ...]) -> Objects:
    """The channels that set each part apart: three names at most, the loudest first, with a space between.

    A channel is as loud as its contribution exceeds the same channel's contribution to the user's average candidate. Of channels
    that name the same kind of edge only the loudest counts; the popularities count together, as their weights have opposite
    signs. A channel without evidence, or whose evidence counts against the part, is not named; one that counts for it
    is, even where it counts less than for the average candidate, but for the popularities.

    Args:
        contributions: [parts x channels] weight times log evidence.
        usual: [parts x channels] the same of the user's average candidate.
        names: of the channels.
    """
    above = contributions - usual
    families = by_family(names)
    volume = np.full((len(above), len(families)), -np.inf)
    loudest = np.zeros(volume.shape, dtype=np.int64)
    for place, (family, columns) in enumerate(families.items()):
        counts_for = contributions[:, columns] > 0
        if family == "popularity":
            # The logarithm of a share is negative: so is a contribution whose weight is not.
            counts_for = (contributions[:, columns] < 0) & (above[:, columns].sum(axis=1, keepdims=True) > 0)
        own = np.where(counts_for, above[:, columns], -np.inf)
        loudest[:, place] = np.array(columns)[own.argmax(axis=1)]
        together = above[:, columns].sum(axis=1) if family == "popularity" else own.max(axis=1)
        volume[:, place] = np.where(counts_for.any(axis=1), together, -np.inf)
    order = np.argsort(-volume, axis=1, kind="stable")[:, :N_CHANNELS]
    is_named = np.take_along_axis(volume, order, axis=1) > -np.inf
    return joined_names(np.where(is_named, np.take_along_axis(loudest, order, axis=1), -1), names)


def chunks(candidates: sparse.csr_array) -> Iterator[slice]:
    """Slices of rows, in order, each with a bounded number of rows and of candidates.

    Every ``ROWS_PER_CHUNK`` rows one begins, whatever stands before: the last bits of a score may depend on who is in its chunk.
    """
    start, n_rows = 0, candidates.shape[0]
    while start < n_rows:
        limit = candidates.indptr[start] + ENTRIES_PER_CHUNK
        fits = int(np.searchsorted(candidates.indptr, limit, side="right")) - 1
        stop = min(max(fits, start + 1), start - start % ROWS_PER_CHUNK + ROWS_PER_CHUNK, n_rows)
        yield slice(start, stop)
        start = stop


def spans(candidates: sparse.csr_array, most: int) -> Iterator[list[slice]]:
    """The chunks, as many together as hold ``most`` candidates, but one at least."""
    span: list[slice] = []
    for rows in chunks(candidates):
        if span and candidates.indptr[rows.stop] - candidates.indptr[span[0].start] > most:
            yield span
            span = []
        span.append(rows)
    if span:
        yield span


def walked_spans(
    evidence: Evidence, users: Ints, candidates: sparse.csr_array, most: int, threads: int = 1
) -> Iterator[tuple[list[slice], list[Floats32]]]:
    """Of each span its chunks, and what ``Evidence.walked`` gives for each of them: one asking serves a span.

    Args:
        evidence: what the snapshot says.
        users: [n] rows of the graph's users.
        candidates: [n x products], indices sorted.
        most: candidates of a span, if they are not those of one chunk.
        threads: that it may use.
    """
    for span in spans(candidates, most):
        rows, starts = slice(span[0].start, span[-1].stop), candidates.indptr[[chunk.start for chunk in span[1:]]]
        every = evidence.walked(users[rows], candidates[rows], threads)
        yield span, np.split(every, starts - candidates.indptr[rows.start])


def _weights(model: GatedChannels, state: Floats) -> Floats:
    with torch.no_grad():
        weights: Floats = model.weights(torch.from_numpy(state.astype(np.float32))).numpy()
    return weights


def _row_means(contributions: Floats32, candidates: sparse.csr_array) -> Floats32:
    lengths = np.diff(candidates.indptr)
    filled = np.flatnonzero(lengths)
    means = np.zeros((candidates.shape[0], contributions.shape[1]), dtype=np.float32)
    means[filled] = np.add.reduceat(contributions, candidates.indptr[filled]) / lengths[filled, None]
    return means

"""Ranking metrics per user as plain functions on frames.

Users are everyone with at least one held-out item, served or not. A list is a *ranked* frame: profile, product, rank
(from 1), score.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from recs_assets.ranking.arrays import Floats, Ints, pair_keys, within_first


def per_user(ranked: pd.DataFrame, held_out: pd.DataFrame, ks: Sequence[int]) -> pd.DataFrame:
    """Recall, NDCG, MRR and hit of every user with something held out, for each K.

    With n items held out and hits at ranks r <= K: recall = hits / n; NDCG = sum of 1 / log2(r + 1) over the hits,
    divided by the same sum over ranks 1 ... min(K, n), the best that any list could reach (Jarvelin & Kekalainen 2002,
    binary gain); MRR = 1 / smallest r (Voorhees 1999), 0 without a hit; hit = 1 with a hit, else 0. A user without a list has 0
    throughout. A part repeated in a list counts once, at its first rank; a pair repeated in ``held_out`` counts once.
    K may exceed the length of a list.

    Args:
        ranked: columns profile, product, rank.
        held_out: columns profile, product.
        ks: the values of K.

    Returns:
        Index profile (sorted, every profile of ``held_out``); columns ``recall_at_k``, ``ndcg_at_k``, ``mrr_at_k``,
        ``hit_at_k`` for each k in turn.
    """
    wanted = held_out[["profile", "product"]].drop_duplicates()
    profiles, n_held_out = np.unique(wanted["profile"].to_numpy(np.int64), return_counts=True)
    profile, rank = _hits(ranked[ranked["rank"] <= max(ks)], wanted)
    user = np.searchsorted(profiles, profile)
    columns = {}
    for k in ks:
        within = rank <= k
        n_hits = np.bincount(user[within], minlength=len(profiles))
        gain = np.bincount(user[within], weights=1 / np.log2(rank[within] + 1), minlength=len(profiles))
        first = np.full(len(profiles), np.inf)
        np.minimum.at(first, user[within], rank[within])
        ideal = np.cumsum(1 / np.log2(np.arange(k) + 2))
        columns[f"recall_at_{k}"] = n_hits / n_held_out
        columns[f"ndcg_at_{k}"] = gain / ideal[np.minimum(n_held_out, k) - 1]
        columns[f"mrr_at_{k}"] = 1 / first
        columns[f"hit_at_{k}"] = (n_hits > 0).astype(np.float64)
    return pd.DataFrame(columns, index=pd.Index(profiles, name="profile"))


def _hits(ranked: pd.DataFrame, wanted: pd.DataFrame) -> tuple[Ints, Ints]:
    """Profile and rank of every row of ``ranked`` whose pair is wanted, each pair once at its first rank, in this order."""
    listed, sought = _common_keys(_pairs(ranked), _pairs(wanted))
    is_hit = pd.Series(listed).isin(sought).to_numpy()  # by hashing: half the time of np.isin, which sorts
    profile, rank, key = (values[is_hit] for values in (_numbers(ranked, "profile"), _numbers(ranked, "rank"), listed))
    order = np.lexsort((rank, profile))
    first = order[np.sort(np.unique(key[order], return_index=True)[1])]
    return profile[first], rank[first]


def value_found(ranked: pd.DataFrame, held_out: pd.DataFrame, prices: Floats, k: int) -> float:
    """Price of all held-out parts that stand in the first ``k`` ranks of their lists, each pair once, in the prices' currency.

    Args:
        ranked: columns profile, product, rank.
        held_out: columns profile, product.
        prices: float[products].
        k: ranks that count.
    """
    sought, shown = _common_keys(_pairs(held_out), _first(ranked, k))
    is_found = within_first(1, sought) & pd.Series(sought).isin(shown).to_numpy()
    return float(prices[_numbers(held_out, "product")[is_found]].sum())


def coverage(ranked: pd.DataFrame, n_products: int, k: int) -> float:
    """Share of ``n_products`` parts that stand in the first ``k`` ranks of at least one list (Ge et al. 2010)."""
    return len(pd.unique(_first(ranked, k)[1])) / n_products


def novelty(ranked: pd.DataFrame, popularity: Floats, k: int) -> float:
    """Mean self-information of the first ``k`` parts of the lists in bits: -log2 of a part's share of all purchases.

    A part that was never bought counts as the least bought one that was. NaN where there is no list or no purchase.
    (Zhou et al. 2010, surprisal.)

    Args:
        ranked: columns product, rank.
        popularity: float[products], purchases of each part.
        k: ranks that count.
    """
    _, shown = _first(ranked, k)
    bought = popularity[popularity > 0]
    if not len(shown) or not len(bought):
        return float("nan")
    share = np.maximum(popularity, bought.min()) / bought.sum()
    return float(-np.log2(share[shown]).mean())


def overlap(ranked_a: pd.DataFrame, ranked_b: pd.DataFrame, k: int) -> float:
    """Mean over the profiles of ``ranked_a`` of the share of its first ``k`` parts that ``ranked_b``'s first k hold."""
    first_a, first_b = _first(ranked_a, k), _first(ranked_b, k)
    shared = np.isin(*_common_keys(first_a, first_b))
    profiles, _ = first_a
    n_parts = np.bincount(profiles)
    listed = n_parts > 0
    return float(pd.Series(np.bincount(profiles, weights=shared)[listed] / n_parts[listed]).mean())


def share_first_changed(ranked_a: pd.DataFrame, ranked_b: pd.DataFrame, slots: int) -> float:
    """Share of the profiles with a list in either whose first ``slots`` ranks differ in a part or in the order."""
    frames = [ranked[(ranked["rank"] <= slots).to_numpy()] for ranked in (ranked_a, ranked_b)]
    n_profiles = 1 + max(_numbers(frame, "profile").max(initial=-1) for frame in frames)
    shown = np.full((2, n_profiles, slots), -1)
    for parts, frame in zip(shown, frames, strict=True):
        parts[_numbers(frame, "profile"), _numbers(frame, "rank") - 1] = _numbers(frame, "product")
    differs, listed = (shown[0] != shown[1]).any(axis=1), (shown >= 0).any(axis=(0, 2))
    return float(pd.Series(differs[listed]).mean())


def _pairs(frame: pd.DataFrame) -> tuple[Ints, Ints]:
    """Profile and product of every row."""
    return _numbers(frame, "profile"), _numbers(frame, "product")


def _first(ranked: pd.DataFrame, k: int) -> tuple[Ints, Ints]:
    """The same of the rows in the first ``k`` ranks."""
    is_first = _numbers(ranked, "rank") <= k
    profiles, products = _pairs(ranked)
    return profiles[is_first], products[is_first]


def _common_keys(first: tuple[Ints, Ints], second: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """One number per (profile, product), the same in both."""
    keys = pair_keys(*(np.concatenate(both) for both in zip(first, second, strict=True)))
    return keys[: len(first[0])], keys[len(first[0]) :]


def _numbers(frame: pd.DataFrame, column: str) -> Ints:
    return frame[column].to_numpy(np.int64)

"""Random lists and held-out parts, small and awkward, for whoever compares the metrics with another implementation."""

import numpy as np
import pandas as pd

from recs_assets.ranking import metrics

KS = (1, 3, 5, 10, 20)
Lists = dict[int, list[int]]


def random_case(seed: int) -> tuple[Lists, Lists]:
    """Lists of 0 to 15 of 40 parts, and 1 to 25 held-out ones, of 60 people."""
    generator = np.random.default_rng(seed)
    lists = {user: generator.permutation(40)[: generator.integers(0, 16)].tolist() for user in range(60)}
    held_out = {user: generator.permutation(40)[: generator.integers(1, 26)].tolist() for user in range(60)}
    return lists, held_out


def ranked_frame(lists: Lists) -> pd.DataFrame:
    """Lists as columns profile, product, rank."""
    rows = [(user, part, rank) for user, parts in lists.items() for rank, part in enumerate(parts, start=1)]
    return pd.DataFrame(rows, columns=["profile", "product", "rank"])


def held_out_frame(held_out: Lists) -> pd.DataFrame:
    """Held-out parts as columns profile, product."""
    rows = [(user, part) for user, parts in held_out.items() for part in parts]
    return pd.DataFrame(rows, columns=["profile", "product"])


def ours(lists: Lists, held_out: Lists, ks: tuple[int, ...] = KS) -> pd.DataFrame:
    """What this project's metrics say of every user."""
    return metrics.per_user(ranked_frame(lists), held_out_frame(held_out), ks)

"""One table of every system, metric, stratum and K, and the per-user rows behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from recs_assets.ranking import metrics
from recs_assets.ranking.arrays import Floats, positions
from recs_assets.ranking.sparse_matrices import at
from recs_assets.ranking.strata import STRATA

METRICS = ("recall", "ndcg", "mrr", "hit")
CEILING = "ceiling"
SQL = "sql"
FIRST_CHANGED = "first_changed_sql"
VALUE_FOUND = "value_found"
COLUMNS = ["system", "stratum", "k", "metric", "value", "users", "weeks"]


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation leaves behind.

    Attributes:
        metrics: columns system, stratum, k, metric, value, users, weeks.
        per_user: columns system, week, user_id, stratum, then ``recall_at_k``, ``ndcg_at_k``, ``mrr_at_k``,
            ``hit_at_k`` for each k, then vehicle_density.
    """

    metrics: pd.DataFrame
    per_user: pd.DataFrame


def evaluate(
    ranked_by_system: Mapping[str, pd.DataFrame],
    held_out: pd.DataFrame,
    profiles: pd.DataFrame,
    ks: Sequence[int],
    *,
    population_shares: Mapping[str, float],
    popularity: Floats,
    prices: Floats,
    n_products: int,
    slots: int,
) -> EvaluationResult:
    """Every system on the same users and the same held-out items.

    A profile here is one user in one week; the users are those with something held out, and the lists of others count
    for nothing. Values are means over these rows. Stratum ``all`` is everyone, ``population`` the strata's means weighted
    by ``population_shares`` (left out where a stratum with a share has no users: its mean is not known).

    For stratum ``all`` also ``value_found``, in US dollars and of all rows together; and of real systems, not of the ceiling,
    ``coverage``, ``novelty`` and ``overlap_sql``, and at K = ``slots`` alone ``first_changed_sql``, the share of lists whose
    first ``slots`` parts differ from SQL's in a part or in the order.

    Args:
        ranked_by_system: ranked frames (profile, product, rank); ``sql`` is the one that others are overlapped with.
        held_out: columns profile, product.
        profiles: index profile; columns user_id, week, stratum (cold, warm or hot), vehicle_density.
        ks: the values of K.
        population_shares: share of each stratum in the served population; they need not sum to 1.
        popularity: float64[products], purchases before the evaluation weeks, for novelty.
        prices: float[products] in US dollars.
        n_products: eligible products, for coverage.
        slots: parts of a list that are shown first.
    """
    rows, tables = [], []
    concerned = held_out["profile"].unique()
    lists = {name: ranked[ranked["profile"].isin(concerned)] for name, ranked in ranked_by_system.items()}
    for system, ranked in lists.items():
        measured = profiles[["week", "user_id", "stratum"]].join(metrics.per_user(ranked, held_out, ks), how="inner")
        tables.append(measured.join(profiles["vehicle_density"]).assign(system=system))
        rows += stratum_rows(system, measured, ks, population_shares)
        counts = _counts(measured)
        rows += [(system, "all", k, VALUE_FOUND, metrics.value_found(ranked, held_out, prices, k), *counts) for k in ks]
        if system != CEILING:
            rows += _list_rows(system, ranked, measured, ks, popularity=popularity, n_products=n_products)
        if system not in (CEILING, SQL) and SQL in lists:
            rows += _change_rows(system, ranked, lists[SQL], measured, ks, slots)
    per_user = pd.concat(tables, ignore_index=True)
    per_user.insert(0, "system", per_user.pop("system"))
    return EvaluationResult(pd.DataFrame(rows, columns=COLUMNS), per_user)


def ideal_lists(held_out: pd.DataFrame, candidates: sparse.csr_array) -> pd.DataFrame:
    """The best lists that these candidates allow, as the ranked frame of the system ``ceiling``.

    Each list holds exactly the held-out items that are candidates, in product order. So its recall is what part of the
    held-out items could be reached at all, and where more than K are held out, what part K ranks have room for; list rules
    are not counted against it.

    Args:
        held_out: columns profile, product.
        candidates: boolean CSR [profiles x products].
    """
    wanted = held_out[["profile", "product"]].drop_duplicates().sort_values(["profile", "product"], ignore_index=True)
    reachable = at(candidates, wanted["profile"].to_numpy(), wanted["product"].to_numpy())
    ideal = wanted[reachable > 0].reset_index(drop=True)
    rank = positions(ideal["profile"].to_numpy(np.int64)) + 1
    return ideal.assign(score=1.0 / rank, rank=rank)


def ceiling(held_out_all: pd.DataFrame) -> pd.DataFrame:
    """Where the held-out new purchases lay: what could be recommended, and why the rest could not.

    Args:
        held_out_all: one row a held-out purchase, eligible or not; column reason, such as ``fits``, ``universal``,
            ``does not fit``, ``not available``, ``not eligible``, ``excluded as bought``. Purchases of parts that are
            not sold are set aside while cleaning, and counted there.

    Returns:
        Columns reason, purchases, share, the most frequent first.
    """
    counts = held_out_all.groupby("reason").size().sort_index().sort_values(ascending=False, kind="stable")
    table = counts.rename("purchases").reset_index()
    return table.assign(share=table["purchases"] / max(1, len(held_out_all)))


def stratum_rows(
    system: str, measured: pd.DataFrame, ks: Sequence[int], population_shares: Mapping[str, float]
) -> list[tuple[object, ...]]:
    """Means of every metric and K by stratum, ``all`` and ``population`` among them: the first rows of a system in ``evaluate``.

    Args:
        system: its name.
        measured: per-user metrics with the columns user_id, week and stratum.
        ks: the values of K.
        population_shares: share of each stratum in the served population.
    """
    groups = {"all": measured} | {name: measured[measured["stratum"] == name] for name in STRATA}
    shares = {name: share for name, share in population_shares.items() if share > 0}
    known = all(len(groups[name]) for name in shares) and bool(shares)
    counts = {name: _counts(group) for name, group in groups.items()}
    counts["population"] = counts["all"]
    rows: list[tuple[object, ...]] = []
    for k in ks:
        for metric in METRICS:
            column = f"{metric}_at_{k}"
            means = {name: float(group[column].mean()) for name, group in groups.items() if len(group)}
            if known:
                means["population"] = sum(shares[name] * means[name] for name in shares) / sum(shares.values())
            for name, value in means.items():
                rows.append((system, name, k, metric, value, *counts[name]))
    return rows


def _list_rows(
    system: str, ranked: pd.DataFrame, measured: pd.DataFrame, ks: Sequence[int], *, popularity: Floats, n_products: int
) -> list[tuple[object, ...]]:
    counts = _counts(measured)
    rows: list[tuple[object, ...]] = []
    for k in ks:
        rows.append((system, "all", k, "coverage", metrics.coverage(ranked, n_products, k), *counts))
        rows.append((system, "all", k, "novelty", metrics.novelty(ranked, popularity, k), *counts))
    return rows


def _change_rows(
    system: str, ranked: pd.DataFrame, sql: pd.DataFrame, measured: pd.DataFrame, ks: Sequence[int], slots: int
) -> list[tuple[object, ...]]:
    counts = _counts(measured)
    rows: list[tuple[object, ...]] = [(system, "all", k, "overlap_sql", metrics.overlap(ranked, sql, k), *counts) for k in ks]
    return [*rows, (system, "all", slots, FIRST_CHANGED, metrics.share_first_changed(ranked, sql, slots), *counts)]


def _counts(measured: pd.DataFrame) -> tuple[int, int]:
    return measured["user_id"].nunique(), measured["week"].nunique()

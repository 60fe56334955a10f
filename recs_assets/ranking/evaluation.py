"""One table of every system, metric, stratum and K, and the per-user rows behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recs_assets.cutoff import NLL
from recs_assets.ranking import metrics
from recs_assets.ranking.arrays import Floats, positions
from recs_assets.ranking.strata import STRATA

METRICS = ("recall", "ndcg", "mrr", "hit")
ALL_CANDIDATES = 0  # the K of a metric that no list is cut for
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
            ``hit_at_k`` for each k, then nll, NaN where it is not defined, and vehicle_density.
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

    Of systems that give every candidate a probability also ``nll``, of all candidates (K = 0), the lower the better: a row's mean
    -log p of its held-out parts that are candidates. Its means are over the rows that have any, and so are its users.

    Args:
        ranked_by_system: ranked frames (profile, product, rank); ``sql`` is the one that others are overlapped with.
        held_out: columns profile, product, and ``nll_of(system)`` of systems with probabilities: -log p in nats, NaN where the
            part is not a candidate.
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
    evaluated = profiles[profiles.index.isin(concerned)]
    counts = _counts(evaluated)
    losses = held_out.groupby("profile")[[column for column in map(nll_of, lists) if column in held_out]].mean()
    for system, ranked in lists.items():
        measured = evaluated[["week", "user_id", "stratum"]].join(metrics.per_user(ranked, held_out, ks), how="inner")
        measured[NLL] = losses.get(nll_of(system), np.nan)
        tables.append(measured.join(evaluated["vehicle_density"]).assign(system=system))
        columns = [(k, metric, f"{metric}_at_{k}") for k in ks for metric in METRICS]
        rows += stratum_rows(system, measured, columns, population_shares)
        rows += stratum_rows(system, measured.dropna(subset=NLL), [(ALL_CANDIDATES, NLL, NLL)], population_shares)
        rows += [(system, "all", k, VALUE_FOUND, metrics.value_found(ranked, held_out, prices, k), *counts) for k in ks]
        if system != CEILING:
            rows += _list_rows(system, ranked, counts, ks, popularity=popularity, n_products=n_products)
        if system not in (CEILING, SQL) and SQL in lists:
            rows += _change_rows(system, ranked, lists[SQL], counts, ks, slots)
    per_user = pd.concat(tables, ignore_index=True)
    per_user.insert(0, "system", per_user.pop("system"))
    return EvaluationResult(pd.DataFrame(rows, columns=COLUMNS), per_user)


def nll_of(system: str) -> str:
    """The column of held-out parts with -log p by a system."""
    return f"{NLL}_{system}"


def ideal_lists(reachable: pd.DataFrame) -> pd.DataFrame:
    """The best lists that the candidates allow, as the ranked frame of the system ``ceiling``.

    Each list holds exactly the held-out items that are candidates, in product order. So its recall is what part of the
    held-out items could be reached at all, and where more than K are held out, what part K ranks have room for; list rules
    are not counted against it.

    Args:
        reachable: columns profile, product: the held-out items that are candidates of their profile.
    """
    ideal = reachable[["profile", "product"]].drop_duplicates().sort_values(["profile", "product"], ignore_index=True)
    rank = positions(ideal["profile"].to_numpy(np.int64)) + 1
    return ideal.assign(score=1.0 / rank, rank=rank)


def ceiling(held_out_all: pd.DataFrame) -> pd.DataFrame:
    """Where the held-out new purchases lay: what could be recommended, and why the rest could not.

    Args:
        held_out_all: one row a held-out purchase, eligible or not; column reason, such as ``fits``, ``universal``,
            ``variant of a bought part``, ``does not fit``, ``not available``, ``not eligible``. Purchases of parts that are
            not sold are set aside while cleaning, and counted there.

    Returns:
        Columns reason, purchases, share, the most frequent first.
    """
    counts = held_out_all.groupby("reason").size().sort_index().sort_values(ascending=False, kind="stable")
    table = counts.rename("purchases").reset_index()
    return table.assign(share=table["purchases"] / max(1, len(held_out_all)))


def stratum_rows(
    system: str, measured: pd.DataFrame, columns: Sequence[tuple[int, str, str]], population_shares: Mapping[str, float]
) -> list[tuple[object, ...]]:
    """The means of some columns by stratum, ``all`` and ``population`` among them.

    Args:
        system: its name.
        measured: per-user figures with the columns user_id, week and stratum.
        columns: K, metric and the column's own name of each.
        population_shares: share of each stratum in the served population.
    """
    groups = {"all": measured} | {name: measured[measured["stratum"] == name] for name in STRATA}
    counts = {name: _counts(group) for name, group in groups.items()}
    counts["population"] = counts["all"]
    shares = {name: share for name, share in population_shares.items() if share > 0}
    known = bool(shares) and all(len(groups[name]) for name in shares)
    names = [column for *_, column in columns]
    # A column's numbers side by side: they are summed in pairs, as those of a Series.
    means = {name: group[names].to_numpy(np.float64).T.copy().mean(axis=1) for name, group in groups.items() if len(group)}
    if known:
        means["population"] = sum(shares[name] * means[name] for name in shares) / sum(shares.values())
    return [
        (system, name, k, metric, float(of_columns[number]), *counts[name])
        for number, (k, metric, _) in enumerate(columns)
        for name, of_columns in means.items()
    ]


def _list_rows(
    system: str, ranked: pd.DataFrame, counts: tuple[int, int], ks: Sequence[int], *, popularity: Floats, n_products: int
) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for k in ks:
        rows.append((system, "all", k, "coverage", metrics.coverage(ranked, n_products, k), *counts))
        rows.append((system, "all", k, "novelty", metrics.novelty(ranked, popularity, k), *counts))
    return rows


def _change_rows(
    system: str, ranked: pd.DataFrame, sql: pd.DataFrame, counts: tuple[int, int], ks: Sequence[int], slots: int
) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [(system, "all", k, "overlap_sql", metrics.overlap(ranked, sql, k), *counts) for k in ks]
    return [*rows, (system, "all", slots, FIRST_CHANGED, metrics.share_first_changed(ranked, sql, slots), *counts)]


def _counts(measured: pd.DataFrame) -> tuple[int, int]:
    return measured["user_id"].nunique(), measured["week"].nunique()

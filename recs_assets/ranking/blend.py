"""alpha x SQL + (1 - alpha) x model, each list on a scale of its own, and how alpha is chosen.

A weighted sum of normalised scores, as in metasearch (Fox & Shaw 1994; Lee 1997).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recs_assets.cutoff import RECALL, K
from recs_assets.model_settings import BlendSettings
from recs_assets.ranking import metrics
from recs_assets.ranking.arrays import Flags, Floats, Ints, pair_keys, positions
from recs_assets.ranking.rules import PartAttributes, apply_list_rules
from recs_assets.ranking.statistics import WORSE, strength
from recs_assets.ranking.strata import STRATA
from recs_assets.settings import RulesSettings


def normalise_sql(lists: pd.DataFrame) -> Floats:
    """Scores divided by the best of their list: float64[rows] in [0, 1]. A list of zeros stays zero.

    v5.17 scores have a natural zero, "never ordered", and it stays 0. So a part that the kept list lacks may be
    given 0: it lost its place to parts that score at least as high.

    Raises:
        ValueError: a score is negative.
    """
    scores = lists["score"].to_numpy(np.float64)
    if (scores < 0).any():
        raise ValueError(f"{np.count_nonzero(scores < 0)} SQL scores are below zero; v5.17 gives none.")
    best = _of_list(lists, np.maximum)
    return np.asarray(np.divide(scores, best, out=np.zeros_like(scores), where=best > 0), dtype=np.float64)


def scale_sql(lists: pd.DataFrame) -> Floats:
    """Scores divided by the power of two above the best of their list: float64[rows] in [0, 1), of SQL's list as it is.

    Only that is exact, and keeps apart two scores one rounding apart (10 LN(81) and 8 LN(243) are).
    """
    return np.asarray(np.ldexp(lists["score"].to_numpy(np.float64), -np.frexp(_of_list(lists, np.maximum))[1]), dtype=np.float64)


def normalise_gnn(lists: pd.DataFrame, kept: int) -> Floats:
    """Scores between the worst (0) and the best (1) of the first ``kept`` of their list: float64[rows]. Equal scores are all 1.

    The model's scores are logits without a natural zero. A part that the list lacks is given 0, like the last one of the
    first ``kept``; what is in the list behind them, for the rules' sake, is below 0 and leaves the scale as it was.

    Args:
        lists: columns profile, score; the rows of a profile together and in descending order of score.
        kept: parts of a list that are there for their score.
    """
    scores = lists["score"].to_numpy(np.float64)
    first = positions(lists["profile"].to_numpy(np.int64)) < kept
    worst = _of_list(lists, np.minimum, first)
    spread = _of_list(lists, np.maximum) - worst
    return np.asarray(np.divide(scores - worst, spread, out=np.ones_like(scores), where=spread > 0), dtype=np.float64)


def blend(sql_lists: pd.DataFrame, gnn_lists: pd.DataFrame, alpha: Floats, *, kept: int) -> pd.DataFrame:
    """Both kept lists as one, with score = alpha x sql_score + (1 - alpha) x gnn_score.

    ``sql_score`` and ``gnn_score`` are the normalised ones, at most 1 and 0 for a part that only the other list has, so
    that the score can be recomputed from the row (to rounding, and up to the demotion of surplus universal parts by
    :func:`~recs_assets.ranking.rules.apply_list_rules`). A list without weight brings no parts: with alpha = 1 the
    rows are those of ``sql_lists``, with alpha = 0 those of ``gnn_lists``.

    With alpha = 1 the ranked list is SQL's, row for row: its scores are then those of :func:`scale_sql`.

    Args:
        sql_lists: columns profile, product, score (>= 0); distinct pairs.
        gnn_lists: the same with the model's scores, from the same candidates; in the order of profile and score.
        alpha: float64[profiles] in [0, 1], by profile number.
        kept: parts of a list that are there for their score: they make the model's scale.

    Returns:
        Columns profile int64, product int64, score, sql_score, gnn_score, and int64 sql_row and gnn_row, where the part
        stands in either list, -1 where it does not; sorted by profile and product.
    """
    sql_alpha = alpha[sql_lists["profile"].to_numpy()]
    gnn_alpha = alpha[gnn_lists["profile"].to_numpy()]
    sql_score = np.where(sql_alpha == 1, scale_sql(sql_lists), normalise_sql(sql_lists))
    both = _outer_join(sql_lists, gnn_lists, np.flatnonzero(sql_alpha > 0), np.flatnonzero(gnn_alpha < 1))
    # Row -1 is the last one: a score of 0 for whatever the list lacks.
    both["sql_score"] = np.append(sql_score, 0.0)[both["sql_row"]]
    both["gnn_score"] = np.append(normalise_gnn(gnn_lists, kept), 0.0)[both["gnn_row"]]
    weight = alpha[both["profile"].to_numpy()]
    both.insert(2, "score", weight * both["sql_score"] + (1 - weight) * both["gnn_score"])
    return both


def choose_alpha(
    sql_lists: pd.DataFrame,
    gnn_lists: pd.DataFrame,
    held_out: pd.DataFrame,
    *,
    profiles: pd.DataFrame,
    parts: PartAttributes,
    rules: RulesSettings,
    settings: BlendSettings,
    kept: int,
) -> tuple[dict[str, float], pd.DataFrame]:
    """The alpha with the best Recall@K after the list rules, on the pooled validation weeks; where a stratum shows it, its own.

    Of many alphas on some hundred people the best one is mostly the luckiest. So a stratum takes the alpha that is best for
    all rows together, but where another one is better for its own beyond chance: by -``WORSE`` standard errors, paired by user.
    Between equals the larger alpha wins: it is closest to what is served today; so without any validation user alpha is 1. A
    number in ``settings.alpha`` is taken as it is.

    Args:
        sql_lists: as for :func:`blend`; a profile is one user in one validation week.
        gnn_lists: as for :func:`blend`.
        held_out: columns profile, product.
        profiles: columns stratum and user_id, by profile number 0, 1, ...
        parts: attributes of every part.
        rules: the list rules that the served list obeys.
        settings: the grid's step.
        kept: as for :func:`blend`.

    Returns:
        alpha of cold, warm and hot, and the curve behind it: columns stratum (``all`` too), alpha, recall, users (rows), and z:
        standard errors by which it is better than the alpha of all rows.
    """
    concerned = np.unique(held_out["profile"])
    sql = sql_lists[sql_lists["profile"].isin(concerned)]
    gnn = gnn_lists[gnn_lists["profile"].isin(concerned)]
    grid, recalls = _grid(settings.alpha_step), []
    for alpha in grid:
        ranked = apply_list_rules(blend(sql, gnn, np.full(len(profiles), alpha), kept=kept), parts, rules)
        recalls.append(metrics.per_user(ranked, held_out, [K])[RECALL].loc[concerned].to_numpy())
    recall, rows = np.array(recalls), profiles.loc[concerned]
    pooled = _best(recall)
    curves, chosen = [], {}
    for name in ("all", *STRATA):
        own = np.ones(len(rows), dtype=bool) if name == "all" else (rows["stratum"] == name).to_numpy()
        of_stratum, users = recall[:, own], rows["user_id"].to_numpy()[own]
        means = of_stratum.mean(axis=1) if len(users) else np.full(len(grid), np.nan)
        z = _against(of_stratum, pooled, users)
        curves.append(pd.DataFrame({"stratum": name, "alpha": grid, "recall": means, "users": len(users), "z": z}))
        best = _best(of_stratum)
        chosen[name] = grid[best if z[best] > -WORSE else pooled]
    curve = pd.concat(curves, ignore_index=True)
    if settings.alpha != "auto":
        return dict.fromkeys(STRATA, float(settings.alpha)), curve
    return {name: chosen[name] for name in STRATA}, curve


def _best(recall: Floats) -> int:
    """Of [alphas x rows] the last one of the best; the last one of all where there are no rows."""
    totals = recall.sum(axis=1)
    # Two sums that differ by rounding alone are equal.
    return int(np.flatnonzero(totals >= totals.max() - 1e-9).max())


def _against(recall: Floats, alpha: int, users: NDArray[Any]) -> Floats:
    """[alphas] ``strength`` of each against one of them; ``recall`` [alphas x rows], ``users`` [rows]."""
    sums = pd.DataFrame(recall.T).groupby(users).sum().to_numpy().T
    return strength(sums[alpha], sums)


def _grid(step: float) -> list[float]:
    below_one = [round(alpha, 9) for alpha in np.arange(0, 1, step).tolist() if alpha < 1 - 1e-9]
    return [*below_one, 1.0]


def _of_list(lists: pd.DataFrame, extreme: np.ufunc, rows: Flags | slice = slice(None)) -> Floats:
    """For each row the lowest (``np.minimum``) or highest (``np.maximum``) score of its list, as far as ``rows`` go.

    (A fifth of a groupby's time.)
    """
    profile, scores = lists["profile"].to_numpy(), lists["score"].to_numpy(np.float64)
    extremes = np.full(profile.max(initial=-1) + 1, -extreme.reduce([-np.inf, np.inf]))
    extreme.at(extremes, profile[rows], scores[rows])
    return np.asarray(extremes[profile], dtype=np.float64)


def _outer_join(sql: pd.DataFrame, gnn: pd.DataFrame, sql_rows: Ints, gnn_rows: Ints) -> pd.DataFrame:
    """All pairs of some rows of both frames with their rows, -1 where absent. (Sorted keys: a third of the time of a merge.)"""
    profile, product = (
        np.concatenate([sql[name].to_numpy(np.int64)[sql_rows], gnn[name].to_numpy(np.int64)[gnn_rows]])
        for name in ("profile", "product")
    )
    _, first, place = np.unique(pair_keys(profile, product), return_index=True, return_inverse=True)
    rows = {"profile": profile[first], "product": product[first]}
    for name, own, places in (("sql_row", sql_rows, place[: len(sql_rows)]), ("gnn_row", gnn_rows, place[len(sql_rows) :])):
        rows[name] = np.full(len(first), -1, dtype=np.int64)
        rows[name][places] = own
    return pd.DataFrame(rows)

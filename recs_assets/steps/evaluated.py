"""What an evaluation of systems gives: its tables, and the same without a row where nobody could be evaluated."""

from dataclasses import dataclass

import pandas as pd

from recs_assets.cutoff import NLL, RECALL
from recs_assets.ranking import evaluation, slices


@dataclass(frozen=True)
class Evaluated:
    """What came out of the held-out weeks.

    Attributes:
        metrics: columns system, stratum, k, metric, value, users, weeks.
        per_user: columns system, week, user_id, stratum and a column per metric and k.
        alpha: weight of SQL in the blend by stratum, chosen on the validation weeks.
        alpha_curve: Recall@10 of every alpha on the validation weeks: stratum, alpha, recall, users, z.
        ceiling: why held-out purchases could or could not be recommended: reason, purchases, share.
        metrics_by_relevance, per_user_by_relevance: the same by each relevance: order, any, and what the log of the
            mail tells apart; the column relevance before the others.
        slices: by vehicle density and price band: slice, group, system, k, metric, value, users.
    """

    metrics: pd.DataFrame
    per_user: pd.DataFrame
    alpha: dict[str, float]
    alpha_curve: pd.DataFrame
    ceiling: pd.DataFrame
    metrics_by_relevance: pd.DataFrame
    per_user_by_relevance: pd.DataFrame
    slices: pd.DataFrame


def nothing_evaluated() -> Evaluated:
    """The tables of an evaluation in which nothing could be compared: all columns, no rows."""
    metrics = ["system", "stratum", "k", "metric", "value", "users", "weeks"]
    per_user = ["system", "week", "user_id", "stratum", RECALL, NLL]
    empty = {name: pd.DataFrame(columns=columns) for name, columns in (("metrics", metrics), ("per_user", per_user))}
    return Evaluated(
        **empty,
        **{f"{name}_by_relevance": pd.DataFrame(columns=["relevance", *table.columns]) for name, table in empty.items()},
        slices=pd.DataFrame(columns=slices.COLUMNS),
        alpha={},
        alpha_curve=pd.DataFrame(columns=["stratum", "alpha", "recall", "users", "z"]),
        ceiling=evaluation.ceiling(pd.DataFrame({"reason": []})),
    )

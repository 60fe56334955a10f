"""The evidence on a system over the year: every held-out week once, as it was first judged."""

import pandas as pd

from recs_assets.ranking.sequential import MONDAYS

# A row is a user in a held-out week; recall is the system's, baseline that of SQL. model_week is that of the model that made
# the lists.
COLUMNS = ["system", "model_week", "week", "user_id", "stratum", "baseline", "recall"]
KEYS = ["week", "user_id"]


def paired(per_user: pd.DataFrame, system: str, baseline: str = "sql", k: int = 10) -> pd.DataFrame:
    """The two systems side by side: columns week, user_id, stratum, baseline, recall.

    Args:
        per_user: columns system, week, user_id, stratum, ``recall_at_k``; a row per system, user and week.
        system: the one to be judged.
        baseline: what it is compared with, on the weeks in which the system was measured.
        k: ranks that count.

    Raises:
        ValueError: the two systems were not measured on the same users of these weeks.
    """
    recall = f"recall_at_{k}"
    ours = per_user.loc[per_user["system"] == system, [*KEYS, "stratum", recall]].rename(columns={recall: "recall"})
    measured = (per_user["system"] == baseline) & per_user["week"].isin(ours["week"])
    theirs = per_user.loc[measured, [*KEYS, recall]].rename(columns={recall: "baseline"})
    pairs = ours.merge(theirs, on=KEYS, validate="one_to_one")
    if not len(pairs) == len(ours) == len(theirs):
        raise ValueError(
            f"{system} has {len(ours)} rows and {baseline} {len(theirs)}, but only {len(pairs)} of them are the same "
            "user and week; evaluate both on the same held-out items."
        )
    return pairs[[*KEYS, "stratum", "baseline", "recall"]]


def gathered(before: pd.DataFrame, pairs: pd.DataFrame, *, system: str, model_week: str | None) -> pd.DataFrame:
    """The evidence with this week's: what was there before, and of the weeks just measured those that are new to it.

    A week is judged once: when it is measured again by a later model, its rows stay as they were. The last 52 weeks stay. Since
    ``before`` is that of the weeks before, running a week again gathers the same rows again.

    Args:
        before: columns ``COLUMNS``, gathered up to the week before; of one system.
        pairs: as ``paired`` gives them.
        system: whose rows these are.
        model_week: of the model that was measured.

    Returns:
        Columns ``COLUMNS``.
    """
    new = pairs[~pairs["week"].isin(before["week"])].assign(system=system, model_week=model_week)[COLUMNS]
    # An empty frame has columns without a type, which pandas will not join much longer.
    rows = pd.concat([part for part in (before[COLUMNS], new) if len(part)] or [nothing_gathered()], ignore_index=True)
    weeks = sorted(rows["week"].unique())[-MONDAYS:]
    return rows[rows["week"].isin(weeks)].sort_values(KEYS, ignore_index=True)


def nothing_gathered() -> pd.DataFrame:
    """No evidence yet: all columns, no rows."""
    return pd.DataFrame({name: pd.Series(dtype=object if name not in {"baseline", "recall"} else float) for name in COLUMNS})

"""The evidence on a system over the year: every held-out week once, as it was first evaluated."""

from collections.abc import Collection

import pandas as pd

from recs_assets.cutoff import K
from recs_assets.ranking.sequential import MONDAYS

# A row is a user in a held-out week; recall is the system's, baseline that of SQL. model_week is that of the model that made
# the lists.
COLUMNS = ["system", "model_week", "week", "user_id", "stratum", "baseline", "recall"]
KEYS = ["week", "user_id"]


def paired(per_user: pd.DataFrame, system: str, baseline: str = "sql", k: int = K) -> pd.DataFrame:
    """The two systems side by side: columns week, user_id, stratum, baseline, recall.

    Args:
        per_user: columns system, week, user_id, stratum, ``recall_at_k``; a row per system, user and week.
        system: the one to be evaluated.
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

    A week is evaluated once: when it is measured again by a later model, its rows stay as they were. The last 52 weeks stay.
    Since ``before`` is that of the weeks before, running a week again gathers the same rows again.

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


def gathered_all(before: pd.DataFrame, per_user: pd.DataFrame, *, week: str, kept_week: str | None) -> pd.DataFrame:
    """The evidence on what is trained week by week (``blend``) and on the model kept from an earlier week (``kept``).

    Args:
        before: columns ``COLUMNS``, up to the week before.
        per_user: as ``paired`` takes it.
        week: whose model was measured.
        kept_week: of the kept model; of another one nothing is kept. ``None``: there is none.
    """
    blend, kept = of_system(before, "blend"), of_system(before, "kept", kept_week)
    gathering = [gathered(blend, paired(per_user, "blend"), system="blend", model_week=week)]
    if kept_week is not None:
        gathering.append(gathered(kept, paired(per_user, "kept"), system="kept", model_week=kept_week))
    return pd.concat([rows for rows in gathering if len(rows)] or [nothing_gathered()], ignore_index=True)


def of_system(evidence: pd.DataFrame, system: str, model_week: str | None = None) -> pd.DataFrame:
    """The rows of a system; of one model alone where its week is given."""
    rows = evidence[evidence["system"] == system]
    return rows if model_week is None else rows[rows["model_week"] == model_week]


def without_names(rows: pd.DataFrame, people: Collection[str]) -> pd.DataFrame:
    """The rows with other ids for everybody who is not among ``people``: one each, that says nothing of whose they were.

    What somebody did in a held-out week counts on after they have gone; who it was is kept no longer.
    """
    gone = sorted(set(rows["user_id"]) - set(people))
    ids = {user_id: f"gone:{number}" for number, user_id in enumerate(gone)}
    return rows.assign(user_id=rows["user_id"].map(lambda user_id: ids.get(user_id, user_id)))


def nothing_gathered() -> pd.DataFrame:
    """No evidence yet: all columns, no rows."""
    return pd.DataFrame({name: pd.Series(dtype=object if name not in {"baseline", "recall"} else float) for name in COLUMNS})

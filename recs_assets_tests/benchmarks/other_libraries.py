"""How far the metrics are from those of ranx and RecTools, which need other versions of packages than this project.

    python3.11 -m venv others && others/bin/pip install ranx rectools
    PYTHONPATH=. others/bin/python -m recs_assets_tests.benchmarks.other_libraries

Found with ranx 0.3.21 and RecTools 0.19.0: the largest difference of any user's figure is 2.2e-16, and 0.86 for RecTools'
NDCG as it is unless told to divide by what is achievable.
"""

import numpy as np
import ranx
from rectools import Columns
from rectools.metrics import MRR, NDCG, HitRate, Recall

from recs_assets_tests.ranking.random_lists import KS, Lists, held_out_frame, ours, random_case, ranked_frame

OF_RECTOOLS = {
    "recall": Recall,
    "ndcg": lambda k: NDCG(k, divide_by_achievable=True),
    "ndcg as it is": NDCG,
    "mrr": MRR,
    "hit": HitRate,
}
OF_RANX = {"recall": "recall", "ndcg": "ndcg", "mrr": "mrr", "hit": "hit_rate"}


def from_rectools(lists: Lists, held_out: Lists) -> dict[str, float]:
    """The largest difference of each metric over users and K."""
    measured = ours(lists, held_out)
    names = {"profile": Columns.User, "product": Columns.Item, "rank": Columns.Rank}
    listed, sought = ranked_frame(lists).rename(columns=names), held_out_frame(held_out).rename(columns=names)
    differences = {}
    for name, metric in OF_RECTOOLS.items():
        theirs = [metric(k).calc_per_user(listed, sought).reindex(measured.index) for k in KS]
        columns = [f"{name.split()[0]}_at_{k}" for k in KS]
        differences[f"RecTools {name}"] = float(np.abs(np.stack(theirs, axis=1) - measured[columns].to_numpy()).max())
    return differences


def from_ranx(lists: Lists, held_out: Lists) -> dict[str, float]:
    """The same; a person without a list is given one of a part that is nowhere, as ranx takes no empty one."""
    measured = ours(lists, held_out)
    sought = ranx.Qrels({f"{user:03}": {str(part): 1 for part in parts} for user, parts in held_out.items()})
    scored = {user: {str(part): 1 / rank for rank, part in enumerate(parts, start=1)} for user, parts in lists.items()}
    listed = ranx.Run({f"{user:03}": scores or {"nowhere": 1.0} for user, scores in scored.items()})
    differences = {}
    for name, metric in OF_RANX.items():
        theirs = ranx.evaluate(sought, listed, [f"{metric}@{k}" for k in KS], return_mean=False)
        values = np.stack([theirs[f"{metric}@{k}"] for k in KS], axis=1)
        differences[f"ranx {name}"] = float(np.abs(values - measured[[f"{name}_at_{k}" for k in KS]].to_numpy()).max())
    return differences


def main() -> None:
    """Print the largest difference of each metric over twenty random cases."""
    cases = [random_case(seed) for seed in range(20)]
    measured = [from_rectools(*case) | from_ranx(*case) for case in cases]
    for name in measured[0]:
        print(f"{name:24}{max(differences[name] for differences in measured):.2g}")


if __name__ == "__main__":
    main()

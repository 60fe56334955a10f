"""One held-out week in one pass over its people's candidates: every system's lists, and how likely it found what people took.

What is held at once is a chunk of people with their candidates and the evidence for them; ranked lists and figures stay of it.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from recs_assets.gnn.candidates import part_attributes
from recs_assets.ranking.arrays import Floats
from recs_assets.ranking.blend import blend
from recs_assets.ranking.evaluation import nll_of
from recs_assets.ranking.likelihood import surprisals
from recs_assets.ranking.rules import apply_list_rules
from recs_assets.ranking.sparse_matrices import look_up
from recs_assets.steps.cohort import Cohort, of_profiles
from recs_assets.steps.compared_systems import PROBABILISTIC, ComparedSystems
from recs_assets.steps.similar_parts import similarity_lists

RANKED = ["profile", "product", "rank"]
PAIR = ["profile", "product"]


def evaluate_week(
    people: Cohort, systems: ComparedSystems, sql: pd.DataFrame, alphas: Mapping[str, tuple[str, Floats]]
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """The lists of all systems under the rules, and what is held out with what they make of it.

    Args:
        people: whose lists.
        systems: what scores their candidates.
        sql: SQL's lists before the rules: columns profile, product, score, in the order of profiles.
        alphas: of each blend its name, the system that is blended with SQL, and the weight of SQL by profile.

    Returns:
        By system: columns profile, product, rank, sorted by profile and rank. By relevance: the rows of ``people.held_out``
        with the columns is_candidate and, of each probabilistic system, the surprisal of the part in nats, NaN where it is
        not a candidate.
    """
    rules, parts = people.settings.rules, part_attributes(people.past.data)
    lists: dict[str, list[pd.DataFrame]] = {}

    def under_rules(scored: pd.DataFrame) -> pd.DataFrame:
        return apply_list_rules(scored, parts, rules)[RANKED]

    pairs = pd.concat(list(people.held_out.values())).drop_duplicates().sort_values(PAIR, ignore_index=True)
    asked: list[pd.DataFrame] = []
    for chunk in people.chunks():
        first, behind = int(chunk.profiles[0]), int(chunk.profiles[-1]) + 1
        held_out, tops = of_profiles(pairs, first, behind), {"sql": of_profiles(sql, first, behind)}
        entries, is_candidate = look_up(chunk.candidates, held_out["profile"].to_numpy() - first, held_out["product"].to_numpy())
        held_out = held_out.assign(is_candidate=is_candidate)
        for names, whom, scores in systems.scores(chunk):
            tops |= dict.fromkeys(names, people.top(whom, scores))
            for name in set(names) & set(PROBABILISTIC):
                held_out[nll_of(name)] = np.where(is_candidate, surprisals(scores, entries, chunk.candidates), np.nan)
        for name, (blended, alpha) in alphas.items():
            tops[name] = blend(tops["sql"], tops[blended], alpha, kept=people.settings.candidates.kept)
        distinct: dict[int, pd.DataFrame] = {}
        for name, top in tops.items():
            if id(top) not in distinct:  # where the towers add nothing, two systems have one
                distinct[id(top)] = under_rules(top)
            lists.setdefault(name, []).append(distinct[id(top)])
        asked.append(held_out)
    lists["similarity"] = [under_rules(scored) for scored in similarity_lists(people, sql)]
    of_pairs = pd.concat(asked, ignore_index=True)
    return (
        {name: pd.concat(ranked, ignore_index=True) for name, ranked in lists.items()},
        {relevance: frame.merge(of_pairs, on=PAIR, how="left") for relevance, frame in people.held_out.items()},
    )

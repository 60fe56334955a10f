"""The lists that every compared system would have sent to the users of one held-out week, from what was known before it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import sparse

from recs_assets.gnn.channels.evidence import ROWS_PER_BLOCK, channel_names
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.gnn.channels.popularity import POPULARITY
from recs_assets.gnn.scoring import top_scores
from recs_assets.gnn.snapshots import DAY_MICROSECONDS, FOREVER
from recs_assets.gnn.towers.residual import Residual
from recs_assets.ranking import baselines
from recs_assets.ranking.arrays import Floats
from recs_assets.ranking.sparse_matrices import row_of_entry
from recs_assets.steps.cohort import Cohort

SINGLE_CHANNEL = "channel_"  # begins the name of a system of one channel


def baseline_lists(people: Cohort) -> dict[str, pd.DataFrame]:
    """Popularity, item-kNN, EASE and P3 over the same candidates; users without history get the popular parts."""
    options, past = people.settings.baselines, people.past
    recent = past.log.between(past.as_of - options.popularity_days * DAY_MICROSECONDS, past.as_of)
    popular = np.bincount(recent.product, past.event_weights[recent.event_type], past.n_products).astype(np.float64)
    train = past.touched(FOREVER)[np.flatnonzero(past.n_events)]
    train.data[:] = 1.0
    history = past.touched(FOREVER)[people.users]
    history.data[:] = 1.0
    knn = baselines.item_knn(train, options.item_knn_shrinkage, options.item_knn_neighbours)
    weights = baselines.ease(train, options.ease_regularization, options.ease_max_parts)
    scorers: dict[str, Callable[[sparse.csr_array], Floats]] = {
        "popularity": lambda rows: baselines.popularity(popular, rows.shape[0]),
        "item_knn": lambda rows: baselines.score_history(rows, knn),
        "ease": lambda rows: baselines.score_history(rows, weights),
        "p3": baselines.p3(train),
    }

    def best(scorer: Callable[[sparse.csr_array], Floats]) -> pd.DataFrame:
        blocks = []
        for start in range(0, len(people.users), ROWS_PER_BLOCK):  # so many rows of dense scores are held at once
            rows = slice(start, start + ROWS_PER_BLOCK)
            scores = baselines.add_popularity(scorer(history[rows]), popular)
            candidates = people.candidates[rows]
            top = people.kept.of(scores[row_of_entry(candidates), candidates.indices], candidates)
            blocks.append(top.assign(profile=top["profile"] + start))
        return pd.concat(blocks, ignore_index=True)

    return {name: best(scorer) for name, scorer in scorers.items()}


def channel_lists(people: Cohort, model: GatedChannels) -> dict[str, pd.DataFrame]:
    """Each evidence channel alone, for users with something new by the relevance of the settings: ``channel_<name>``."""
    rows = np.unique(people.held_out[people.settings.evaluation.relevance]["profile"])
    candidates, entries = people.candidates[rows], np.isin(row_of_entry(people.candidates), rows)
    lists = {}
    of_parts = model.of_parts(people.evidence.popularity)
    for number, name in enumerate(channel_names(people.settings.model)):
        column = number - len(POPULARITY)
        evidence = of_parts[candidates.indices, number] if column < 0 else people.features[entries, column]
        top = people.kept.of(evidence, candidates)
        lists[f"{SINGLE_CHANNEL}{name}"] = top.assign(profile=rows[top["profile"]])
    return lists


def model_lists(people: Cohort, model: GatedChannels, towers: Residual | None = None) -> pd.DataFrame:
    """What the model would have listed, with or without towers: columns profile, product, score, channels."""
    added = towers.added(people.evidence.past, people.users) if towers is not None and len(people.users) else None
    return top_scores(model, people.evidence, people.users, people.candidates, people.kept, added, features=people.features)

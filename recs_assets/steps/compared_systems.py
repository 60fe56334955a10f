"""What every compared system makes of the candidates of a held-out week's people, from what was known before it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from recs_assets.gnn import scoring
from recs_assets.gnn.channels.evidence import feature_names
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.gnn.channels.popularity import POPULARITY
from recs_assets.gnn.snapshots import DAY_MICROSECONDS
from recs_assets.gnn.towers.residual import Residual
from recs_assets.ranking import baselines
from recs_assets.ranking.arrays import Floats, Floats32, Ints
from recs_assets.ranking.sparse_matrices import row_of_entry
from recs_assets.steps.cohort import Chunk, Cohort

SINGLE_CHANNEL = "channel_"  # begins the name of a system of one channel
CHANNELS, MODEL = "channels", "model"
# Whose scores are logits: the softmax over a person's candidates is what the model was fitted to. Blends, counts, similarities
# and single channels rank, and give no probabilities.
PROBABILISTIC = (CHANNELS, MODEL)
Scorer = Callable[[Chunk], Floats]


@dataclass(frozen=True)
class ScoringModel:
    """A fitted model, ready to score the people of one cohort.

    Attributes:
        channels: its weights.
        of_parts: [products x channels of a part alone] as of the held-out week, as ``GatedChannels.of_parts`` gives it.
        state: [users of the graph x 3] as of the held-out week.
        vectors: of the cohort and of all products, as ``Residual.added`` gives them; ``None``: the channels alone score.
    """

    channels: GatedChannels
    of_parts: Floats32
    state: Floats
    vectors: tuple[Floats32, Floats32] | None

    @staticmethod
    def of(people: Cohort, channels: GatedChannels, towers: Residual | None) -> "ScoringModel":
        """The model with its towers, where they add anything."""
        vectors = towers.added(people.past, people.users) if towers is not None and len(people.users) else None
        return ScoringModel(channels, channels.of_parts(people.evidence.popularity), people.past.state, vectors)

    def by_channels(self, chunk: Chunk) -> Floats:
        """[entries] the score without towers."""
        features = self.channels.own(chunk.features, chunk.channels)
        log_evidence = self.channels.log_evidence(features, self.of_parts, chunk.candidates.indices)
        contributions = scoring.weighted(self.channels, log_evidence, self.state[chunk.users], chunk.candidates)
        scores: Floats = contributions.sum(axis=1, dtype=np.float64)
        return scores

    def scores(self, chunk: Chunk) -> Floats:
        """[entries] the score."""
        return self.with_towers(chunk, self.by_channels(chunk))

    def with_towers(self, chunk: Chunk, by_channels: Floats) -> Floats:
        """[entries] the score, given that without towers."""
        if self.vectors is None:
            return by_channels
        of_users, of_products = self.vectors
        return by_channels + scoring.dot_products((of_users[chunk.profiles], of_products), chunk.candidates)


@dataclass(frozen=True)
class ComparedSystems:
    """Every system of one held-out week that scores candidates: what it has learned is worked out once, for all chunks.

    Attributes:
        baselines: the classical ones, by name.
        model: of this week.
        kept: what is served from an earlier week, under the name that it goes by; empty where nothing is evaluated beside.
        alone: rows of the cohort for whom single channels score too.
    """

    baselines: Mapping[str, Scorer]
    model: ScoringModel
    kept: Mapping[str, ScoringModel]
    alone: Ints

    def scores(self, chunk: Chunk) -> Iterator[tuple[Sequence[str], Chunk, Floats]]:
        """Names of systems, whom they score, and their scores of these people's candidates [entries], one array at a time."""
        for name, scorer in self.baselines.items():
            yield [name], chunk, scorer(chunk)
        own = chunk.only(self.alone)
        for shares, name in zip(self.model.of_parts.T, POPULARITY, strict=True):
            yield [f"{SINGLE_CHANNEL}{name}"], own, shares[own.candidates.indices].astype(np.float64)
        for name in feature_names(self.model.channels.settings):
            yield [f"{SINGLE_CHANNEL}{name}"], own, own.features[:, own.channels.index(name)].astype(np.float64)
        for name, kept in self.kept.items():
            yield [name], chunk, kept.scores(chunk)
        by_channels = self.model.by_channels(chunk)
        if self.model.vectors is None:
            yield [CHANNELS, MODEL], chunk, by_channels
            return
        yield [CHANNELS], chunk, by_channels
        yield [MODEL], chunk, self.model.with_towers(chunk, by_channels)


def model_lists(people: Cohort, model: ScoringModel) -> pd.DataFrame:
    """What the model would have listed before the rules: columns profile, product, score."""
    return pd.concat([people.top(chunk, model.scores(chunk)) for chunk in people.chunks()], ignore_index=True)


def baselines_of(people: Cohort) -> dict[str, Scorer]:
    """Popularity, item-kNN, EASE and P3 over the same candidates; users without history get the popular parts."""
    options, past = people.settings.baselines, people.past
    recent = past.log.between(past.as_of - options.popularity_days * DAY_MICROSECONDS, past.as_of)
    popular = np.bincount(recent.product, past.event_weights[recent.event_type], past.n_products).astype(np.float64)
    train, history = past.ever_touched[past.active], past.ever_touched[people.users]
    knn = baselines.item_knn(train, options.item_knn_shrinkage, options.item_knn_neighbours)
    weights = baselines.ease(train, options.ease_regularization, options.ease_max_parts)
    ties = baselines.add_popularity(np.zeros(past.n_products), popular)

    def of_history(score: Callable[[sparse.csr_array], Floats]) -> Scorer:
        def scores(chunk: Chunk) -> Floats:
            own = history[chunk.profiles]
            dense, row = score(own), row_of_entry(chunk.candidates)
            return np.asarray(dense[row, chunk.candidates.indices] + ties[chunk.candidates.indices], dtype=np.float64)

        return scores

    return {
        "popularity": lambda chunk: (popular + ties)[chunk.candidates.indices],
        "item_knn": of_history(lambda rows: baselines.score_history(rows, knn)),
        "ease": of_history(lambda rows: baselines.score_history(rows, weights)),
        "p3": of_history(baselines.p3(train)),
    }

"""One snapshot of ``five_users`` as the towers are trained on it: small towers, four people, and a target for each."""

from typing import Any

import numpy as np
from scipy import sparse

from recs_assets.gnn.channels.examples import Example
from recs_assets.gnn.towers.examples import TowerExample
from recs_assets.gnn.towers.negatives import Sampler
from recs_assets.gnn.towers.neighbours import tower_inputs
from recs_assets.settings import Settings
from recs_assets_tests.gnn import five_users

SMALL = {
    "dimension": 8,
    "heads": 2,
    "hash_buckets": 64,
    "epochs": 4,
    "patience": 4,
    "id_dropout": 0.5,
    "learning_rate": 0.02,
    "embedding_learning_rate": 0.05,
}


def tower_settings(**towers: Any) -> Settings:
    """Settings with small towers that learn fast, and ``towers`` of that section."""
    return five_users.settings(towers=SMALL | towers)


def tower_example(settings: Settings) -> TowerExample:
    """The targets of u1 to u4 are p1 to p4; the channels' scores are zero."""
    past, users = five_users.past_of(five_users.world()), np.arange(4)
    candidates = sparse.csr_array(np.ones((4, 5), dtype=bool))
    targets = np.eye(4, 5).ravel()
    scores, log_q = np.zeros(candidates.nnz), np.zeros(candidates.nnz, dtype=np.float32)
    example = Example(
        moment=past.as_of,
        users=users,
        candidates=candidates,
        features=np.zeros((candidates.nnz, 1), dtype=np.float32),
        popularity=np.zeros((5, 1), dtype=np.float32),
        targets=targets,
        log_q=log_q,
        state=np.zeros((4, 3), dtype=np.float32),
    )
    sampler = Sampler(candidates, targets, log_q, scores, np.ones(candidates.nnz, dtype=bool), settings.towers.negatives)
    return TowerExample(example, tower_inputs(past, users, settings), scores, sampler, stratum=np.array([1, 1, 1, 0]))

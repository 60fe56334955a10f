"""Two public data sets, against the figures that others published for them."""

from pathlib import Path

import pytest

from recs_assets.experiments.reference.splits import Split, read_split, recall_and_ndcg
from recs_assets.ranking import baselines

pytestmark = pytest.mark.long
BENCHMARKS = Path(__file__).parents[3] / "shared" / "data" / "benchmarks"


def _read(name: str) -> Split:
    folder = BENCHMARKS / name
    if not folder.is_dir():
        pytest.skip(f"the public data set {name} is not beside the repository (shared/data/benchmarks)")
    return read_split(folder)


def test_three_step_walk_on_gowalla_gives_the_known_recall_and_ndcg() -> None:
    split = _read("gowalla")
    # The first step's normalisation divides a user's scores by one number: the ranking is the same without it.
    walk = baselines.walk_weights(split.train)
    recall, ndcg = recall_and_ndcg(split, lambda users: baselines.score_history(split.train[users], walk))
    assert recall == pytest.approx(0.1862, abs=0.00005)
    assert ndcg == pytest.approx(0.1563, abs=0.00005)


def test_gf_cf_on_gowalla_gives_the_known_recall_and_ndcg() -> None:
    split = _read("gowalla")
    score = baselines.gf_cf(split.train)
    recall, ndcg = recall_and_ndcg(split, lambda users: score(split.train[users]))
    assert recall == pytest.approx(0.1849, abs=0.0001)
    assert ndcg == pytest.approx(0.1518, abs=0.0001)


def test_ease_on_amazon_electronics_gives_the_known_ndcg() -> None:
    split = _read("amazon_electronics")
    weights = baselines.ease(split.train, regularization=100.0, max_parts=split.train.shape[1])
    _, ndcg = recall_and_ndcg(split, lambda users: baselines.score_history(split.train[users], weights))
    assert ndcg == pytest.approx(0.0823, abs=0.00005)

"""Public benchmark figures with the project's own code: ``python -m recs_assets.experiments.reference --data FOLDER``.

Two static splits without time, the whole catalogue ranked, what a user has in training left out, Recall@20 and NDCG@20. The
rows of other people's systems stand beside the figures they were published with. ``channels`` are the model's evidence
channels with their decay off, ``model`` adds a low-pass filter and users alike; both learn their weights from hidden training
items, by one protocol for every data set. The channels, their powers and sizes were chosen on the split that ``--validation``
prints, which is cut from the training part. The test part was looked at for one thing besides this table: how it was cut.
Gowalla's item counts there, and the order of two baselines on 2,048 of its users, decided that a stretch is hidden and not a
random fifth.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse

from recs_assets import settings_file
from recs_assets.experiments.reference.evidence import CHANNELS, EXTRA, StaticEvidence
from recs_assets.experiments.reference.mixture import learn
from recs_assets.experiments.reference.splits import Scores, Split, read_split, recall_and_ndcg, validation
from recs_assets.ranking import baselines
from recs_assets.ranking.arrays import Floats, Floats32, Ints
from recs_assets.settings import Settings

EASE_REGULARIZATION = 100.0
VALIDATION_SEED = 17

PUBLISHED = {
    ("gowalla", "p3"): "0.1862 / 0.1563",
    ("gowalla", "ease"): "0.1765 / 0.1467",
    ("gowalla", "gf_cf"): "0.1849 / 0.1518",
    ("gowalla", "LightGCN"): "0.1830 / 0.1554",
    ("gowalla", "UltraGCN"): "0.1862 / 0.1580",
    ("gowalla", "SimpleX"): "0.1872 / 0.1557",
    ("gowalla", "BSPM"): "0.1920 / 0.1597",
    ("amazon_electronics", "ease"): "- / 0.0823",
}

System = Callable[[Ints], Scores]


def systems(split: Split, settings: Settings) -> Iterator[tuple[str, str, System]]:
    """Every system: its name, a remark, and what scores users; fitting happens when it is asked for."""
    train, options = split.train, settings.baselines
    popular = np.asarray(train.sum(axis=0), dtype=np.float64).ravel()

    def of_history(dense: Callable[[sparse.csr_array], Floats | Floats32]) -> System:
        return lambda users: baselines.add_popularity(dense(train[users]), popular)

    yield "popularity", "", lambda users: baselines.popularity(popular, len(users))
    knn = baselines.item_knn(train, options.item_knn_shrinkage, options.item_knn_neighbours)
    yield "item_knn", "", of_history(lambda history: baselines.score_history(history, knn))
    walk = baselines.walk_weights(train)
    yield "p3", "", of_history(lambda history: baselines.score_history(history, walk))
    weights = baselines.ease(train, EASE_REGULARIZATION, options.ease_max_parts)
    covered = f"the {len(weights.products):,} most frequent items only" if len(weights.products) < train.shape[1] else ""
    yield "ease", covered, of_history(lambda history: baselines.score_history(history, weights))
    yield "gf_cf", "", of_history(baselines.gf_cf(train))
    for name, channels in (("channels", CHANNELS), ("model", CHANNELS + EXTRA)):
        mixture = learn(train, channels, settings)
        learned = ", ".join(f"{channel} {weight:.2f}" for channel, weight in zip(channels, mixture.base, strict=True))
        yield name, learned, partial(mixture.score, StaticEvidence(train, channels, settings))


def main(arguments: Sequence[str]) -> int:
    """Print the table of every data set below ``--data``."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets.experiments.reference", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="one folder a data set, with train.parquet and test.parquet")
    parser.add_argument("--only", help="one data set")
    parser.add_argument("--validation", action="store_true", help="evaluate on a split cut from train.parquet, test unread")
    options = parser.parse_args(arguments)
    settings = settings_file.load()
    for folder in sorted(path.parent for path in options.data.glob("*/train.parquet")):
        if options.only in (None, folder.name):
            split = read_split(folder)
            print_table(validation(split, VALIDATION_SEED) if options.validation else split, settings, not options.validation)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    print(f"\nPeak memory {peak:.1f} GiB")
    return 0


def print_table(split: Split, settings: Settings, is_published: bool) -> None:
    """Recall@20 / NDCG@20 of every system, the published figures where ``is_published``, and the seconds it took."""
    print(f"\n{split.name}: {split.train.shape[0]:,} users, {split.train.shape[1]:,} items, {split.train.nnz:,} pairs")
    print(f"  {'Recall@20 / NDCG@20':<13}{'here':>14}   {'published':<15}")
    started = time.monotonic()
    for name, remark, score in systems(split, settings):
        recall, ndcg = recall_and_ndcg(split, score)
        published = PUBLISHED.get((split.name, name), "") if is_published else ""
        taken = time.monotonic() - started
        print(f"  {name:<14} {recall:.5f} / {ndcg:.5f}   {published:<15} {taken:5.0f} s  {remark}".rstrip(), flush=True)
        started = time.monotonic()
    for (data, name), figures in PUBLISHED.items():
        if is_published and data == split.name and name[0].isupper():
            print(f"  {name:<14} {'':<17}   {figures} (not run here)")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

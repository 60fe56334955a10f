"""What each component of the model is worth: ``python -m recs_assets.experiments.ablation --week 2011-08-29``.

One thing is changed at a time, the model is fitted again with several seeds, and measured on the week's evaluation weeks:
Recall@10 and NDCG@10 after the list rules, by the same functions as ``offline_metrics``, and NLL, the mean of -log p of what
people took over all their candidates, which tells two models apart on far fewer people. The seeds show how much a fit varies; the
95% intervals of the changes against the unchanged channels, paired by user, show how much the users do, and z is a change in
standard errors. To choose settings, name a week whose evaluation weeks are not those that the choice will be evaluated on.
"""

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from torch_geometric.data import HeteroData

from recs_assets import settings_file, targets
from recs_assets.asset_files import GRAPH
from recs_assets.cutoff import K
from recs_assets.experiments.variants import Variant, variants
from recs_assets.gnn import graph
from recs_assets.gnn.candidates import part_attributes
from recs_assets.gnn.channels.examples import Example, channel_scores
from recs_assets.gnn.channels.split_examples import SplitExamples, split_examples
from recs_assets.gnn.checkpoints import Checkpoints
from recs_assets.gnn.snapshots import DAY_MICROSECONDS, LeakageError, microseconds, snapshot
from recs_assets.gnn.towers.examples import dot_products, tower_examples
from recs_assets.gnn.towers.validation import SCALES
from recs_assets.gnn.weekly_fit import fit_examples
from recs_assets.ranking import metrics
from recs_assets.ranking.arrays import Flags, Floats
from recs_assets.ranking.likelihood import negative_log_likelihood
from recs_assets.ranking.rules import apply_list_rules
from recs_assets.ranking.sparse_matrices import at, incidence, row_of_entry
from recs_assets.ranking.statistics import Difference, Lift, paired_difference, paired_lift
from recs_assets.settings import Settings
from recs_assets.steps.cohort import Cohort, cohort
from recs_assets.week_split import split_weeks
from recs_assets.weeks import Week, week_of


@dataclass(frozen=True)
class Measured:
    """A variant under one seed.

    Attributes:
        per_user: columns user, recall, ndcg and nll, a row a user and evaluation week; nll is NaN where nothing that the user
            took was a candidate.
        earned_scale: the largest that the towers earned.
    """

    per_user: pd.DataFrame
    earned_scale: float

    def figures(self) -> dict[str, float]:
        """The means over the rows, and the scale."""
        return {**self.per_user[["recall", "ndcg", "nll"]].mean(), "earned_scale": self.earned_scale}


@dataclass(frozen=True)
class Laboratory:
    """The week's graph and its evaluation weeks; examples are made once a set of channel settings."""

    data: HeteroData
    week: Week
    settings: Settings

    def measure(self, variant: Variant, seed: int) -> Measured:
        """Fit a variant and evaluate it on the evaluation weeks."""
        settings = variant.settings(self.settings, seed)
        training, evaluation = self._examples(settings, variant)
        with tempfile.TemporaryDirectory() as folder:
            checkpoints = Checkpoints(Path(folder) / "towers", "ablation")
            fitted = fit_examples(self.data, training, settings, checkpoints=checkpoints)
        scores = [channel_scores(fitted.channels.model, example) for example in evaluation]
        earned = 0.0
        if fitted.towers is not None and (shown := fitted.towers.earned) is not None:
            earned = max(shown.scales.values())
            prepared = tower_examples(self.data, evaluation, fitted.channels.model, settings)
            dots = dot_products(fitted.towers.residual.towers, prepared)
            scales = [SCALES[shown.choice.scales][example.stratum[row_of_entry(example.base.candidates)]] for example in prepared]
            scores = [score + scale * dot for score, scale, dot in zip(scores, scales, dots, strict=True)]
        return Measured(self._per_user(evaluation, scores), earned)

    def _per_user(self, evaluation: Sequence[Example], scores: Sequence[Floats]) -> pd.DataFrame:
        parts = part_attributes(self.data)
        rows = []
        for example, people, values in zip(evaluation, self._cohorts, scores, strict=True):
            top = people.kept.of(values, example.candidates)
            ranked = apply_list_rules(top, parts, self.settings.rules)
            held_out = people.held_out[self.settings.evaluation.relevance]
            measured = metrics.per_user(ranked, held_out, [K])
            nll = negative_log_likelihood(values, _is_taken(example, held_out), example.candidates)
            rows.append(measured.assign(user=people.users[measured.index], nll=nll[measured.index]))
        return pd.concat(rows).rename(columns={f"{name}_at_{K}": name for name in ("recall", "ndcg")})

    @cached_property
    def _cohorts(self) -> list[Cohort]:
        starts = split_weeks(self.week, self.settings).evaluation
        relevances = (self.settings.evaluation.relevance,)
        return [cohort(self.data, start, self.settings, relevances) for start in starts]

    @cached_property
    def _cache(self) -> dict[str, tuple[SplitExamples, list[Example]]]:
        return {}

    def _examples(self, settings: Settings, variant: Variant) -> tuple[SplitExamples, list[Example]]:
        """Training and evaluation examples as this variant is shown them."""
        key = str(settings.model.model_dump(exclude={"seed"}))
        if key not in self._cache:
            self._cache.clear()  # one set of features fits in memory, two may not
            training = split_examples(self.data, split_weeks(self.week, settings), settings)
            self._cache[key] = training, [_example_of(cohort, settings) for cohort in self._cohorts]
        training, evaluation = self._cache[key]
        shown = dataclasses.replace(
            training,
            training=[variant.shown(example) for example in training.training],
            validation=[variant.shown(example) for example in training.validation],
        )
        return shown, [variant.shown(example) for example in evaluation]


def _example_of(people: Cohort, settings: Settings) -> Example:
    people = dataclasses.replace(people, settings=settings)
    candidates = people.eligibility.candidates(people.users)
    return Example(
        moment=people.past.as_of,
        users=people.users,
        candidates=candidates,
        features=people.evidence.features(people.users, candidates),
        popularity=people.evidence.popularity,
        targets=np.zeros(candidates.nnz, dtype=np.float32),
        log_q=np.zeros(candidates.nnz, dtype=np.float32),
        state=people.past.state[people.users].astype(np.float32),
    )


def _is_taken(example: Example, held_out: pd.DataFrame) -> Flags:
    """[entries] the candidates that were held out."""
    taken = incidence(held_out[["profile", "product"]].to_numpy(np.int64).T, example.candidates.shape)
    return np.asarray(at(taken, row_of_entry(example.candidates), example.candidates.indices) > 0)


def refusal(data: HeteroData, week: Week, settings: Settings) -> str:
    """The refusal of co-purchases of the evaluation weeks as evidence of a model that is evaluated on them.

    Raises:
        RuntimeError: nothing refused it.
    """
    first = microseconds(split_weeks(week, settings).evaluation[0])
    try:
        snapshot(data, first, settings.events).bought_with(settings.co_purchase.min_users, as_of=first + 28 * DAY_MICROSECONDS)
    except LeakageError as error:
        return f"refused: {error}"
    raise RuntimeError("co-purchases of the evaluation weeks were handed out: every figure above is worth nothing.")


def main(arguments: Sequence[str]) -> int:
    """Print the table row by row, and keep every seed's figures beside the data; rows not asked for stay in that file."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets.experiments.ablation", description=__doc__)
    parser.add_argument("--week", required=True, help="a week whose hetero_graph has been materialized")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="rows whose name contains this, beside the first")
    options = parser.parse_args(arguments)
    settings = settings_file.load()
    store = targets.current().store()
    store.location.read_on()
    source = store.current("hetero_graph", options.week)
    week = week_of(options.week, source.as_of)
    data = graph.load(source.path(GRAPH))
    laboratory, path = Laboratory(data, week, settings), targets.home() / f"ablation_{options.week}.csv"
    print(HEADER)
    seeds, channels = range(1, options.seeds + 1), None
    for variant in variants(settings):
        if channels is not None and options.only not in variant.name:
            continue
        started = time.monotonic()
        fits = [laboratory.measure(variant, seed) for seed in seeds]
        figures = pd.DataFrame([fit.figures() for fit in fits])
        keep(figures.assign(variant=variant.name, seed=seeds), path)
        channels = channels or fits
        changed = change(channels, fits), change_of_nll(channels, fits)
        print(f"{line(variant, figures, *changed)} {time.monotonic() - started:6.0f} s", flush=True)
    print(f"{'co-purchases as of four weeks later':<36}  {refusal(data, week, settings)}")
    print(f"every seed's figures: {path}")
    return 0


def change(channels: Sequence[Measured], variant: Sequence[Measured]) -> Lift:
    """Recall@K of a variant over that of the unchanged channels, each the mean of its seeds, paired by user."""
    before, after = (_mean_of_seeds("recall", fits) for fits in (channels, variant))
    return paired_lift(before, after, channels[0].per_user["user"].to_numpy())


def change_of_nll(channels: Sequence[Measured], variant: Sequence[Measured]) -> Difference:
    """NLL of a variant less that of the unchanged channels, each the mean of its seeds, paired by user; below zero is better."""
    before, after = (_mean_of_seeds("nll", fits) for fits in (channels, variant))
    known = ~np.isnan(before)
    return paired_difference(before[known], after[known], channels[0].per_user["user"].to_numpy()[known], level=0.05)


def _mean_of_seeds(metric: str, fits: Sequence[Measured]) -> Floats:
    mean: Floats = np.mean([fit.per_user[metric] for fit in fits], axis=0)
    return mean


HEADER = (
    f"{'':<34}  {f'Recall@{K}':<15}  {f'NDCG@{K}':<15}  {'NLL':<15}  {f'change of Recall@{K}':<33}  "
    f"{'change of NLL':<39}  users  towers earned a place"
)


def line(variant: Variant, figures: pd.DataFrame, changed: Lift, of_nll: Difference) -> str:
    """A row of the table: means over the seeds, with sample standard deviations where there are two, and the changes."""
    mean, spread = figures.mean(), figures.std(ddof=1)
    around = {name: f" ± {spread[name]:.4f}" if len(figures) > 1 else "" for name in ("recall", "ndcg", "nll")}
    measured = "  ".join(f"{f'{mean[name]:.4f}{words}':<15}" for name, words in around.items())
    recall = f"{changed.lift:+6.1%} ({changed.interval}) z {changed.z:+.1f}"
    nll = f"{of_nll.mean:+.4f} ({of_nll.low:+.4f} to {of_nll.high:+.4f}) z {of_nll.z:+.1f}"
    earned = f"{int((figures['earned_scale'] > 0).sum())} of {len(figures)}" if variant.has_towers else ""
    return f"{variant.name:<34}  {measured}  {recall:<33}  {nll:<39}  {changed.n_users:>5,}  {earned:<8}"


def keep(figures: pd.DataFrame, path: Path) -> None:
    """Put a variant's figures into the file in place of its earlier ones, at once: the next variant may be killed."""
    before = pd.read_csv(path) if path.exists() else figures.iloc[:0]
    others = before[~before["variant"].isin(figures["variant"])]
    pd.concat([others, figures]).to_csv(path, index=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

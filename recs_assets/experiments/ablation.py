"""What each component of the model is worth: ``python -m recs_assets.experiments.ablation --week 2011-08-29``.

One thing is changed at a time, the model is fitted again with several seeds, and Recall@10 and NDCG@10 are measured on the
week's evaluation weeks after the list rules, by the same functions as ``offline_metrics``. The seeds show how much a fit varies;
the 95% interval of the change of Recall@10 against the unchanged channels, paired by user, shows how much the users do. To choose
settings, name a week whose evaluation weeks are not those that the choice will be evaluated on.
"""

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch_geometric.data import HeteroData

from recs_assets import settings_file, targets
from recs_assets.asset_files import GRAPH
from recs_assets.gnn import graph
from recs_assets.gnn.candidates import part_attributes
from recs_assets.gnn.channels.evidence import channel_names
from recs_assets.gnn.channels.examples import Example, channel_scores
from recs_assets.gnn.checkpoints import Checkpoints
from recs_assets.gnn.snapshots import DAY_MICROSECONDS, LeakageError, microseconds, snapshot
from recs_assets.gnn.towers.examples import dot_products, tower_examples
from recs_assets.gnn.weekly_fit import SplitExamples, fit_examples, split_examples
from recs_assets.ranking import metrics
from recs_assets.ranking.arrays import Floats
from recs_assets.ranking.cutoff import K
from recs_assets.ranking.rules import apply_list_rules
from recs_assets.ranking.statistics import Lift, paired_lift
from recs_assets.settings import Settings
from recs_assets.steps.cohort import Cohort, cohort
from recs_assets.week_split import split_weeks
from recs_assets.weeks import Week, week_of

NEVER_DECAYS = 1e9
CHANGED_EXAMPLE = Callable[[Example], Example]


@dataclass(frozen=True)
class Variant:
    """One change: of settings, or of what the model is shown."""

    name: str
    changes: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    shown: CHANGED_EXAMPLE = lambda example: example
    has_towers: bool = False

    def settings(self, base: Settings, seed: int) -> Settings:
        """The settings with this change and another seed."""
        values = base.model_dump()
        if not self.has_towers:
            values["towers"]["encoder"] = "none"
        for section, keys in (*self.changes.items(), ("model", {"seed": seed})):
            values[section] |= keys
        return Settings.model_validate(values)


def variants(settings: Settings) -> Iterator[Variant]:
    """Every row of the table, in its order."""
    yield Variant("channels")
    for column, name in enumerate(channel_names(settings.model)):
        yield Variant(f"without {name}", shown=_without(column))
    yield Variant("gate constant", shown=lambda example: dataclasses.replace(example, state=np.zeros_like(example.state)))
    for name, factor in (("off", None), ("short (a quarter)", 0.25), ("long (four times)", 4.0)):
        yield Variant(f"decay of the paths {name}", {"model": _half_lives(settings, factor)})
    for encoder in ("gat", "mean"):
        yield Variant(f"towers: {encoder}", {"towers": {"encoder": encoder}}, has_towers=True)
    yield Variant("towers: gat, 2 hops", {"towers": {"encoder": "gat", "hops": 2}}, has_towers=True)
    for loss in ("bce", "bpr"):
        yield Variant(f"towers: loss {loss}", {"towers": {"loss": loss}}, has_towers=True)
    for kind in ("in_batch", "random", "fitment_hard"):
        shares = {"per_user": 200, "in_batch": 0, "random": 0, "fitment_hard": 0} | {kind: 1.0}
        yield Variant(f"towers: 200 negatives {kind}", {"towers": {"negatives": shares}}, has_towers=True)
    mixed = {"per_user": 200, "in_batch": 0.4, "random": 0.3, "fitment_hard": 0.3}
    yield Variant("towers: 200 negatives mixed", {"towers": {"negatives": mixed}}, has_towers=True)
    for name, days in (("off", None), ("short (14 days)", 14.0), ("long (365 days)", 365.0)):
        yield Variant(f"towers: decay {name}", {"towers": {"half_life_days": days}}, has_towers=True)
    for share in (0.0, 1.0):
        yield Variant(f"towers: id dropout {share:g}", {"towers": {"id_dropout": share}}, has_towers=True)


def _without(column: int) -> CHANGED_EXAMPLE:
    def shown(example: Example) -> Example:
        features = example.features.copy()
        features[:, column] = 0.0
        return dataclasses.replace(example, features=features)

    return shown


def _half_lives(settings: Settings, factor: float | None) -> dict[str, Any]:
    def changed(days: float) -> float:
        return days * factor if factor else NEVER_DECAYS

    model = settings.model
    return {
        "cosine_half_lives_days": tuple(changed(days) for days in model.cosine_half_lives_days),
        "walk_half_life_days": changed(model.walk_half_life_days),
        "history_half_life_days": changed(model.history_half_life_days),
    }


@dataclass(frozen=True)
class Measured:
    """Columns user, recall and ndcg, a row a user and evaluation week; and the scale that the towers earned."""

    per_user: pd.DataFrame
    earned_scale: float

    def figures(self) -> dict[str, float]:
        """The means over the rows, and the scale."""
        return {**self.per_user[["recall", "ndcg"]].mean(), "earned_scale": self.earned_scale}


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
        if fitted.towers is not None:
            scale, earned = fitted.towers.record()["tried_scale"], fitted.towers.residual.scale
            prepared = tower_examples(self.data, evaluation, fitted.channels.model, settings)
            dots = dot_products(fitted.towers.residual.towers, prepared)
            scores = [score + scale * dot for score, dot in zip(scores, dots, strict=True)]
        return Measured(self._per_user(evaluation, scores), earned)

    def _per_user(self, evaluation: Sequence[Example], scores: Sequence[Floats]) -> pd.DataFrame:
        parts = part_attributes(self.data)
        rows = []
        for example, people, values in zip(evaluation, self._cohorts, scores, strict=True):
            top = people.kept.of(values, example.candidates)
            ranked = apply_list_rules(top, parts, self.settings.rules)
            measured = metrics.per_user(ranked, people.held_out[self.settings.evaluation.relevance], [K])
            rows.append(measured.assign(user=people.users[measured.index]))
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
    return Example(
        moment=people.past.as_of,
        users=people.users,
        candidates=people.candidates,
        features=people.features,
        targets=np.zeros(people.candidates.nnz, dtype=np.float32),
        state=people.past.state[people.users].astype(np.float32),
    )


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
    print(f"{'':<36}  Recall@{K}         NDCG@{K}          change of Recall@{K}          users  towers earned a place")
    seeds, channels = range(1, options.seeds + 1), None
    for variant in variants(settings):
        if channels is not None and options.only not in variant.name:
            continue
        started = time.monotonic()
        fits = [laboratory.measure(variant, seed) for seed in seeds]
        figures = pd.DataFrame([fit.figures() for fit in fits])
        keep(figures.assign(variant=variant.name, seed=seeds), path)
        channels = channels or fits
        print(f"{line(variant, figures, change(channels, fits))} {time.monotonic() - started:6.0f} s", flush=True)
    print(f"{'co-purchases as of four weeks later':<36}  {refusal(data, week, settings)}")
    print(f"every seed's figures: {path}")
    return 0


def change(channels: Sequence[Measured], variant: Sequence[Measured]) -> Lift:
    """Recall@K of a variant over that of the unchanged channels, each the mean of its seeds, paired by user."""
    before, after = (np.mean([fit.per_user["recall"] for fit in fits], axis=0) for fits in (channels, variant))
    return paired_lift(before, after, channels[0].per_user["user"].to_numpy())


def line(variant: Variant, figures: pd.DataFrame, changed: Lift) -> str:
    """A row of the table: means over the seeds, with sample standard deviations where there are two, and the change."""
    mean, spread = figures.mean(), figures.std(ddof=1)
    around = {name: f" ± {spread[name]:.4f}" if len(figures) > 1 else "" for name in ("recall", "ndcg")}
    measured = "  ".join(f"{mean[name]:.4f}{words:<9}" for name, words in around.items())
    against = f"{changed.lift:+6.1%} ({changed.interval})"
    earned = f"{int((figures['earned_scale'] > 0).sum())} of {len(figures)}" if variant.has_towers else ""
    return f"{variant.name:<36}  {measured}  {against:<27}  {changed.n_users:>5,}  {earned:<8}"


def keep(figures: pd.DataFrame, path: Path) -> None:
    """Put a variant's figures into the file in place of its earlier ones, at once: the next variant may be killed."""
    before = pd.read_csv(path) if path.exists() else figures.iloc[:0]
    others = before[~before["variant"].isin(figures["variant"])]
    pd.concat([others, figures]).to_csv(path, index=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

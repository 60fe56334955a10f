"""Every system evaluated on held-out weeks, with alpha chosen on the weeks before them."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd
import pyarrow as pa
from torch_geometric.data import HeteroData

from recs_assets import heap
from recs_assets.gnn import graph
from recs_assets.gnn.candidates import part_attributes
from recs_assets.gnn.channels.gated_model import GatedChannels, load
from recs_assets.gnn.channels.optional import selected, with_selected
from recs_assets.gnn.snapshots import microseconds, snapshot
from recs_assets.gnn.towers import residual
from recs_assets.ranking import evaluation, slices
from recs_assets.ranking.arrays import Floats
from recs_assets.ranking.blend import choose_alpha
from recs_assets.resources.store.artifact import TableFile
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets.steps.cohort import Cohort, cohort, owners_of_primary
from recs_assets.steps.compared_systems import MODEL, SINGLE_CHANNEL, ComparedSystems, ScoringModel, baselines_of, model_lists
from recs_assets.steps.evaluate_week import evaluate_week
from recs_assets.steps.evaluated import Evaluated
from recs_assets.steps.kept_model import KeptModel
from recs_assets.steps.mail_relevance import MailRelevance
from recs_assets.steps.nodes import node_ids
from recs_assets.steps.pools import Pool, joined
from recs_assets.steps.sql_baseline import v5_17_lists

RELEVANCES = ("order", "any")
KEPT = "kept"
NO_REASONS = pd.DataFrame({"reason": []})
WEEKS_AT_ONCE = 2  # each with matrices of its own: more cores must not mean more memory

# Nor two queries at once, each of which may take `compute.memory_limit`.
_turn = Lock()


class NobodyToEvaluateError(ValueError):
    """Nobody has anything new and eligible in the weeks to evaluate on; the message names them."""


@dataclass(frozen=True)
class Evaluator:
    """What an evaluation needs: the graph, the exports that SQL reads, and the settings."""

    data: HeteroData
    warehouse: Warehouse
    exports: Mapping[str, Sequence[TableFile]]
    settings: Settings
    report: Callable[[str], None]

    def evaluate(
        self,
        *,
        model_file: Path,
        validation_file: Path,
        towers_file: Path | None,
        validation_weeks: Sequence[dt.datetime],
        evaluation_weeks: Sequence[dt.datetime],
        population_shares: Mapping[str, float],
        kept: KeptModel | None = None,
        by_mail: MailRelevance | None = None,
    ) -> Evaluated:
        """Choose alpha on the validation weeks, then compare all systems on the evaluation weeks.

        Args:
            model_file: weights fitted on every week before the evaluation weeks.
            validation_file: weights fitted on the weeks before the validation weeks.
            towers_file: towers fitted on the weeks before the validation weeks; ``None`` where there are none.
            validation_weeks: their first moments.
            evaluation_weeks: their first moments; nothing is chosen on them.
            population_shares: share of cold, warm and hot among all users, for the re-weighted rows.
            kept: what is served from an earlier week: the system ``kept``, of the evaluation weeks after it alone.
            by_mail: what the log of the mail says of the evaluation weeks, for three relevances more that choose nothing.

        Raises:
            NobodyToEvaluateError: there is nobody to evaluate in the validation or in the evaluation weeks.
        """
        settings = self.settings
        towers = residual.load(towers_file, settings) if towers_file else None
        validated, model = (load(file, settings.model) for file in (validation_file, model_file))

        def to_choose_by(people: Cohort) -> Pool:
            lists = model_lists(people, ScoringModel.of(people, validated, towers))
            return Pool({"sql": self._sql(people), "model": lists}, people.held_out, self._profiles(people), NO_REASONS)

        # What chooses may know nothing of the weeks that decide, not even what came back in them.
        relevances = (settings.evaluation.relevance,)
        earlier = self._pool(to_choose_by, validation_weeks, relevances, [validated], returns_known_at=evaluation_weeks[0])
        alpha, curve = self._alpha(earlier)
        del earlier
        self.report(f"alpha chosen on {len(validation_weeks)} validation weeks: {alpha}")

        def to_decide_by(people: Cohort) -> Pool:
            return self._evaluated_week(people, ScoringModel.of(people, model, towers), alpha, kept)

        models = [model] if kept is None else [model, kept.channels]
        pool = self._pool(to_decide_by, evaluation_weeks, RELEVANCES, models, by_mail=by_mail)
        results = self._with_kept_model(pool, evaluation_weeks[0], population_shares, kept)
        result = results[settings.evaluation.relevance]
        by_density = slices.by_vehicle_density(result.per_user[result.per_user["system"] != KEPT])
        return Evaluated(
            result.metrics,
            result.per_user,
            alpha,
            curve,
            evaluation.ceiling(pool.reasons),
            _by_relevance({relevance: result.metrics for relevance, result in results.items()}),
            _by_relevance({relevance: result.per_user for relevance, result in results.items()}),
            pd.concat([by_density, self._price_bands(pool)], ignore_index=True),
        )

    def _with_kept_model(
        self, pool: Pool, first: dt.datetime, population_shares: Mapping[str, float], kept: KeptModel | None
    ) -> dict[str, evaluation.EvaluationResult]:
        """As ``_evaluated``, with the kept model as a system more, of its later weeks alone; takes its lists off the pool."""
        of_kept = pool.lists.pop(KEPT, None)
        results = self._evaluated(pool.lists, pool, first, population_shares)
        if kept is None or of_kept is None:
            return results
        since = pool.of_weeks(kept.is_later)
        alone = self._evaluated({"sql": pool.lists["sql"], KEPT: of_kept}, since, first, population_shares)
        return {relevance: _with_kept(result, alone.get(relevance)) for relevance, result in results.items()}

    def _alpha(self, pool: Pool) -> tuple[dict[str, float], pd.DataFrame]:
        """The weight of SQL by stratum that the people of a pool ask for, and how any other would serve them."""
        return choose_alpha(
            pool.lists["sql"],
            pool.lists["model"],
            pool.held_out[self.settings.evaluation.relevance],
            profiles=pool.profiles,
            parts=part_attributes(self.data),
            rules=self.settings.rules,
            settings=self.settings.blend,
            kept=self.settings.candidates.kept,
        )

    def _evaluated(
        self, ranked: dict[str, pd.DataFrame], pool: Pool, first: dt.datetime, population_shares: Mapping[str, float]
    ) -> dict[str, evaluation.EvaluationResult]:
        """The figures by relevance: with orders alone held out, with every event, and by the mail where there is anything."""
        popularity, n_products = self._purchases(before=first), int(self.data["product"].is_eligible.sum())
        whole = {name: lists for name, lists in ranked.items() if not name.startswith(SINGLE_CHANNEL)}
        return {
            relevance: evaluation.evaluate(
                (ranked if relevance == self.settings.evaluation.relevance else whole) | {evaluation.CEILING: _ideal(held_out)},
                held_out,
                pool.profiles,
                self.settings.evaluation.ks,
                population_shares=population_shares,
                popularity=popularity,
                prices=np.asarray(self.data["product"].price, dtype=np.float64),
                n_products=n_products,
                slots=self.settings.rules.slots,
            )
            for relevance, held_out in pool.held_out.items()
            if relevance in RELEVANCES or len(held_out)
        }

    def _price_bands(self, pool: Pool) -> pd.DataFrame:
        options, product = self.settings.evaluation, self.data["product"]
        bands = slices.price_bands(product.price.numpy(), product.is_eligible.numpy())
        held_out = pool.held_out[options.relevance]
        return slices.by_price_band(
            pool.lists | {evaluation.CEILING: _ideal(held_out)}, held_out, pool.profiles, options.ks, bands
        )

    def _pool(
        self,
        of_week: Callable[[Cohort], Pool],
        weeks: Sequence[dt.datetime],
        relevances: Sequence[str],
        models: Sequence[GatedChannels],
        *,
        returns_known_at: dt.datetime | None = None,
        by_mail: MailRelevance | None = None,
    ) -> Pool:
        # What no model uses need not be worked out.
        names = {name for model in models for name in selected(model.settings)}
        settings = self.settings.model_copy(update={"model": with_selected(self.settings.model, names)})

        def pool_of(start: dt.datetime) -> Pool | None:
            heap.trim()  # what a week before held
            people = cohort(self.data, start, settings, relevances, returns_known_at=returns_known_at, by_mail=by_mail)
            counts = ", ".join(f"{frame['profile'].nunique()} ({relevance})" for relevance, frame in people.held_out.items())
            self.report(f"week of {start:%Y-%m-%d}: users with something new {counts}")
            return of_week(people) if len(people.users) else None

        with ThreadPoolExecutor(min(WEEKS_AT_ONCE, self.settings.compute.cores)) as executor:
            pools = [pool for pool in executor.map(pool_of, weeks) if pool is not None]
        if not pools:
            raise NobodyToEvaluateError(f"nobody bought anything new in the weeks {weeks[0]:%Y-%m-%d} to {weeks[-1]:%Y-%m-%d}")
        return joined(pools)

    def _evaluated_week(self, people: Cohort, model: ScoringModel, alpha: Mapping[str, float], kept: KeptModel | None) -> Pool:
        """All systems on one held-out week, with the kept model on the weeks after its own alone."""
        relevance, beside = self.settings.evaluation.relevance, {}
        alphas = {"blend": (MODEL, _alphas(people, alpha))}
        if kept is not None and kept.is_later(people.week):
            beside[KEPT] = ScoringModel.of(people, kept.channels, kept.towers)
            alphas[KEPT] = (KEPT, _alphas(people, kept.alpha))
        alone = np.unique(people.held_out[relevance]["profile"])
        systems = ComparedSystems(baselines_of(people), model, beside, alone)
        lists, held_out = evaluate_week(people, systems, self._sql(people), alphas)
        reasons = people.reasons(held_out[relevance]["is_candidate"].to_numpy())
        return Pool(lists, held_out, self._profiles(people), reasons)

    def _sql(self, people: Cohort) -> pd.DataFrame:
        with _turn:
            return v5_17_lists(people, self.warehouse, self.exports)

    def _profiles(self, people: Cohort) -> pd.DataFrame:
        ids = self._user_ids.take(pa.array(people.users)).to_pylist()
        density = slices.vehicle_densities(owners_of_primary(people, self.exports))[people.users]
        return pd.DataFrame({"user_id": ids, "week": people.week, "stratum": people.strata, "vehicle_density": density})

    @cached_property
    def _user_ids(self) -> pa.Array:
        return node_ids(self.exports, "user")

    def _purchases(self, before: dt.datetime) -> np.ndarray:
        past = snapshot(self.data, microseconds(before), self.settings.events)
        orders = past.log.where(past.log.event_type == graph.ORDER)
        return np.bincount(orders.product, minlength=past.n_products).astype(np.float64)


def _alphas(people: Cohort, alpha: Mapping[str, float]) -> Floats:
    """[people] the weight of SQL in a blend, given it by stratum."""
    return np.array([alpha[stratum] for stratum in people.strata], dtype=np.float64)


def _ideal(held_out: pd.DataFrame) -> pd.DataFrame:
    return evaluation.ideal_lists(held_out[held_out["is_candidate"]])


def _with_kept(result: evaluation.EvaluationResult, since: evaluation.EvaluationResult | None) -> evaluation.EvaluationResult:
    """The figures with those of the kept model, which are of fewer weeks; ``None``: there are none."""
    if since is None:
        return result
    joined = [
        pd.concat([table, of_kept[of_kept["system"] == KEPT]], ignore_index=True)
        for table, of_kept in ((result.metrics, since.metrics), (result.per_user, since.per_user))
    ]
    return evaluation.EvaluationResult(*joined)


def _by_relevance(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, names=["relevance"]).reset_index("relevance").reset_index(drop=True)

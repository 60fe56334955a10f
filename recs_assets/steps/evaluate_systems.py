"""Every system evaluated on held-out weeks, with alpha chosen on the weeks before them."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from torch_geometric.data import HeteroData

from recs_assets.gnn import graph
from recs_assets.gnn.candidates import part_attributes
from recs_assets.gnn.channels.gated_model import GatedChannels, load
from recs_assets.gnn.snapshots import microseconds, snapshot
from recs_assets.gnn.towers import residual
from recs_assets.gnn.towers.residual import Residual
from recs_assets.ranking import evaluation, slices
from recs_assets.ranking.blend import blend, choose_alpha
from recs_assets.ranking.rules import PartAttributes, apply_list_rules
from recs_assets.resources.store.artifact import TableFile
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets.steps import compared_systems
from recs_assets.steps.cohort import Cohort, cohort, owners_of_primary
from recs_assets.steps.evaluated import Evaluated
from recs_assets.steps.kept_model import KeptModel
from recs_assets.steps.mail_relevance import MailRelevance
from recs_assets.steps.nodes import node_ids
from recs_assets.steps.similar_parts import similarity_lists
from recs_assets.steps.sql_baseline import sql_lists

RELEVANCES = ("order", "any")
KEPT = "kept"
WEEKS_AT_ONCE = 2  # each with matrices and a DuckDB of its own: more cores must not mean more memory


class NobodyToEvaluateError(ValueError):
    """Nobody has anything new and eligible in the weeks to evaluate on; the message names them."""


@dataclass(frozen=True)
class Pool:
    """Several weeks' lists by system, held-out parts and ideal lists by relevance: a profile is one user in one week."""

    lists: dict[str, pd.DataFrame]
    held_out: dict[str, pd.DataFrame]
    ideal: dict[str, pd.DataFrame]
    reasons: pd.DataFrame
    profiles: pd.DataFrame


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
        validated, decided_from = load(validation_file, settings.model), evaluation_weeks[0]
        # What chooses may know nothing of the weeks that decide, not even what came back in them.
        earlier = self._pool(validation_weeks, validated, towers, everything=False, returns_known_at=decided_from)
        alpha, curve = self._alpha(earlier)
        self.report(f"alpha chosen on {len(validation_weeks)} validation weeks: {alpha}")
        pool = self._pool(evaluation_weeks, load(model_file, settings.model), towers, everything=True, kept=kept, by_mail=by_mail)
        alphas = np.asarray(pool.profiles["stratum"].map(alpha), dtype=np.float64)
        lists = pool.lists | {"blend": blend(pool.lists["sql"], pool.lists["model"], alphas, kept=settings.candidates.kept)}
        ranked = self._obeying(lists)
        of_kept = ranked.pop(KEPT, None)
        results = self._evaluated(ranked, pool, evaluation_weeks[0], population_shares)
        by_density = slices.by_vehicle_density(results[settings.evaluation.relevance].per_user)
        if kept is not None and of_kept is not None:
            since = _of_weeks(pool, kept.is_later)
            alone = self._evaluated({"sql": ranked["sql"], KEPT: of_kept}, since, evaluation_weeks[0], population_shares)
            results = {relevance: _with_kept(result, alone.get(relevance)) for relevance, result in results.items()}
        result = results[settings.evaluation.relevance]
        return Evaluated(
            result.metrics,
            result.per_user,
            alpha,
            curve,
            evaluation.ceiling(pool.reasons),
            _by_relevance({relevance: result.metrics for relevance, result in results.items()}),
            _by_relevance({relevance: result.per_user for relevance, result in results.items()}),
            pd.concat([by_density, self._price_bands(ranked, pool)], ignore_index=True),
        )

    def _alpha(self, pool: Pool) -> tuple[dict[str, float], pd.DataFrame]:
        """The weight of SQL by stratum that serves the people of a pool best, and how all others would."""
        return choose_alpha(
            pool.lists["sql"],
            pool.lists["model"],
            pool.held_out[self.settings.evaluation.relevance],
            strata=pool.profiles["stratum"],
            parts=self._parts,
            rules=self.settings.rules,
            settings=self.settings.blend,
            kept=self.settings.candidates.kept,
        )

    def _obeying(self, lists: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """The lists of every system under the rules."""
        with ThreadPoolExecutor(self.settings.compute.cores) as executor:
            obeying = executor.map(lambda listed: apply_list_rules(listed, self._parts, self.settings.rules), lists.values())
            return dict(zip(lists, obeying, strict=True))

    def _evaluated(
        self, ranked: dict[str, pd.DataFrame], pool: Pool, first: dt.datetime, population_shares: Mapping[str, float]
    ) -> dict[str, evaluation.EvaluationResult]:
        """The figures by relevance: with orders alone held out, with every event, and by the mail where there is anything."""
        popularity, n_products = self._purchases(before=first), int(self.data["product"].is_eligible.sum())
        whole = {name: lists for name, lists in ranked.items() if not name.startswith(compared_systems.SINGLE_CHANNEL)}
        return {
            relevance: evaluation.evaluate(
                (ranked if relevance == self.settings.evaluation.relevance else whole)
                | {evaluation.CEILING: pool.ideal[relevance]},
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

    def _price_bands(self, ranked: dict[str, pd.DataFrame], pool: Pool) -> pd.DataFrame:
        options, product = self.settings.evaluation, self.data["product"]
        bands = slices.price_bands(product.price.numpy(), product.is_eligible.numpy())
        held_out = pool.held_out[options.relevance]
        return slices.by_price_band(
            ranked | {evaluation.CEILING: pool.ideal[options.relevance]}, held_out, pool.profiles, options.ks, bands
        )

    def _pool(
        self,
        weeks: Sequence[dt.datetime],
        model: GatedChannels,
        towers: Residual | None,
        *,
        everything: bool,
        kept: KeptModel | None = None,
        returns_known_at: dt.datetime | None = None,
        by_mail: MailRelevance | None = None,
    ) -> Pool:
        relevances = RELEVANCES if everything else (self.settings.evaluation.relevance,)

        def pool_of(start: dt.datetime) -> Pool | None:
            people = cohort(self.data, start, self.settings, relevances, returns_known_at=returns_known_at, by_mail=by_mail)
            counts = ", ".join(f"{frame['profile'].nunique()} ({relevance})" for relevance, frame in people.held_out.items())
            self.report(f"week of {start:%Y-%m-%d}: users with something new {counts}")
            return self._of_week(people, model, towers, everything, kept) if len(people.users) else None

        pooled: list[Pool] = []
        offset = 0
        with ThreadPoolExecutor(min(WEEKS_AT_ONCE, self.settings.compute.cores)) as executor:
            for of_week in executor.map(pool_of, weeks):
                if of_week is not None:
                    pooled.append(_shifted(of_week, offset))
                    offset += len(of_week.profiles)
        if not pooled:
            raise NobodyToEvaluateError(f"nobody bought anything new in the weeks {weeks[0]:%Y-%m-%d} to {weeks[-1]:%Y-%m-%d}")
        return _joined(pooled)

    def _of_week(
        self, people: Cohort, model: GatedChannels, towers: Residual | None, everything: bool, kept: KeptModel | None
    ) -> Pool:
        sql = sql_lists(people, self.warehouse, self.exports)
        channels = compared_systems.model_lists(people, model)
        has_towers = towers is not None and towers.scale > 0
        lists = {"sql": sql, "model": compared_systems.model_lists(people, model, towers) if has_towers else channels}
        if everything:
            lists |= compared_systems.baseline_lists(people) | compared_systems.channel_lists(people, model)
            lists |= {"channels": channels, "similarity": similarity_lists(people, sql)}
        week = people.start.date().isoformat()
        if kept is not None and kept.is_later(week):
            lists[KEPT] = kept.lists(people, sql)
        ids = self._user_ids.take(pa.array(people.users)).to_pylist()
        density = slices.vehicle_densities(owners_of_primary(people, self.exports))[people.users]
        profiles = pd.DataFrame({"user_id": ids, "week": week, "stratum": people.strata, "vehicle_density": density})
        ideal = {name: evaluation.ideal_lists(frame, people.candidates) for name, frame in people.held_out.items()}
        return Pool(lists, people.held_out, ideal, people.reasons, profiles)

    @cached_property
    def _user_ids(self) -> pa.Array:
        return node_ids(self.exports, "user")

    @property
    def _parts(self) -> PartAttributes:
        return part_attributes(self.data)

    def _purchases(self, before: dt.datetime) -> np.ndarray:
        past = snapshot(self.data, microseconds(before), self.settings.events)
        orders = past.log.where(past.log.event_type == graph.ORDER)
        return np.bincount(orders.product, minlength=past.n_products).astype(np.float64)


def _shifted(pool: Pool, offset: int) -> Pool:
    def shift(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        return {name: frame.assign(profile=frame["profile"] + offset) for name, frame in frames.items()}

    return replace(pool, lists=shift(pool.lists), held_out=shift(pool.held_out), ideal=shift(pool.ideal))


def _joined(pools: Sequence[Pool]) -> Pool:
    # A kept model has lists in the newest weeks alone.
    def join(frames: Sequence[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
        return {name: pd.concat([frame[name] for frame in frames if name in frame], ignore_index=True) for name in frames[-1]}

    return Pool(
        lists=join([pool.lists for pool in pools]),
        held_out=join([pool.held_out for pool in pools]),
        ideal=join([pool.ideal for pool in pools]),
        reasons=pd.concat([pool.reasons for pool in pools], ignore_index=True),
        profiles=pd.concat([pool.profiles for pool in pools], ignore_index=True),
    )


def _of_weeks(pool: Pool, is_chosen: Callable[[str], bool]) -> Pool:
    """The same pool with nothing held out but in the chosen weeks."""
    profiles = pool.profiles[pool.profiles["week"].map(is_chosen)]

    def only(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        return {name: frame[frame["profile"].isin(profiles.index)] for name, frame in frames.items()}

    return replace(pool, held_out=only(pool.held_out), ideal=only(pool.ideal), profiles=profiles)


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

"""One person's list: the model's and SQL's best parts blended, then the list rules, part by part."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from recs_assets_tests.slow.world import Flags, Vector, World

Scores = Mapping[int, float]
Ranked = list[tuple[float, int]]


class Scoring(Protocol):
    """Something that scores every part for a person."""

    def scores(self, user: int) -> Vector:
        """[products] of one person."""


@dataclass(frozen=True)
class Listed:
    """One person's list, best first, and the blended score of every part that could have been in it."""

    products: list[str]
    scores: list[float]
    blended: Mapping[str, float]


@dataclass(frozen=True)
class Serving:
    """All that decides what is served.

    Attributes:
        model: the model's scores.
        sql: v5.17's.
        alpha: weight of SQL by stratum.
    """

    world: World
    model: Scoring
    sql: Scoring
    alpha: Mapping[str, float]

    def listed(self, user: int) -> Listed:
        """The list of one person."""
        world, allowed = self.world, self.world.candidates(user)
        by_sql, by_model = (kept(world, scoring.scores(user), allowed) for scoring in (self.sql, self.model))
        blended = blend(by_sql, by_model, self.alpha[world.stratum(user)], world.settings.candidates.kept)
        ranked = ruled(world, blended)
        return Listed(
            products=[world.products[product] for _, product in ranked],
            scores=[score for score, _ in ranked],
            blended={world.products[product]: score for product, score in blended.items()},
        )


def kept(world: World, scores: Vector, allowed: Flags) -> Scores:
    """The best allowed parts, ties to the smaller id; and a list's worth of what the caps leave of all, and of what fits."""
    rules, ranked = world.settings.rules, _in_order([(float(scores[part]), part) for part in np.flatnonzero(allowed).tolist()])
    fitting = [(score, part) for score, part in ranked if not world.universal[part]]
    wanted = {
        *ranked[: world.settings.candidates.kept],
        *_within_caps(world, ranked)[: rules.list_length + rules.slots],
        *_within_caps(world, fitting)[: rules.list_length],
    }
    return {part: score for score, part in ranked if (score, part) in wanted}


def blend(by_sql: Scores, by_model: Scores, alpha: float, n_kept: int) -> Scores:
    """alpha x SQL + (1 - alpha) x model, each list on its own scale from 0 to 1; a list without weight brings no parts."""
    sql = {} if alpha == 0 else _share_of_best(by_sql, power_of_two=alpha == 1)
    model = {} if alpha == 1 else _between_worst_and_best(by_model, n_kept)
    return {part: alpha * sql.get(part, 0.0) + (1 - alpha) * model.get(part, 0.0) for part in {*sql, *model}}


def _share_of_best(scores: Scores, *, power_of_two: bool) -> Scores:
    highest = max(scores.values(), default=0.0)
    if highest == 0:
        return dict(scores)
    # Alone, SQL's order must not change: dividing by a power of two is exact.
    unit = 2.0 ** math.frexp(highest)[1] if power_of_two else highest
    return {part: score / unit for part, score in scores.items()}


def _between_worst_and_best(scores: Scores, n_kept: int) -> Scores:
    if not scores:
        return {}
    for_their_score = list(scores.values())[:n_kept]
    worst, spread = min(for_their_score), max(for_their_score) - min(for_their_score)
    return {part: (score - worst) / spread if spread > 0 else 1.0 for part, score in scores.items()}


def ruled(world: World, scores: Scores) -> Ranked:
    """Scores and parts after the list rules, best first."""
    rules = world.settings.rules
    ranked = _in_order([(score, part) for part, score in scores.items()])
    if rules.max_universal is None:
        return _within_caps(world, ranked)[: rules.list_length]
    slots = min(rules.slots, rules.list_length)
    left, n_reserved = _within_caps(world, ranked), max(0, slots - rules.max_universal)
    if sum(not world.universal[part] for _, part in left) < n_reserved:
        reserved = _within_caps(world, [(score, part) for score, part in ranked if not world.universal[part]])[:n_reserved]
        left = _in_order(_within_caps(world, [*reserved, *(row for row in ranked if row not in reserved)]))
    return _room_for_fitting(world, left, slots, rules.max_universal)[: rules.list_length]


def _within_caps(world: World, ranked: Ranked) -> Ranked:
    """The first of each variant group, then the first few of each part type."""
    rules = world.settings.rules
    if rules.one_per_variant_group:
        ranked = _at_most(1, ranked, [world.labels["variant_group"][part] for _, part in ranked])
    if rules.max_per_part_type is not None:
        ranked = _at_most(rules.max_per_part_type, ranked, [world.labels["part_type"][part] for _, part in ranked])
    return ranked


def _in_order(ranked: Ranked) -> Ranked:
    return sorted(ranked, key=lambda row: (-row[0], row[1]))


def _at_most(limit: int, ranked: Ranked, labels: list[str | None]) -> Ranked:
    seen: dict[str, int] = {}
    left = []
    for row, label in zip(ranked, labels, strict=True):
        if label is not None:
            seen[label] = seen.get(label, 0) + 1
        if label is None or seen[label] <= limit:
            left.append(row)
    return left


def _room_for_fitting(world: World, ranked: Ranked, slots: int, max_universal: int) -> Ranked:
    """The slots take every fitting part and as many universal ones as there is room for; the others come right after."""
    n_fitting = sum(not world.universal[part] for _, part in ranked)
    room = max(max_universal, slots - n_fitting)
    first: Ranked = []
    passed_over: Ranked = []
    for score, part in ranked:
        if len(first) == slots:
            break
        n_universal = sum(bool(world.universal[other]) for _, other in first)
        (passed_over if world.universal[part] and n_universal >= room else first).append((score, part))
    rest = ranked[len(first) + len(passed_over) :]
    lowered = []
    below = first[-1][0] if first else 0.0
    for _, part in passed_over:
        below = math.nextafter(below, -math.inf)
        lowered.append((below, part))
    return _in_order(first + lowered + rest)

"""The model's score of every part for one person, each channel by its formula, all in float64."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recs_assets_tests.slow.world import Flags, Labels, Places, Vector, World

POPULARITY_FLOOR = 0.02


@dataclass(frozen=True)
class Edges:
    """Each person's strongest event with each part after decay: three arrays of one length."""

    user: Places
    product: Places
    weight: Vector


class Channels:
    """What the whole world says, and the weights of the approved model.

    Attributes:
        log_popularity: fast, middle and slow, [products] each.
    """

    def __init__(self, world: World, weights: Mapping[str, Any]) -> None:
        self.world = world
        self.weights = {name: np.asarray(values, dtype=np.float64) for name, values in weights.items()}
        model = world.settings.model
        self.log_popularity = [np.log(self._popularity(half_life)) for half_life in model.popularity_half_lives_days]
        self._slow_popularity = np.exp(self.log_popularity[-1])
        self._slowly_touched = self._touched(model.popularity_half_lives_days[-1])
        self._recently_touched = self._touched(model.history_half_life_days)
        self._walked = self._touched(model.walk_half_life_days)
        self._cosines = [self._touched(half_life) for half_life in model.cosine_half_lives_days]

    def scores(self, user: int) -> Vector:
        """[products] weights of the person's state times log evidence, summed over the channels."""
        weights, epsilon = self._gated_weights(self.world.state(user)), self.weights["epsilon"]
        logs = list(self.log_popularity)
        for path in self._paths(user):
            logs.append(np.log1p(path / epsilon[len(logs)]))
        logs += [self._owners_behaviour(user, labels) for labels in self._vehicle_labels()]
        assert len(logs) == len(weights)
        total = np.zeros(len(self.world.products))
        for weight, evidence in zip(weights, logs, strict=True):
            total += weight * evidence
        return total

    def _gated_weights(self, state: Vector) -> Vector:
        hidden = np.tanh(self.weights["gate.0.weight"] @ state + self.weights["gate.0.bias"])
        gated: Vector = self.weights["base"] + self.weights["gate.2.weight"] @ hidden + self.weights["gate.2.bias"]
        return gated

    def event_weights(self, half_life_days: float) -> Vector:
        """[events] what each counts by its kind, halved with every half-life of age."""
        worth = self.world.settings.events.model_dump()
        of_kind = np.array([worth[kind] for kind in self.world.events.kind], dtype=np.float64)
        decayed: Vector = of_kind * 0.5 ** (self.world.age_days() / half_life_days)
        return decayed

    def _popularity(self, half_life_days: float) -> Vector:
        n_products = len(self.world.products)
        counts = np.bincount(self.world.events.product, self.event_weights(half_life_days), n_products)
        floored = counts + POPULARITY_FLOOR * max(counts.mean(), np.finfo(float).tiny)
        share: Vector = floored / floored.sum()
        return share

    def _touched(self, half_life_days: float) -> Edges:
        strongest: dict[tuple[int, int], float] = {}
        events, weights = self.world.events, self.event_weights(half_life_days).tolist()
        for user, product, weight in zip(events.user.tolist(), events.product.tolist(), weights, strict=True):
            strongest[user, product] = max(weight, strongest.get((user, product), 0.0))
        pairs = np.array(list(strongest), dtype=np.int64).reshape(-1, 2)
        return Edges(pairs[:, 0].copy(), pairs[:, 1].copy(), np.array(list(strongest.values()), dtype=np.float64))

    def _paths(self, user: int) -> Iterator[Vector]:
        """[products] raw evidence of each path, in the order of the model's weights."""
        history = self._history(user)
        yield history
        for touched in self._cosines:
            yield self._cosine(history, touched)
        yield self._walk(history)
        for attribute in ("part_type", "brand", "variant_group"):
            yield self._shared(history, self.world.labels[attribute])
        garage = [(1.0, self.world.fits[vehicle]) for vehicle in self.world.garage(user)]
        yield self._fitting(garage)
        yield self._fitting([(history[fits].sum(), fits) for _, fits in garage])

    def _history(self, user: int) -> Vector:
        """The share of each part in what the person has touched."""
        history = np.zeros(len(self.world.products))
        own = self._recently_touched.user == user
        history[self._recently_touched.product[own]] = self._recently_touched.weight[own]
        total = history.sum()
        return history / total if total > 0 else history

    def _cosine(self, history: Vector, touched: Edges) -> Vector:
        """Sum over parts q of history: history(q) times sum over people of what they touched of q and of p, norms shrunken."""
        squares = np.bincount(touched.product, touched.weight**2, len(history))
        norm = np.sqrt(squares + self.world.settings.model.cosine_shrinkage)
        scaled = touched.weight / norm[touched.product]
        return self._two_steps(history, touched, scaled, scaled)

    def _walk(self, history: Vector) -> Vector:
        """Where a walk from the history ends after the steps part, person, part, each in proportion to the weights."""
        touched = self._walked
        of_product = np.bincount(touched.product, touched.weight, len(history))
        of_user = np.bincount(touched.user, touched.weight, len(self.world.users))
        to_user, to_product = touched.weight / of_product[touched.product], touched.weight / of_user[touched.user]
        return self._two_steps(history, touched, to_user, to_product)

    def _two_steps(self, history: Vector, touched: Edges, to_user: Vector, to_product: Vector) -> Vector:
        reached = np.bincount(touched.user, to_user * history[touched.product], len(self.world.users))
        ended: Vector = np.bincount(touched.product, to_product * reached[touched.user], len(history)).astype(np.float64)
        return ended

    def _shared(self, history: Vector, labels: Labels) -> Vector:
        """The history's share of each label, spread evenly over the parts that have it."""
        evidence = np.zeros(len(history))
        for label in {labels[product] for product in np.flatnonzero(history)} - {None}:
            members = labels == label
            evidence[members] = history[members].sum() / members.sum()
        return evidence

    def _fitting(self, vehicles: list[tuple[float, Flags]]) -> Vector:
        """Each vehicle's share spread evenly over the parts that fit it."""
        evidence = np.zeros(len(self.world.products))
        for share, fits in vehicles:
            if fits.any():
                evidence[fits] += share / fits.sum()
        return evidence

    def _vehicle_labels(self) -> list[Labels]:
        return [self.world.labels["vehicle_id"], models(self.world), self.world.labels["make"]]

    def _owners_behaviour(self, user: int, labels: Labels) -> Vector:
        """log(1 + what owners of the garage's vehicles, models or makes touched / (shrinkage times popularity))."""
        touched, behaviour = self._slowly_touched, np.zeros(len(self.world.products))
        for label in {labels[vehicle] for vehicle in self.world.garage(user)} - {None}:
            by_owner = np.isin(touched.user, owners(self.world, labels, label))
            behaviour += np.bincount(touched.product[by_owner], touched.weight[by_owner], len(behaviour))
        shrunken: Vector = np.log1p(behaviour / (self.world.settings.model.vehicle_shrinkage * self._slow_popularity))
        return shrunken


def models(world: World) -> Labels:
    """[vehicles] make and model together, ``None`` where either is unknown."""
    labels = np.empty(len(world.vehicles), dtype=object)
    for vehicle, (make, model) in enumerate(zip(world.labels["make"], world.labels["model"], strict=True)):
        labels[vehicle] = None if make is None or model is None else (make, model)
    return labels


def owners(world: World, labels: Labels, label: object) -> Places:
    """People who own a vehicle with that label."""
    vehicles = [vehicle for vehicle, own in enumerate(labels) if own == label]
    return np.unique(world.owner[np.isin(world.owned, vehicles)])

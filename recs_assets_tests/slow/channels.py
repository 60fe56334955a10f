"""The model's score of every part for one person, each channel by its formula, all in float64."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from recs_assets_tests.slow.world import Flags, Labels, Places, Vector, World

FLOOR = 0.02  # of the mean: what nobody touched has so much of it


@dataclass(frozen=True)
class Edges:
    """Each person's strongest event with each part after decay: three arrays of one length."""

    user: Places
    product: Places
    weight: Vector


class Channels:
    """What the whole world says, and the weights of the approved model.

    Attributes:
        log_popularity: fast, middle and slow, [products] each, as the towers see it: without what the model has learned.
        selected: the optional channels that the model uses.
    """

    def __init__(self, world: World, weights: Mapping[str, Any], selected: Collection[str] = ()) -> None:
        self.selected = selected
        self.world = world
        self.weights = {name: np.asarray(values, dtype=np.float64) for name, values in weights.items()}
        model = world.settings.model
        self.log_popularity = [np.log(self._popularity(half_life, FLOOR)) for half_life in model.popularity_half_lives_days]
        floors = zip(model.popularity_half_lives_days, np.exp(self.weights["log_floor"]), strict=True)
        self._shares = [np.log(self._popularity(half_life, floor)) for half_life, floor in floors]
        self._slow_popularity = np.exp(self.log_popularity[-1])
        self._slowly_touched = self._touched(model.popularity_half_lives_days[-1])
        self._recently_touched = self._touched(model.history_half_life_days)
        self._types = {label: number for number, label in enumerate(sorted({*world.labels["part_type"]} - {None}))}
        self._typed = self._types_touched(self._touched(model.owner_types_half_life_days))
        self._walked = self._touched(model.walk_half_life_days)
        self._cosines = [self._touched(half_life) for half_life in model.cosine_half_lives_days]

    def scores(self, user: int) -> Vector:
        """[products] weights of the person's state times log evidence, summed over the channels."""
        weights = self._gated_weights(self.world.state(user))
        logs = list(self._shares)
        for path, epsilon in zip(self._paths(user), self.weights["epsilon"], strict=True):
            logs.append(np.log1p(path / epsilon))
        logs += [self._owners_behaviour(user, labels) for labels in self._vehicle_labels()]
        logs += [self._owner_types(user), self._next_types(self._history(user))]
        optional = {"undecayed_walk": self.undecayed_walk, "ease": self.ease}
        logs += [of_user(user) for name, of_user in optional.items() if name in self.selected]
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

    def _popularity(self, half_life_days: float, floor: float) -> Vector:
        n_products = len(self.world.products)
        counts = np.bincount(self.world.events.product, self.event_weights(half_life_days), n_products)
        floored = counts + floor * max(counts.mean(), np.finfo(float).tiny)
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

    def undecayed_walk(self, user: int) -> Vector:
        """[products] log of how much more often a walk among all that people ever touched ends there than people come there."""
        ever, n_products = self._slowly_touched, len(self.world.products)
        own = ever.product[ever.user == user]
        if not len(own):
            return np.zeros(n_products)
        of_product, of_user = np.bincount(ever.product, minlength=n_products), np.bincount(ever.user)
        history = np.bincount(own, minlength=n_products) / len(own)
        ended = self._two_steps(history, ever, 1 / of_product[ever.product], 1 / of_user[ever.user])
        floored = of_product + FLOOR * of_product.mean()
        lift: Vector = np.log((ended / (floored / floored.sum()) + 0.3) / 1.3)
        return lift

    def ease(self, user: int) -> Vector:
        """[products] ten times the weights of EASE with lambda 200 from all parts that the person ever touched."""
        ever = self._slowly_touched
        own = np.isin(np.arange(len(self.world.products)), ever.product[ever.user == user])
        scores: Vector = 10 * own @ self._ease_weights
        return scores

    @cached_property
    def _ease_weights(self) -> Vector:
        """[products x products], zeros for all but the 4,000 that most people touched."""
        ever, n_products = self._slowly_touched, len(self.world.products)
        touched = np.zeros((len(self.world.users), n_products))
        touched[ever.user, ever.product] = 1.0
        known = np.argsort(-touched.sum(axis=0), kind="stable")[:4_000]
        inverse = np.linalg.inv(touched[:, known].T @ touched[:, known] + 200 * np.eye(len(known)))
        weights = np.zeros((n_products, n_products))
        weights[np.ix_(known, known)] = np.eye(len(known)) - inverse / np.diag(inverse)
        return weights

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

    def _of_types(self, products: Vector) -> Vector:
        """[types] sums of what each part has."""
        totals = np.zeros(len(self._types))
        for product in np.flatnonzero(products).tolist():
            label = self.world.labels["part_type"][product]
            if label is not None:
                totals[self._types[label]] += products[product]
        return totals

    def _types_touched(self, touched: Edges) -> dict[int, Vector]:
        """By person with events: [types] what they touched, over the root of all that they touched."""
        types = {}
        for user in np.unique(touched.user).tolist():
            own = touched.user == user
            products = np.bincount(touched.product[own], touched.weight[own], len(self.world.products))
            types[user] = self._of_types(products) / np.sqrt(products.sum())
        return types

    def _owner_types(self, user: int) -> Vector:
        """What owners of the garage's models took to, by type."""
        labels, taken = models(self.world), np.zeros(len(self._types))
        for label in {labels[vehicle] for vehicle in self.world.garage(user)} - {None}:
            for owner in owners(self.world, labels, label).tolist():
                taken += self._typed.get(owner, 0.0)
        return self._over_usual(taken, list(self._typed.values()), self.world.settings.model.owner_types_shrinkage)

    @cached_property
    def _histories(self) -> list[Vector]:
        """The types of everybody with events, as shares of the history."""
        return [self._of_types(self._history(user)) for user in self._typed]

    @cached_property
    def _type_steps(self) -> Vector:
        """[types x types] of the people who have a type, what types they have: each row a share."""
        together = sum((np.outer(person, person) for person in self._histories), start=np.zeros(2 * [len(self._types)]))
        totals = together.sum(axis=1, keepdims=True)
        steps: Vector = together / np.where(totals > 0, totals, 1.0)
        return steps

    def _next_types(self, history: Vector) -> Vector:
        """Where the types of the history lead by the types of the people who have them."""
        reached = self._of_types(history) @ self._type_steps
        return self._over_usual(reached, self._histories, self.world.settings.model.next_types_shrinkage)

    def _over_usual(self, amounts: Vector, everybody: list[Vector], shrinkage: float) -> Vector:
        """[products] log of the share of the part's type, shrunk towards the usual one, over the usual one."""
        usual = sum(everybody, start=np.zeros(len(amounts)))
        usual = usual + FLOOR * usual.mean()
        usual /= usual.sum()
        ratio = np.log((amounts + shrinkage * usual) / ((amounts.sum() + shrinkage) * usual))
        labels = self.world.labels["part_type"]
        return np.array([0.0 if label is None else ratio[self._types[label]] for label in labels])


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

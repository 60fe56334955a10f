"""The towers' vectors, one person or part at a time, neighbour by neighbour, all in float64."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

import numpy as np

from recs_assets_tests.slow.channels import Channels
from recs_assets_tests.slow.world import DAY, Vector, World

TITLE_WORDS = 8
NEGATIVE_SLOPE = 0.2
ATTENDED = {
    "user": (("history", "product"), ("garage", "vehicle")),
    "product": (("audience", "user"), ("fitted_vehicles", "vehicle"), ("bought_with", "product")),
    "vehicle": (("fitting_products", "product"), ("owners", "user")),
}


class Towers:
    """A trained pair of towers over a world.

    A node after n hops is a linear map of itself after n - 1, plus a message from its neighbours of each relation after
    n - 1, with ELU in between; after none it is its content.
    """

    def __init__(self, channels: Channels, weights: Mapping[str, Any], scales: Mapping[str, float]) -> None:
        self.world, self.channels, self.scales = channels.world, channels, scales
        self.weights = {name: np.asarray(values, dtype=np.float64) for name, values in weights.items()}
        self.settings = channels.world.settings.towers
        self.vector = cache(self._vector)
        self.content = {"product": self._product_content(), "vehicle": self._vehicle_content()}

    def scores(self, user: int) -> Vector:
        """[products] the channels' scores and the dot products times the scale of the person's stratum."""
        scale = self.scales[self.world.stratum(user)]
        total: Vector = self.channels.scores(user) + scale * (self.products @ self.user(user))
        return total

    def user(self, user: int) -> Vector:
        """[dimension] of one person."""
        vector: Vector = self.weights["user_out.weight"] @ elu(self.vector("user", user, self.settings.hops))
        return vector

    @cached_property
    def products(self) -> Vector:
        """[products x dimension] of all parts."""
        return np.stack([elu(self.vector("product", part, self.settings.hops)) for part in range(len(self.world.products))])

    def _vector(self, kind: str, row: int, hops: int) -> Vector:
        if hops == 0:
            return self.content[kind][row] if kind in self.content else self._linear("user_state", self.world.state(row))
        own, at = self._before(kind, row, hops), f"hops.{hops - 1}"
        total = self._linear(f"{at}.own.{kind}", own)
        for relation, source in ATTENDED[kind]:
            edges = self._edges[relation][row]
            heaviest = sorted(edges, key=lambda other: (-edges[other], other))[: self.settings.neighbours]
            if heaviest:
                sources = np.stack([self._before(source, other, hops) for other in heaviest])
                log_weights = np.log1p(np.array([edges[other] for other in heaviest]))
                total = total + self._message(f"{at}.heard.{relation}", own, sources, log_weights)
        return total

    def _before(self, kind: str, row: int, hops: int) -> Vector:
        vector = self.vector(kind, row, hops - 1)
        return elu(vector) if hops > 1 else vector

    def _linear(self, name: str, values: Vector) -> Vector:
        mapped: Vector = values @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return mapped

    def _message(self, name: str, own: Vector, sources: Vector, log_weights: Vector) -> Vector:
        """Graph attention (Velickovic et al. 2018) with the edge's weight in the logit; or a mean by log weight."""
        values = sources @ self.weights[f"{name}.source.weight"].T
        if self.settings.encoder == "mean":
            mean: Vector = (log_weights / log_weights.sum()) @ values
            return mean
        asked = self.weights[f"{name}.target.weight"] @ own
        heads = []
        for head, (of_source, of_target) in enumerate(
            zip(self.weights[f"{name}.source_weight"], self.weights[f"{name}.target_weight"], strict=True)
        ):
            part = slice(head * len(of_source), (head + 1) * len(of_source))
            logits = values[:, part] @ of_source + asked[part] @ of_target
            logits = logits + self.weights[f"{name}.edge_weight"][head] * log_weights
            logits = np.where(logits > 0, logits, NEGATIVE_SLOPE * logits)
            share = np.exp(logits - logits.max())
            heads.append(share / share.sum() @ values[:, part])
        return np.concatenate(heads)

    def _product_content(self) -> Vector:
        world = self.world
        columns = [np.log(world.price), world.universal.astype(float), world.eligible.astype(float)]
        columns += self.channels.log_popularity
        features = []
        for column in columns:
            spread = column.std()
            features.append((column - column.mean()) / (spread if spread > 0 else 1.0))
        content = self._linear("product_features", np.stack(features, axis=1))
        for part, name in enumerate(world.products):
            title = (world.labels["title"][part] or "").lower()
            words = [("word", word) for word in re.findall(r"[^\W_]+", title)[:TITLE_WORDS]]
            labels = [(label, world.labels[label][part]) for label in ("part_type", "brand")]
            content[part] += self._named([("product_id", name), *labels, *words])
        return content

    def _vehicle_content(self) -> Vector:
        content = np.zeros((len(self.world.vehicles), self.settings.dimension))
        for vehicle in range(len(content)):
            names = [(label, self.world.labels[label][vehicle]) for label in ("make", "model", "year")]
            content[vehicle] = self._named(names)
        return content

    def _named(self, names: list[tuple[str, object]]) -> Vector:
        """The embeddings of what a node is called, summed and divided by the root of their number."""
        known = [bucket(name, value, self.settings.hash_buckets) for name, value in names if value is not None]
        named: Vector = self.weights["names.weight"][known].sum(axis=0) / max(len(known), 1) ** 0.5
        return named

    @cached_property
    def _edges(self) -> dict[str, dict[int, dict[int, float]]]:
        """Of each relation: target, source, weight. An edge without weight is none."""
        world = self.world
        edges: dict[str, dict[int, dict[int, float]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(float)))
        sold, n_owners = np.zeros(len(world.products)), np.bincount(world.owned, minlength=len(world.vehicles))
        weights = self.channels.event_weights(self.settings.half_life_days or np.inf)
        for user, product, weight in zip(world.events.user.tolist(), world.events.product.tolist(), weights, strict=True):
            edges["history"][user][product] += weight
            edges["audience"][product][user] += weight
            sold[product] += weight
        active = set(world.events.user.tolist())
        for user, vehicle in zip(world.owner.tolist(), world.owned.tolist(), strict=True):
            edges["garage"][user][vehicle] = 1.0
            if user in active:
                edges["owners"][vehicle][user] = 1.0
        for vehicle, product in np.argwhere(world.fits).tolist():
            if n_owners[vehicle]:
                edges["fitted_vehicles"][product][vehicle] = float(n_owners[vehicle])
            if sold[product]:
                edges["fitting_products"][vehicle][product] = sold[product]
        for pair, weight in co_purchases(world, self.settings.half_life_days or np.inf).items():
            for one, other in (pair, pair[::-1]):
                edges["bought_with"][one][other] += weight
        return edges


def co_purchases(world: World, half_life_days: float) -> dict[tuple[int, int], float]:
    """People who bought both parts by the ends of past weeks, newer ones weighing more; pairs of too few people left out."""
    people: dict[tuple[int, int], float] = defaultdict(float)
    decayed: dict[tuple[int, int], float] = defaultdict(float)
    for one, other, week_end, n_users in world.pairs:
        if week_end <= world.as_of:
            people[one, other] += n_users
            age_days = (world.as_of - week_end) / DAY
            decayed[one, other] += n_users * 0.5 ** (age_days / half_life_days)
    return {pair: weight for pair, weight in decayed.items() if people[pair] >= world.settings.co_purchase.min_users}


def bucket(name: str, value: object, buckets: int) -> int:
    """The row of a name's embedding: 63 bits of its hash, by the number of rows."""
    digest = hashlib.blake2b(f"{name}={value}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 1) % buckets


def elu(values: Vector) -> Vector:
    """The values, negative ones bent towards -1."""
    return np.where(values > 0, values, np.expm1(np.minimum(values, 0)))

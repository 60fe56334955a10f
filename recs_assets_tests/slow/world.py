"""One week's exports as plain arrays: a person, part or vehicle is its place among the sorted ids."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recs_assets.settings import RulesSettings, Settings

Vector = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.object_]

EXPORTS = (
    "user_nodes",
    "vehicle_nodes",
    "product_nodes",
    "fits_edges",
    "owns_edges",
    "interaction_edges",
    "co_purchase_edges",
)
DAY = 86_400_000_000  # microseconds
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Events:
    """Who touched what, how and when: four arrays of one length."""

    user: Places
    product: Places
    kind: npt.NDArray[np.str_]
    time: Places


@dataclass(frozen=True)
class World:
    """Everything that is known at ``as_of``, in microseconds since 1970.

    Attributes:
        users, products, vehicles: ids, sorted.
        events: those before ``as_of``, but for what was returned before it.
        other_orders: orders that are no events, but bought all the same.
        owner, owned: one entry per person and vehicle of theirs, known before ``as_of``.
        fits: [vehicles x products] whether the part fits.
        labels: ``part_type``, ``brand``, ``variant_group`` and ``title`` of each product, ``vehicle_id``, ``make``, ``model``
            and ``year`` of each vehicle, ``None`` where unknown.
        price: [products].
        universal, eligible: [products].
        pairs: part, other part, end of the week, people who bought both in it.
    """

    settings: Settings
    as_of: int
    users: list[str]
    products: list[str]
    vehicles: list[str]
    events: Events
    other_orders: Events
    owner: Places
    owned: Places
    fits: npt.NDArray[np.bool_]
    labels: Mapping[str, Labels]
    price: Vector
    universal: Flags
    eligible: Flags
    pairs: list[tuple[int, int, int, int]]

    def garage(self, user: int) -> list[int]:
        """The vehicles of a person."""
        return sorted(set(self.owned[self.owner == user].tolist()))

    def age_days(self) -> Vector:
        """[events] age in days."""
        return (self.as_of - self.events.time) / DAY

    def state(self, user: int) -> Vector:
        """log(1 + events), whether there are none, log(1 + days since the last one)."""
        times = self.events.time[self.events.user == user]
        idle_days = (self.as_of - times.max()) / DAY if len(times) else 0.0
        return np.array([np.log1p(len(times)), float(len(times) == 0), np.log1p(idle_days)])

    def stratum(self, user: int) -> str:
        """cold, warm or hot."""
        n_events = int((self.events.user == user).sum())
        if n_events == 0:
            return "cold"
        return "hot" if n_events >= self.settings.strata.hot_min_events else "warm"

    def candidates(self, user: int) -> Flags:
        """[products] whether the person may be shown the part."""
        allowed = self.eligible.copy()
        if self.settings.candidates.require_fitment and self.fits.any():
            suitable = self.universal.copy()
            for vehicle in self.garage(user):
                suitable |= self.fits[vehicle]
            allowed &= suitable
        for product in self._bought(user):
            allowed[product] = False
            group = self.labels["variant_group"][product]
            if self.settings.rules.exclude_bought_variants and group is not None:
                allowed[self.labels["variant_group"] == group] = False
        return allowed

    def _bought(self, user: int) -> list[int]:
        days = self.settings.rules.exclude_bought_days
        if days is None:
            return []
        bought: set[int] = set()
        for events in (self.events, self.other_orders):
            ordered = (events.user == user) & (events.kind == "order") & (events.time >= self.as_of - days * DAY)
            bought |= set(events.product[ordered].tolist())
        return sorted(bought)


def read(tables: Mapping[str, pa.Table], as_of: dt.datetime, settings: Settings) -> World:
    """The world that the tables of ``EXPORTS`` and ``other_orders`` describe."""
    moment = _microseconds(as_of)
    users = sorted(tables["user_nodes"]["user_id"].to_pylist())
    parts = sorted(tables["product_nodes"].to_pylist(), key=lambda part: part["product_id"])
    vehicles = sorted(tables["vehicle_nodes"].to_pylist(), key=lambda vehicle: vehicle["vehicle_id"])
    place = {
        "user": {user: number for number, user in enumerate(users)},
        "product": {part["product_id"]: number for number, part in enumerate(parts)},
        "vehicle": {vehicle["vehicle_id"]: number for number, vehicle in enumerate(vehicles)},
    }
    fits = np.zeros((len(vehicles), len(parts)), dtype=bool)
    for edge in tables["fits_edges"].to_pylist():
        fits[place["vehicle"][edge["vehicle_id"]], place["product"][edge["product_id"]]] = True
    has_images = any(part["image_url"] is not None for part in parts)
    owner, owned = _ownership(tables["owns_edges"], place, moment)
    return World(
        settings=settings,
        as_of=moment,
        users=users,
        products=[part["product_id"] for part in parts],
        vehicles=[vehicle["vehicle_id"] for vehicle in vehicles],
        events=_events(tables["interaction_edges"], place, moment),
        other_orders=_events(
            tables["other_orders"].append_column("event_type", pa.array(["order"] * len(tables["other_orders"]))), place, moment
        ),
        owner=owner,
        owned=owned,
        fits=fits,
        labels={
            **{name: _column(parts, name) for name in ("part_type", "brand", "variant_group", "title")},
            **{name: _column(vehicles, name) for name in ("vehicle_id", "make", "model", "year")},
        },
        price=np.array([part["price"] for part in parts], dtype=np.float64),
        universal=np.array([part["is_universal"] is True for part in parts]),
        eligible=np.array([_eligible(part, settings.rules, has_images) for part in parts]),
        pairs=_pairs(tables["co_purchase_edges"], place, as_of),
    )


def _microseconds(moment: dt.datetime) -> int:
    return (moment - EPOCH) // dt.timedelta(microseconds=1)


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> Labels:
    column = np.empty(len(rows), dtype=object)
    column[:] = [row[name] for row in rows]
    return column


def _eligible(part: Mapping[str, Any], rules: RulesSettings, has_images: bool) -> bool:
    if part["is_withdrawn"]:
        return False
    if rules.min_price is not None and not part["price"] >= rules.min_price:
        return False
    if rules.available_only and part["is_available"] is False:
        return False
    if rules.exclude_refurbished and part["is_refurbished"]:
        return False
    excluded = {name.strip().casefold() for name in rules.excluded_part_types or ()}
    if (part["part_type"] or "").strip().casefold() in excluded:
        return False
    return not (rules.https_image and has_images and not (part["image_url"] or "").startswith("https://"))


def _events(table: pa.Table, place: Mapping[str, Mapping[str, int]], as_of: int) -> Events:
    time = table["event_ts"].cast(pa.int64()).to_numpy()
    user = np.array([place["user"][name] for name in table["user_id"].to_pylist()], dtype=np.int64)
    product = np.array([place["product"][name] for name in table["product_id"].to_pylist()], dtype=np.int64)
    kind = np.array(table["event_type"].to_pylist(), dtype=str)
    returned = table["returned_at"].cast(pa.int64()).fill_null(as_of).to_numpy()
    known = (time < as_of) & (returned >= as_of)
    return Events(user[known], product[known], kind[known], time[known])


def _ownership(table: pa.Table, place: Mapping[str, Mapping[str, int]], as_of: int) -> tuple[Places, Places]:
    known = {
        (place["user"][edge["user_id"]], place["vehicle"][edge["vehicle_id"]])
        for edge in table.to_pylist()
        if edge["added_at"] is None or _microseconds(edge["added_at"]) < as_of
    }
    pairs = np.array(sorted(known), dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def _pairs(table: pa.Table, place: Mapping[str, Mapping[str, int]], as_of: dt.datetime) -> list[tuple[int, int, int, int]]:
    week = 7 * DAY
    edges = []
    for edge in table.to_pylist():
        if edge["returned_at"] is not None and edge["returned_at"] < as_of:
            continue
        monday = dt.datetime.combine(edge["week"], dt.time(), dt.UTC)
        one, other = place["product"][edge["product_id_a"]], place["product"][edge["product_id_b"]]
        edges.append((one, other, _microseconds(monday) + week, edge["n_users"]))
    return edges

"""Five users, four vehicles and five parts: a store so small that every number that comes out of it can be worked out by hand.

Vehicles: v1 and v2 are Ford Mustangs, v3 is a Ford Bronco, v4 a Chevrolet of unknown model.
Owners as of ``AS_OF``: u1 has v1 and v2, u2 has v2, u3 has v3, u4 has v1, u5 has none.

    part  type    brand  variants  fits     other
    p1    Brakes  Acme   g1        v1
    p2    Brakes  Bolt             v1, v2
    p3    Wheels  Acme             v2, v3
    p4    Wheels  -                         universal
    p5    -       Bolt   g1        v4       not eligible
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import yaml
from torch_geometric.data import HeteroData

from recs_assets.gnn import graph
from recs_assets.gnn.channels.examples import Example, channel_examples
from recs_assets.gnn.snapshots import Snapshot, microseconds, snapshot
from recs_assets.settings import Settings
from recs_assets.settings_file import PACKAGED

AS_OF = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
USERS = ("u1", "u2", "u3", "u4", "u5")
VEHICLES = ("v1", "v2", "v3", "v4")
PRODUCTS = ("p1", "p2", "p3", "p4", "p5")

# user, product, event, days before AS_OF: 0 is AS_OF itself, less than 0 is after it.
Event = tuple[str, str, str, float]
PAST: tuple[Event, ...] = (
    ("u1", "p1", "view", 20),
    ("u1", "p2", "order", 20),
    ("u1", "p2", "view", 40),
    ("u2", "p2", "order", 20),
    ("u2", "p3", "order", 40),
    ("u3", "p3", "view", 20),
)
FUTURE: tuple[Event, ...] = (
    ("u4", "p1", "order", 0),
    ("u1", "p2", "order", -1),
    ("u1", "p4", "view", -2),
    ("u3", "p2", "order", -6),
    ("u3", "p2", "cart", -6.5),
    ("u2", "p1", "order", -7),
)

# user, vehicle, days before AS_OF that it was added, or None where nobody knows.
Ownership = tuple[str, str, float | None]
OWNED: tuple[Ownership, ...] = (("u1", "v1", None), ("u1", "v2", 100), ("u2", "v2", 30), ("u3", "v3", None), ("u4", "v1", 1))
OWNED_LATER: tuple[Ownership, ...] = (("u5", "v4", 0), ("u2", "v1", -3))


def settings(**changes: dict[str, Any]) -> Settings:
    """The packaged settings with half-lives and weights that make for round numbers, and ``changes`` by section."""
    values = yaml.safe_load(PACKAGED.read_text())
    values["events"] = {"view": 1, "cart": 2, "order": 3}
    values["model"] |= {
        "popularity_half_lives_days": [5, 10, 20],
        "cosine_half_lives_days": [20, 10],
        "walk_half_life_days": 10,
        "history_half_life_days": 20,
        "cosine_shrinkage": 1.75,
        "vehicle_shrinkage": 5.1,
        "owner_types_half_life_days": 20,
        "owner_types_shrinkage": 2,
        "next_types_shrinkage": 0.5,
        "steps": 60,
    }
    for section, keys in changes.items():
        values[section] |= keys
    return Settings.model_validate(values)


MOMENT = pa.timestamp("us", "UTC")
OTHER_ORDERS = pa.schema([("user_id", pa.string()), ("product_id", pa.string()), ("event_ts", MOMENT), ("returned_at", MOMENT)])


def tables(
    events: Sequence[Event] = PAST + FUTURE,
    owned: Sequence[Ownership] = OWNED + OWNED_LATER,
    returned: Mapping[str, dt.datetime] | None = None,
) -> dict[str, pa.Table]:
    """The week's exports of this store; ``returned``: when what was returned, by the id of the event, e0, e1, ..."""
    returned = returned or {}
    user, product, event_type, age = zip(*events, strict=True)
    owner, vehicle, added = zip(*owned, strict=True)
    moments = pa.array([days_ago(days) for days in age], pa.timestamp("us", "UTC"))
    added_at = pa.array([None if days is None else days_ago(days) for days in added], pa.timestamp("us", "UTC"))
    event_ids = [f"e{number}" for number in range(len(events))]
    return {
        "user_nodes": pa.table({"user_id": USERS}),
        "vehicle_nodes": pa.table(
            {
                "vehicle_id": VEHICLES,
                "make": ["Ford", "Ford", "Ford", "Chevrolet"],
                "model": ["Mustang", "Mustang", "Bronco", None],
            }
        ),
        "product_nodes": pa.table(
            {
                "product_id": PRODUCTS,
                "part_type": ["Brakes", "Brakes", "Wheels", "Wheels", None],
                "brand": ["Acme", "Bolt", "Acme", None, "Bolt"],
                "variant_group": ["g1", None, None, None, "g1"],
                "is_universal": [False, False, None, True, False],
                "price": [50.0, 60.5, 75.0, 99.99, 12.0],
                "ineligible_reason": [None, None, None, None, "below the minimum price"],
                "created_at": pa.array([None] * 5, pa.timestamp("us", tz="UTC")),
            }
        ),
        "fits_edges": pa.table(
            {"product_id": ["p1", "p2", "p2", "p3", "p3", "p5"], "vehicle_id": ["v1", "v1", "v2", "v2", "v3", "v4"]}
        ),
        "owns_edges": pa.table({"user_id": owner, "vehicle_id": vehicle, "added_at": added_at}),
        "interaction_edges": pa.table(
            {
                "event_id": event_ids,
                "user_id": user,
                "product_id": product,
                "event_type": event_type,
                "event_ts": moments,
                "returned_at": pa.array([returned.get(event) for event in event_ids], MOMENT),
            }
        ),
        "other_orders": OTHER_ORDERS.empty_table(),
        "co_purchase_edges": pa.table(
            {"product_id_a": ["p2"], "product_id_b": ["p3"], "week": [dt.date(2026, 2, 9)], "n_users": [2]}
            | {"returned_at": pa.nulls(1, MOMENT)}
        ),
    }


def world(events: Sequence[Event] = PAST + FUTURE, owned: Sequence[Ownership] = OWNED + OWNED_LATER) -> HeteroData:
    """The graph of ``tables``."""
    return graph.build(tables(events, owned))


def past_of(data: HeteroData) -> Snapshot:
    """The graph as of ``AS_OF``."""
    return snapshot(data, microseconds(AS_OF), settings().events)


def example() -> Example:
    """The only snapshot of ``world`` that anybody can be learned from: u4, who ordered p1."""
    (only,) = channel_examples(world(), [microseconds(AS_OF)], settings())
    return only


def days_ago(days: float) -> dt.datetime:
    """So many days before ``AS_OF``."""
    return AS_OF - dt.timedelta(days=days)

"""From the columns of the planted world to the source tables of the contract."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recs_assets.demo.browsing import EVENT_TYPES, ORDER, Interactions
from recs_assets.demo.catalogue import HOLLEY, MSD, Fitment, Parts
from recs_assets.demo.demand import Demand
from recs_assets.demo.part_types import BRANDS, VARIANT_FINISHES
from recs_assets.demo.people import People
from recs_assets.demo.presets import Preset
from recs_assets.demo.timeline import DAY, WEEK, start, stream
from recs_assets.demo.vehicles import Vehicles

TIMESTAMP = pa.timestamp("us", tz="UTC")

SARAH_ID = "sarah"
HOLLEY_ID, MSD_ID = "HOLLEY-0-80508S", "MSD-8529"
SARAH_TITLES = {
    HOLLEY: "Holley 0-80508S 750 CFM Street Carburetor, Vacuum Secondaries",
    MSD: "MSD 8529 Pro-Billet Distributor",
}


def numbered(prefix: str, numbers: NDArray[np.int64], digits: int) -> pa.Array:
    """Ids such as ``user000123``: prefix and zero-padded number."""
    text = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), digits, "0")
    return pc.binary_join_element_wise(pa.scalar(prefix), text, "")


def timestamps(microseconds: NDArray[np.int64]) -> pa.Array:
    """UTC timestamps from microseconds since 1970."""
    return pa.array(microseconds, pa.int64()).cast(TIMESTAMP)


def user_ids(n_users: int) -> pa.Array:
    """user_id by row."""
    return pa.concat_arrays([pa.array([SARAH_ID]), numbered("user", np.arange(1, n_users), 6)])


def users_table(people: People) -> pa.Table:
    """The source table ``users``; row by row as in ``people``."""
    ids = user_ids(people.created_at.size)
    return pa.table(
        {
            "user_id": ids,
            "email": pc.binary_join_element_wise(ids, pa.scalar("@example.com"), ""),
            "created_at": timestamps(people.created_at),
            "email_consent": pa.array(people.consent),
        }
    )


def ownership_table(people: People, vehicles: Vehicles, seed: int) -> pa.Table:
    """The source table ``ownership``."""
    rng = stream(seed, "ownership")
    user = np.repeat(np.arange(people.created_at.size), np.diff(people.garage_start))
    slot = np.arange(user.size) - people.garage_start[user] + 1
    return pa.table(
        {
            "user_id": user_ids(people.created_at.size).take(pa.array(user)),
            "vehicle_id": pa.array(vehicles.ids, pa.string()).take(pa.array(people.garage)),
            "slot": pa.array(slot, pa.int64()),
            "added_at": timestamps(people.created_at[user] + rng.integers(DAY, size=user.size)),
        }
    )


def product_ids(parts: Parts) -> list[str]:
    """product_id by row: brand and design number, and a letter for the further SKUs of a variant group."""
    first = np.searchsorted(parts.design, parts.design)
    letter = np.arange(parts.design.size) - first
    names = [brand.upper().replace(" ", "").replace(".", "") for brand in BRANDS]
    rows = zip(parts.brand.tolist(), parts.design.tolist(), letter.tolist(), strict=True)
    ids = [f"{names[brand]}-{10_000 + design}{'ABCD'[letter]}" for brand, design, letter in rows]
    ids[HOLLEY], ids[MSD] = HOLLEY_ID, MSD_ID
    return ids


def products_table(preset: Preset, parts: Parts, demand: Demand, seed: int) -> pa.Table:
    """The source table ``products``."""
    rng = stream(seed, "products")
    ids = product_ids(parts)
    world_start = start(preset.weeks)
    old = world_start - rng.integers(WEEK, 8 * 365 * DAY, parts.price.size)
    created_at = np.where(demand.launch >= 0, world_start + demand.launch * WEEK, old)
    has_variants = np.bincount(parts.design)[parts.design] > 1
    return pa.table(
        {
            "product_id": pa.array(ids, pa.string()),
            "part_type": pa.array(parts.part_type.tolist(), pa.string()),
            "price": pa.array(parts.price, pa.float64()),
            "brand": pa.array([BRANDS[b] for b in parts.brand], pa.string()),
            "title": pa.array(_titles(parts, has_variants), pa.string()),
            "image_url": pa.array(_images(ids, parts.image), pa.string()),
            "variant_group": pa.array(
                [f"G{d:05d}" if several else None for d, several in zip(parts.design.tolist(), has_variants, strict=True)],
                pa.string(),
            ),
            "is_refurbished": pa.array(parts.refurbished),
            "is_universal": pa.array(parts.universal),
            "created_at": timestamps(created_at),
        }
    )


def _titles(parts: Parts, has_variants: NDArray[np.bool_]) -> list[str]:
    letter = np.arange(parts.design.size) - np.searchsorted(parts.design, parts.design)
    titles = []
    for row in range(parts.design.size):
        title = f"{BRANDS[parts.brand[row]]} {10_000 + parts.design[row]} {parts.part_type[row]}"
        titles.append(f"{title}, {VARIANT_FINISHES[letter[row]]}" if has_variants[row] else title)
    for row, title in SARAH_TITLES.items():
        titles[row] = title
    return titles


def _images(ids: Sequence[str], image: NDArray[np.int64]) -> list[str | None]:
    schemes = (None, "http", "https")
    return [
        None if schemes[code] is None else f"{schemes[code]}://images.example.com/{product}.jpg"
        for product, code in zip(ids, image.tolist(), strict=True)
    ]


def fitment_table(parts: Parts, fitment: Fitment, vehicles: Vehicles) -> pa.Table:
    """The source table ``fitment``."""
    return pa.table(
        {
            "product_id": pa.array(product_ids(parts), pa.string()).take(pa.array(fitment.part)),
            "vehicle_id": pa.array(vehicles.ids, pa.string()).take(pa.array(fitment.vehicle)),
        }
    )


def events_table(interactions: Interactions, n_users: int, parts: Parts, seed: int) -> pa.Table:
    """The source table ``events``, in the order of time; ids count in that order."""
    rng = stream(seed, "events")
    order = np.argsort(interactions.at, kind="stable")
    kind, number = interactions.kind[order], interactions.order[order]
    quantity = np.where(parts.consumable[interactions.part[order]], rng.integers(1, 5, order.size), 1)
    order_id = numbered("order", np.maximum(number, 0), 7)
    return pa.table(
        {
            "event_id": numbered("e", np.arange(order.size), 8),
            "user_id": user_ids(n_users).take(pa.array(interactions.user[order])),
            "product_id": pa.array(product_ids(parts), pa.string()).take(pa.array(interactions.part[order])),
            "event_type": pa.array(EVENT_TYPES, pa.string()).take(pa.array(kind)),
            "event_ts": timestamps(interactions.at[order]),
            "order_id": pc.if_else(pa.array(kind == ORDER), order_id, pa.scalar(None, pa.string())),
            "quantity": pa.array(quantity, pa.int64(), mask=kind != ORDER),
        }
    )

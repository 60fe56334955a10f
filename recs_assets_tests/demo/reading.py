"""Reads a world's folder the way the contract says, with nothing of the code under test."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

END = pd.Timestamp("2026-10-05", tz="UTC")
COMMODITIES = {"Fluids", "Hardware", "Shop Supplies"}
EXCLUDED_TYPES = COMMODITIES | {"Gift Cards", "Shipping Protection", "Core Charges", "Installation Services"}


@dataclass(frozen=True)
class Source:
    """The tables of one world as they were written (``raw``) and what the contract leaves of them."""

    folder: Path
    raw: dict[str, pd.DataFrame]
    users: pd.DataFrame
    vehicles: pd.DataFrame
    ownership: pd.DataFrame
    products: pd.DataFrame
    fitment: pd.DataFrame
    events: pd.DataFrame

    @property
    def orders(self) -> pd.DataFrame:
        """Order events of the complete weeks, with the columns of the part."""
        orders = self.events[(self.events.event_type == "order") & (self.events.event_ts < END)]
        return orders.merge(self.products.drop(columns="created_at"), on="product_id")

    @property
    def eligible(self) -> pd.DataFrame:
        """Products that the rules of the contract allow."""
        image = self.products.image_url.fillna("").str.startswith("https://")
        dear = self.products.price >= 50
        ordinary = ~self.products.is_refurbished & ~self.products.part_type.isin(EXCLUDED_TYPES)
        return self.products[image & dear & ordinary]


def read(folder: Path) -> Source:
    """All tables of a folder, raw and clean."""
    names = ("users", "vehicles", "ownership", "products", "fitment", "events", "email_events")
    raw = {name: pd.read_parquet(folder / f"{name}.parquet") for name in names}
    users = _newest(raw["users"], "user_id")
    products = _newest(raw["products"], "product_id")
    products = products[np.isfinite(products.price) & (products.price > 0)]
    vehicles = raw["vehicles"][raw["vehicles"].vehicle_id != ""].drop_duplicates("vehicle_id")
    ownership = raw["ownership"].drop_duplicates()
    ownership = ownership[ownership.user_id.isin(users.user_id) & ownership.vehicle_id.isin(vehicles.vehicle_id)]
    fitment = raw["fitment"].drop_duplicates()
    fitment = fitment[fitment.product_id.isin(products.product_id) & fitment.vehicle_id.isin(vehicles.vehicle_id)]
    events = raw["events"].drop_duplicates("event_id")
    events = events[
        (events.event_id != "")
        & events.user_id.isin(users.user_id)
        & events.product_id.isin(products.product_id)
        & events.event_type.isin(["view", "cart", "order"])
        & events.event_ts.between(pd.Timestamp("2000-01-01", tz="UTC"), pd.Timestamp("2027-01-01", tz="UTC"))
    ]
    per_user = events.user_id.value_counts()
    events = events[~events.user_id.isin(bots(events, per_user))]
    return Source(folder, raw, users, vehicles, ownership, products, fitment, events)


def bots(events: pd.DataFrame, per_user: pd.Series) -> list[str]:
    """Users with more than 10,000 events in one week from Monday."""
    suspects = events[events.user_id.isin(per_user[per_user > 10_000].index)]
    weeks = suspects.groupby(["user_id", (suspects.event_ts - END).dt.days // 7]).size()
    return weeks[weeks > 10_000].index.get_level_values("user_id").unique().tolist()


def _newest(table: pd.DataFrame, key: str) -> pd.DataFrame:
    return table[table[key] != ""].sort_values("created_at").drop_duplicates(key, keep="last")

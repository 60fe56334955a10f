"""Where a system is good and where it is not: by how common the user's vehicle is, and by the price of what was bought."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recs_assets.ranking import metrics
from recs_assets.ranking.arrays import Flags, Floats, Ints, Texts

COLUMNS = ["slice", "group", "system", "k", "metric", "value", "users"]


def vehicle_densities(owners: Ints) -> Texts:
    """How common each user's primary vehicle is: ``none``, ``rare``, ``usual`` or ``common``, in thirds of the users.

    Args:
        owners: int64[users] people who own the user's primary vehicle, 0 for a user without one; all users of the store,
            so that the thirds do not depend on who happened to buy.
    """
    named = _thirds(owners, owners[owners > 0], ("rare", "usual", "common"))
    return np.where(owners > 0, named, "none")


def price_bands(prices: Floats, is_eligible: Flags) -> Texts:
    """Whether each part is ``low``, ``middle`` or ``high`` in price, in thirds of the eligible parts.

    Args:
        prices: float64[products] in US dollars.
        is_eligible: bool[products].
    """
    return _thirds(prices, prices[is_eligible], ("low", "middle", "high"))


def by_vehicle_density(per_user: pd.DataFrame) -> pd.DataFrame:
    """Means over the users of each vehicle density.

    Args:
        per_user: columns system, user_id, vehicle_density and ``<metric>_at_<k>``; a row per system, user and week.

    Returns:
        Columns slice (``vehicle_density``), group, system, k, metric, value, users (distinct ones).
    """
    return _means(per_user.rename(columns={"vehicle_density": "group"}), "vehicle_density")


def by_price_band(
    ranked_by_system: Mapping[str, pd.DataFrame],
    held_out: pd.DataFrame,
    profiles: pd.DataFrame,
    ks: Sequence[int],
    bands: Texts,
) -> pd.DataFrame:
    """Means with only the held-out parts of one price band counted as hits, over the users who have any in it.

    Args:
        ranked_by_system: ranked frames: profile, product, rank.
        held_out: columns profile, product.
        profiles: index profile; column user_id.
        ks: the values of K.
        bands: str[products].

    Returns:
        Columns slice (``price_band``), group, system, k, metric, value, users (distinct ones).
    """
    band_of_row = bands[held_out["product"].to_numpy(np.int64)]
    measured = [
        profiles[["user_id"]]
        .join(metrics.per_user(ranked, held_out[band_of_row == band], ks), how="inner")
        .assign(system=system, group=band)
        for band in np.unique(band_of_row)
        for system, ranked in ranked_by_system.items()
    ]
    return _means(pd.concat(measured), "price_band") if measured else pd.DataFrame(columns=COLUMNS)


def _means(measured: pd.DataFrame, name: str) -> pd.DataFrame:
    groups = measured.groupby(["group", "system"], sort=False)
    values = [column for column in measured.columns if "_at_" in column]
    table = groups[values].mean().join(groups["user_id"].nunique().rename("users")).reset_index()
    table = table.melt(["group", "system", "users"], values, "column")
    table[["metric", "k"]] = table["column"].str.extract(r"(.+)_at_(\d+)")
    return table.assign(slice=name, k=table["k"].astype(np.int64))[COLUMNS]


def _thirds(values: NDArray[Any], among: NDArray[Any], names: tuple[str, str, str]) -> Texts:
    """The first name below the first tercile of ``among``, the last above the second, the middle one between them."""
    if not len(among):
        return np.full(len(values), names[1])
    first, second = np.quantile(among, [1 / 3, 2 / 3])
    return np.where(values < first, names[0], np.where(values > second, names[2], names[1]))

"""Why a part is on a list, in words a customer can read: from the largest term of its score."""

import numpy as np
import pandas as pd

REASON_TEXTS = {
    "popular_with_model": "Popular with owners of your vehicle's model",
    "popular_with_make": "Popular with owners of your vehicle's make",
    "popular_in_store": "Popular in our store",
    "popular_now": "Popular right now",
    "looked_at": "You looked at it recently",
    "bought_together": "Bought together with parts you chose",
    "same_part_type": "Of a kind you have chosen before",
    "same_brand": "From a brand you have chosen before",
    "same_variant_group": "A variant of a part you chose",
    "fits_your_garage": "Made for your vehicle",
    "chosen_by_owners": "Chosen by owners of vehicles like yours",
}

REASON_OF_TIER = {"model": "popular_with_model", "make": "popular_with_make", "global": "popular_in_store"}

# By the first word of the channel's name, or the whole name where first words are shared.
REASON_OF_CHANNEL = {
    "popularity": "popular_now",
    "interest": "looked_at",
    "cosine": "bought_together",
    "walk": "bought_together",
    "part_type": "same_part_type",
    "brand": "same_brand",
    "variant_group": "same_variant_group",
    "garage": "fits_your_garage",
    "vehicle": "chosen_by_owners",
}


def reason_of_channel(channel: str) -> str:
    """The reason code of an evidence channel.

    Raises:
        KeyError: the channel has no reason.
    """
    return REASON_OF_CHANNEL.get(channel) or REASON_OF_CHANNEL[channel.split("_", maxsplit=1)[0]]


def blend_reasons(rows: pd.DataFrame) -> pd.Series:
    """The reason code of each row of a blend.

    Args:
        rows: ``sql_term`` and ``gnn_term``, the two terms of the score; ``pop_source``, SQL's tier; ``channel``, the model's
            loudest channel. The text columns may be null where the list lacks the part, and then its term is 0.
    """
    from_sql = rows["pop_source"].map(REASON_OF_TIER)
    from_model = rows["channel"].map({name: reason_of_channel(name) for name in rows["channel"].dropna().unique()})
    chosen = np.where(rows["sql_term"] >= rows["gnn_term"], from_sql.fillna(from_model), from_model.fillna(from_sql))
    return pd.Series(chosen, index=rows.index, dtype=object)


def similarity_reasons(rows: pd.DataFrame) -> pd.Series:
    """The reason code of each row of fallback 2B: columns ``similarity`` and ``pop_source``."""
    tier = rows["pop_source"].map(REASON_OF_TIER)
    return tier.where(rows["similarity"] <= 0, "bought_together")

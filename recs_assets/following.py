"""Packaged settings that only go with others give way to what a file sets, so that one key can be changed alone."""

import copy
from collections.abc import Mapping
from typing import Any

from recs_assets.cutoff import K

DAYS_OF_A_WEEK = 7
# Of the weeks that are learned from, one in so many may choose.
TRAINING_WEEKS_OF_A_VALIDATION_WEEK = 4


def training_weeks_held(lookback_days: int, evaluation_weeks: int, horizon_days: int) -> int:
    """How many training snapshots, a week apart, an export reaches back to: the newest one's targets end where the evaluation
    weeks begin."""
    return (lookback_days - DAYS_OF_A_WEEK * evaluation_weeks - horizon_days) // DAYS_OF_A_WEEK + 1


def followed(values: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """All values, the packaged ones cut to what the overridden ones leave them; what the file itself sets stays as it is.

    Args:
        values: packaged values with the override merged in, not yet validated.
        override: what the file sets.
    """
    cut = copy.deepcopy(dict(values))
    rules, lookback_days = cut["rules"], cut["lookback_days"]
    evaluation_weeks, horizon_days = cut["evaluation"]["weeks"], cut["model"]["horizon_days"]
    list_length, slots, epochs = rules["list_length"], rules["slots"], cut["towers"]["epochs"]
    if not all(isinstance(value, int) for value in (lookback_days, evaluation_weeks, horizon_days, list_length, slots, epochs)):
        return cut  # the model says what is wrong with them
    held = training_weeks_held(lookback_days, evaluation_weeks, horizon_days)
    highest = {
        ("sql", "lookback_days"): lookback_days,
        ("co_purchase", "window_days"): lookback_days,
        ("baselines", "popularity_days"): lookback_days,
        ("reasons", "recent_days"): lookback_days // 2,
        ("model", "training_weeks"): held,
        ("model", "validation_weeks"): held // TRAINING_WEEKS_OF_A_VALIDATION_WEEK,
        ("rules", "max_per_part_type"): list_length,
        ("rules", "max_universal"): slots,
        ("towers", "patience"): epochs,
    }
    for (section, name), limit in highest.items():
        if name not in override.get(section, {}):
            cut[section][name] = min(cut[section][name], max(1, limit))
    if "ks" not in override.get("evaluation", {}):
        cut["evaluation"]["ks"] = [k for k in cut["evaluation"]["ks"] if k <= max(K, list_length)]
    if rules["exclude_bought_days"] is None and "exclude_bought_variants" not in override.get("rules", {}):
        rules["exclude_bought_variants"] = None
    return cut

"""Settings that are each allowed and together mean nothing."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from recs_assets.cutoff import K
from recs_assets.following import training_weeks_held

if TYPE_CHECKING:
    from recs_assets.settings import Settings

# Whether they disagree, why that cannot be, and the keys.
Disagreement = tuple[bool, str, list[str]]


def contradictions(settings: "Settings") -> list[str]:
    """What does not go together, in words: the keys with their values, and why."""
    return [
        f"{' and '.join(f'{key} is {_value(settings, key)}' for key in keys)}: {reason}"
        for disagree, reason, keys in (*_of_learning(settings), *_of_lists(settings), *_of_days(settings))
        if disagree
    ]


def _of_learning(settings: "Settings") -> list[Disagreement]:
    model, towers, ks = settings.model, settings.towers, settings.evaluation.ks
    half_lives = model.popularity_half_lives_days
    return [
        (K not in ks, f"gate 1 and the choice of alpha go by Recall@{K}", ["evaluation.ks"]),
        (_has_twice(ks), "a length is named twice", ["evaluation.ks"]),
        (
            model.training_weeks <= model.validation_weeks,
            "alpha is chosen by a fit on the weeks before the validation weeks, and there are none",
            ["model.training_weeks", "model.validation_weeks"],
        ),
        (not half_lives[0] < half_lives[1] < half_lives[2], "they must ascend", ["model.popularity_half_lives_days"]),
        (_has_twice(model.cosine_half_lives_days), "a channel is named twice", ["model.cosine_half_lives_days"]),
        (towers.patience > towers.epochs, "the epochs end before", ["towers.patience", "towers.epochs"]),
    ]


def _of_lists(settings: "Settings") -> list[Disagreement]:
    rules, ks = settings.rules, settings.evaluation.ks
    return [
        (rules.slots > rules.list_length, "a mail cannot show more than a list holds", ["rules.slots", "rules.list_length"]),
        (
            settings.candidates.kept < rules.list_length,
            "a list cannot hold more than is kept",
            ["candidates.kept", "rules.list_length"],
        ),
        (
            any(k > max(K, rules.list_length) for k in ks),
            "no list is so long",
            ["evaluation.ks", "rules.list_length"],
        ),
        (
            rules.max_per_part_type is not None and rules.max_per_part_type > rules.list_length,
            "no list could hold more of a type; null switches the rule off",
            ["rules.max_per_part_type", "rules.list_length"],
        ),
        (
            rules.max_universal is not None and rules.max_universal > rules.slots,
            "no mail could hold more universal parts; null switches the rule off",
            ["rules.max_universal", "rules.slots"],
        ),
        (
            "link" in settings.mail.columns and settings.mail.link is None,
            "a part's page has no address to link to",
            ["mail.columns", "mail.link"],
        ),
        (_has_twice(settings.mail.columns), "a column is named twice", ["mail.columns"]),
        (
            bool(rules.exclude_bought_variants) and rules.exclude_bought_days is None,
            "variants are those of excluded parts, and none are excluded",
            ["rules.exclude_bought_variants", "rules.exclude_bought_days"],
        ),
    ]


def _of_days(settings: "Settings") -> list[Disagreement]:
    """What would reach beyond what is exported."""
    model, lookback_days = settings.model, settings.lookback_days
    held = training_weeks_held(lookback_days, settings.evaluation.weeks, model.horizon_days)
    return [
        (
            2 * settings.reasons.recent_days > lookback_days,
            "the period that a trend is compared with is not exported",
            ["reasons.recent_days", "lookback_days"],
        ),
        (
            settings.baselines.popularity_days > lookback_days,
            "the orders of these days are not exported",
            ["baselines.popularity_days", "lookback_days"],
        ),
        (
            settings.sql.lookback_days > lookback_days,
            "the orders of these days are not exported",
            ["sql.lookback_days", "lookback_days"],
        ),
        (
            settings.co_purchase.window_days > lookback_days,
            "two purchases so far apart are not exported",
            ["co_purchase.window_days", "lookback_days"],
        ),
        (
            model.training_weeks > held,
            "the oldest snapshots lie before all that is exported",
            ["model.training_weeks", "model.horizon_days", "evaluation.weeks", "lookback_days"],
        ),
    ]


def _value(settings: "Settings", key: str) -> str:
    """The value of a dotted key, as a settings file writes it."""
    values: Any = settings.model_dump(mode="json")
    for name in key.split("."):
        values = values[name]
    return json.dumps(values)


def _has_twice(values: Sequence[float] | Sequence[str]) -> bool:
    return len(set(values)) < len(values)

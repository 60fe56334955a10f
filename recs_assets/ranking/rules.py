"""The rules that every recommended row obeys: one function for parts, one for lists."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from recs_assets.plain_text import plain
from recs_assets.ranking.arrays import (
    Flags,
    Floats,
    Ints,
    count_before,
    descending_within,
    group_numbers,
    pair_keys,
    positions,
    starts_of,
    within_first,
)
from recs_assets.settings import RulesSettings

NOT_AVAILABLE = "not available"  # the reason that the ceiling tells apart: the part may come back

FIRST_ROWS = 3  # times the length of a list, that are looked at first


@dataclass(frozen=True)
class PartAttributes:
    """What the list rules read of each part; row p of every array is product p, in ascending product_id.

    Attributes:
        variant_group: int64[products], code of the variant group; -1 where a part has none.
        part_type: int64[products], code of the part type; -1 where a part has none.
        is_universal: bool[products].
    """

    variant_group: Ints
    part_type: Ints
    is_universal: Flags


def ineligible_reason(products: pd.DataFrame, rules: RulesSettings) -> "pd.Series[str]":
    """Why a part may not be recommended to anyone; ``None`` where it may.

    The first reason that holds, in this order: ``withdrawn`` (its newest row has no price; no setting switches this off),
    ``not available`` (null is available), ``price below minimum`` (a missing price too), ``refurbished`` (null is no),
    ``excluded part type``, ``no https image`` (only where at least one part of the store has an image).

    Args:
        products: the columns of the source table ``products``, and is_withdrawn.
        rules: a rule whose setting is ``None`` (or false) is off.

    Returns:
        Reasons with the index of ``products``.
    """
    none = pd.Series(False, index=products.index)
    unavailable, cheap, refurbished, excluded, imageless = none, none, none, none, none
    if rules.available_only:
        unavailable = products["is_available"].eq(False).fillna(False)
    if rules.min_price is not None:
        cheap = ~(products["price"] >= rules.min_price)
    if rules.exclude_refurbished:
        refurbished = products["is_refurbished"].eq(True).fillna(False)
    if rules.excluded_part_types is not None:
        excluded = products["part_type"].map(plain, na_action="ignore").isin([plain(name) for name in rules.excluded_part_types])
    if rules.https_image and products["image_url"].notna().any():
        imageless = ~products["image_url"].astype("string").str.startswith("https://").fillna(False)
    masks = {
        "withdrawn": products["is_withdrawn"],
        NOT_AVAILABLE: unavailable,
        "price below minimum": cheap,
        "refurbished": refurbished,
        "excluded part type": excluded,
        "no https image": imageless,
    }
    reasons = np.array(list(masks), dtype=object)
    first = np.select([mask.to_numpy(dtype=bool) for mask in masks.values()], list(range(len(reasons))), default=-1)
    return pd.Series(np.where(first >= 0, reasons[first], None), index=products.index, dtype=object)


def apply_list_rules(lists: pd.DataFrame, parts: PartAttributes, rules: RulesSettings) -> pd.DataFrame:
    """Ranked lists from scored candidates, by filters in this order.

    1. Sort by profile, score descending, product ascending; of an exactly repeated (profile, product) the best stays.
    2. Of each variant group the best part stays.
    3. Of each part type the best ``max_per_part_type`` stay. Parts without a type are not limited. Where universal parts
       have used up 2 and 3 so that fewer than ``slots - max_universal`` fitting parts stay, the best fitting ones count
       first, as many as that or as there are: the slots are theirs.
    4. Universal rule. With F fitting parts left in the list, the first ``slots`` ranks have room for
       ``max(max_universal, slots - F)`` universal parts: the rule makes room for fitting parts, it never leaves a slot
       empty. Walking down the list, the
       slots take every fitting part and the universal ones there is room for. A
       universal part that was passed over is not dropped: it comes right after the slots, its score lowered to the next
       float64 below the last slot's score (the second one to the next below that, and so on), so that scores still
       descend with rank and equal scores still stand in product order.
    5. Cut to ``list_length``.

    So in every returned list the universal parts in the first ``slots`` ranks number at most
    ``max(max_universal, slots - fitting parts in the list)``.

    Args:
        lists: columns profile int64, product int64, score float64, in any order; other columns are carried along.
        parts: attributes of every part.
        rules: a rule whose setting is ``None`` (or false) is off.

    Returns:
        The columns of ``lists`` and rank (int64, from 1, dense), sorted by profile and rank.

    Raises:
        ValueError: a score is not finite.
    """
    scores = lists["score"].to_numpy(np.float64)
    if not np.isfinite(scores).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(scores))} of {len(scores)} scores are not finite.")
    order = _by_score(lists["profile"].to_numpy(np.int64), lists["product"].to_numpy(np.int64), scores)
    profiles, products = (lists[name].to_numpy(np.int64)[order] for name in ("profile", "product"))
    scores = scores[order]
    kept = _allowed(profiles, products, parts, rules)
    score = scores[kept]
    if rules.max_universal is not None:
        kept = kept[_within_reach(profiles[kept], parts.is_universal[products[kept]], rules.list_length)]
        slots = min(rules.slots, rules.list_length)
        score = _demoted(profiles[kept], scores[kept], parts.is_universal[products[kept]], slots, rules.max_universal)
        reordered = np.lexsort((products[kept], -score, profiles[kept]))
        kept, score = kept[reordered], score[reordered]
    rank = positions(profiles[kept]) + 1
    listed = rank <= rules.list_length
    ranked = lists.take(order[kept[listed]]).reset_index(drop=True)
    return ranked.assign(score=score[listed], rank=rank[listed])


def _by_score(profiles: Ints, products: Ints, scores: Floats) -> Ints:
    """The order of rows by profile, score descending, product ascending."""
    before = slice(None, -1), slice(1, None)
    (profile, next_profile), (product, next_product) = ([column[part] for part in before] for column in (profiles, products))
    if ((profile < next_profile) | ((profile == next_profile) & (product <= next_product))).all():
        return descending_within(scores, starts_of(profiles))
    return np.lexsort((products, -scores, profiles))


def _allowed(profiles: Ints, products: Ints, parts: PartAttributes, rules: RulesSettings) -> Ints:
    """Rows, in rank order, that neither stand twice nor are one too many of their variants or type; enough for every list.

    Rows far down seldom matter: a profile whose first rows make a whole list, with fitting parts for every slot, needs no more.
    """
    group, position = group_numbers(profiles), positions(profiles)

    def left(rows: Ints) -> Ints:
        distinct = rows[within_first(1, pair_keys(profiles[rows], products[rows]))]
        return within_caps(distinct, profiles, products, parts, rules)

    n_first = FIRST_ROWS * rules.list_length
    kept = left(np.flatnonzero(position < n_first))
    n_rows, n_kept = np.bincount(group), np.bincount(group[kept], minlength=int(group.max(initial=-1)) + 1)
    n_fitting = _count_fitting(kept, group, products, parts)
    again = (n_rows > n_first) & ((n_kept < rules.list_length) | (n_fitting < rules.slots))
    kept = _chosen_anew(kept, again, group, left(np.flatnonzero(again[group])))
    if rules.max_universal is None:
        return kept
    n_reserved = max(0, min(rules.slots, rules.list_length) - rules.max_universal)
    again = _count_fitting(kept, group, products, parts) < n_reserved
    rows = np.flatnonzero(again[group])
    fitting = left(rows[~parts.is_universal[products[rows]]])
    reserved = fitting[positions(profiles[fitting]) < n_reserved]
    rows = np.concatenate([reserved, np.setdiff1d(rows, reserved, assume_unique=True)])
    return _chosen_anew(kept, again, group, left(rows))


def _count_fitting(rows: Ints, group: Ints, products: Ints, parts: PartAttributes) -> Ints:
    """[groups] how many of the rows are of parts that are not universal."""
    fitting = group[rows[~parts.is_universal[products[rows]]]]
    return np.bincount(fitting, minlength=int(group.max(initial=-1)) + 1)


def _chosen_anew(kept: Ints, again: Flags, group: Ints, rows: Ints) -> Ints:
    """The rows kept, in rank order, those of some groups replaced."""
    return np.sort(np.concatenate([kept[~again[group[kept]]], rows]))


def within_caps(rows: Ints, profiles: Ints, products: Ints, parts: PartAttributes, rules: RulesSettings) -> Ints:
    """The rows, of those given in rank order and each of another part, that are the first of their variants and type."""
    kept = rows
    if rules.one_per_variant_group:
        kept = kept[_at_most(1, profiles[kept], parts.variant_group[products[kept]])]
    if rules.max_per_part_type is not None:
        kept = kept[_at_most(rules.max_per_part_type, profiles[kept], parts.part_type[products[kept]])]
    return kept


def _at_most(limit: int, profiles: Ints, codes: Ints) -> Flags:
    """Rows that are among the first ``limit`` of their profile and code; a row with code -1 always is."""
    allowed = np.ones(len(codes), dtype=bool)
    coded = np.flatnonzero(codes >= 0)
    allowed[coded] = within_first(limit, pair_keys(profiles[coded], codes[coded]))
    return allowed


def _within_reach(profile: Ints, is_universal: Flags, list_length: int) -> Flags:
    """Rows that may still be listed: nothing overtakes fitting parts, so ``list_length`` of them above are the end."""
    return count_before(~is_universal, group_numbers(profile)) < list_length


def _demoted(profile: Ints, score: Floats, is_universal: Flags, slots: int, max_universal: int) -> Floats:
    """Scores after the universal rule; rows stand in rank order within their profile."""
    group = group_numbers(profile)
    n_fitting = np.bincount(group, weights=~is_universal).astype(np.int64)
    room = np.maximum(max_universal, slots - n_fitting)[group]
    no_room = is_universal & (count_before(is_universal, group) >= room)
    slot = count_before(~no_room, group)
    is_last_slot = ~no_room & (slot == slots - 1)
    passed_over = no_room & (slot < slots)

    last_score = np.full(len(n_fitting), -np.inf)
    last_score[group[is_last_slot]] = score[is_last_slot]
    lowered = np.where(passed_over, last_score[group], score)
    step = np.where(passed_over, count_before(passed_over, group) + 1, 0)
    for done in range(int(step.max(initial=0))):
        falling = np.flatnonzero(step > done)
        lowered[falling] = np.nextafter(lowered[falling], -np.inf)
    return lowered

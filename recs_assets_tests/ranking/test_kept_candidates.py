"""What is kept of the candidates is enough for every rule of a list."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from recs_assets import settings_file
from recs_assets.ranking import kept_candidates
from recs_assets.ranking.kept_candidates import KeptCandidates
from recs_assets.ranking.rules import PartAttributes, apply_list_rules

RULES = settings_file.load().rules


def _every(n_profiles: int, n_parts: int) -> sparse.csr_array:
    return sparse.csr_array(np.ones((n_profiles, n_parts), dtype=bool))


def test_fitting_parts_are_kept_behind_any_number_of_universal_ones():
    # 130 universal parts that sell, 12 that fit and were never bought, each of a type of its own.
    universal = np.arange(142) < 130
    parts = PartAttributes(np.full(142, -1), np.arange(142), universal)
    scores = np.where(universal, 1000.0 - np.arange(142), -np.arange(142.0))
    kept = KeptCandidates(100, parts, RULES).of(scores, _every(1, 142))
    assert kept["product"].tolist() == [*range(100), *range(130, 142)]
    listed = apply_list_rules(kept, parts, RULES)["product"].tolist()
    assert listed[:4] == [0, 1, 130, 131]


def test_types_that_nobody_buys_are_kept_behind_one_that_everybody_buys():
    # 120 parts of one type on top, of which a list takes two, then 30 types of two parts each.
    types = np.concatenate([np.zeros(120, dtype=int), 1 + np.arange(60) // 2])
    parts = PartAttributes(np.full(180, -1), types, np.zeros(180, dtype=bool))
    kept = KeptCandidates(100, parts, RULES).of(-np.arange(180.0), _every(1, 180))
    # Two of the type on top and 22 behind it make a list of 20 with four to spare.
    assert kept["product"].tolist() == [*range(100), *range(120, 142)]


def test_parts_of_other_groups_are_kept_behind_a_hundred_variants_of_one():
    groups = np.where(np.arange(150) < 110, 0, -1)
    parts = PartAttributes(groups, np.full(150, -1), np.zeros(150, dtype=bool))
    kept = KeptCandidates(100, parts, RULES).of(-np.arange(150.0), _every(1, 150))
    assert kept["product"].tolist() == [*range(100), *range(110, 133)]


def test_nothing_more_is_kept_where_the_best_are_enough():
    parts = PartAttributes(np.full(60, -1), np.arange(60), np.zeros(60, dtype=bool))
    kept = KeptCandidates(50, parts, RULES).of(np.tile(-np.arange(60.0), 2), _every(2, 60))
    expected = [[profile, part] for profile in range(2) for part in range(50)]
    assert kept[["profile", "product"]].to_numpy().tolist() == expected


def test_of_nobody_nothing_is_kept():
    parts = PartAttributes(np.full(60, -1), np.arange(60), np.zeros(60, dtype=bool))
    kept = KeptCandidates(50, parts, RULES).of(np.empty(0), _every(0, 60))
    assert (list(kept.columns), len(kept)) == (["profile", "product", "score"], 0)


def _shop(seed: int) -> tuple[PartAttributes, np.ndarray, np.ndarray]:
    """Attributes of up to 40 parts, and three profiles' scores and candidates among them."""
    generator = np.random.default_rng(seed)
    n_parts = generator.integers(1, 41)
    groups = generator.integers(-1, 13, n_parts)
    # A variant group lies within one type.
    types = np.where(groups >= 0, groups % 4, generator.integers(-1, 4, n_parts))
    universal = generator.random(n_parts) < generator.random()
    scores = generator.integers(-5, 6, (3, n_parts)) / 4
    return PartAttributes(groups, types, universal), scores, generator.random((3, n_parts)) < 0.7


limits = st.fixed_dictionaries(
    {
        "one_per_variant_group": st.sampled_from([True, None]),
        "max_per_part_type": st.sampled_from([None, 1, 2]),
        "max_universal": st.sampled_from([None, 0, 1, 2]),
        "list_length": st.integers(1, 6),
        "slots": st.integers(1, 4),
    }
)


@given(st.integers(0, 2**32 - 1), limits, st.integers(1, 12))
def test_a_list_of_what_is_kept_is_as_good_as_one_of_everything(seed, limit, best):
    parts, scores, is_candidate = _shop(seed)
    rules = RULES.model_copy(update=limit)
    candidates = sparse.csr_array(is_candidate)
    rows, columns = candidates.nonzero()
    every = pd.DataFrame({"profile": rows.astype(np.int64), "product": columns.astype(np.int64), "score": scores[rows, columns]})
    kept = KeptCandidates(best, parts, rules).of(scores[rows, columns], candidates)
    from_kept, from_every = (apply_list_rules(lists, parts, rules) for lists in (kept, every))
    if rules.max_universal is None:
        pd.testing.assert_frame_equal(from_kept, from_every)
        return
    assert from_kept.groupby("profile").size().to_dict() == from_every.groupby("profile").size().to_dict()
    slots = min(rules.slots, rules.list_length)
    fitting = every[~parts.is_universal[every["product"]]]
    could_be_listed = apply_list_rules(fitting, parts, rules).groupby("profile").size()
    in_slots = from_kept[(from_kept["rank"] <= slots) & ~parts.is_universal[from_kept["product"]]].groupby("profile").size()
    for profile, n_listable in could_be_listed.items():
        assert in_slots.get(profile, 0) >= min(slots - rules.max_universal, n_listable)


@given(st.integers(0, 2**32 - 1), limits, st.integers(1, 12), st.sampled_from([2, 3]))
def test_what_is_kept_is_the_same_however_much_more_is_looked_at(seed, limit, best, wider):
    parts, scores, is_candidate = _shop(seed)
    rules, candidates = RULES.model_copy(update=limit), sparse.csr_array(is_candidate)
    values = scores[candidates.nonzero()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept_candidates, "WIDER", wider)
        in_steps = KeptCandidates(best, parts, rules).of(values, candidates)
        patch.setattr(kept_candidates, "WIDER", 40)
        at_once = KeptCandidates(best, parts, rules).of(values, candidates)
    pd.testing.assert_frame_equal(in_steps, at_once)

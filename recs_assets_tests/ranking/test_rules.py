"""Every rule on a few rows, then all of them together on random lists."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recs_assets import settings_file
from recs_assets.ranking.rules import PartAttributes, apply_list_rules, ineligible_reason

RULES = settings_file.load().rules
OFF = RULES.model_copy(
    update={"one_per_variant_group": None, "max_per_part_type": None, "max_universal": None, "list_length": 100}
)
N_PARTS = 12


def _parts(
    universal: tuple[int, ...] = (), groups: dict[int, int] | None = None, types: dict[int, int] | None = None
) -> PartAttributes:
    variant_group, part_type, is_universal = np.full(N_PARTS, -1), np.full(N_PARTS, -1), np.zeros(N_PARTS, dtype=bool)
    for part, group in (groups or {}).items():
        variant_group[part] = group
    for part, code in (types or {}).items():
        part_type[part] = code
    is_universal[list(universal)] = True
    return PartAttributes(variant_group, part_type, is_universal)


def _lists(*rows: tuple[int, int, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["profile", "product", "score"])
    return frame.astype({"profile": np.int64, "product": np.int64, "score": np.float64})


def _products(ranked: pd.DataFrame, profile: int = 0) -> list[int]:
    return ranked.loc[ranked["profile"] == profile, "product"].tolist()


def test_first_reason_against_a_part_is_given():
    image = "https://x/y.jpg"
    products = pd.DataFrame(
        [
            (50.0, None, "Brakes", image, False, None),
            (50.0, None, "Brakes", image, False, True),
            (49.99, True, "Fluids", None, True, False),
            (49.99, True, "Fluids", None, False, False),
            (49.99, True, "Fluids", None, False, None),
            (float("nan"), False, "Brakes", image, False, True),
            (80.0, True, "Fluids", image, False, None),
            (80.0, False, "Fluids", None, False, None),
            (80.0, False, " FLUIDS\u00a0", None, False, None),
            (80.0, False, None, "http://x/y.jpg", False, None),
            (80.0, None, "Brakes", None, False, None),
        ],
        columns=["price", "is_refurbished", "part_type", "image_url", "is_withdrawn", "is_available"],
    )
    assert ineligible_reason(products, RULES).tolist() == [
        None,
        None,
        "withdrawn",
        "not available",
        "price below minimum",
        "price below minimum",
        "refurbished",
        "excluded part type",
        "excluded part type",
        "no https image",
        "no https image",
    ]


def test_item_rules_can_be_switched_off_and_no_images_at_all_is_no_reason():
    part = {"price": [1.0], "is_refurbished": [True], "part_type": ["Fluids"], "image_url": [None]}
    products = pd.DataFrame(part | {"is_withdrawn": [False], "is_available": [False]}, index=["p"])
    off = RULES.model_copy(update=dict.fromkeys(("min_price", "available_only", "exclude_refurbished", "excluded_part_types")))
    assert ineligible_reason(products, off).to_dict() == {"p": None}


def test_sorted_by_score_then_product_and_ranked_from_one():
    ranked = apply_list_rules(_lists((1, 3, 0.5), (0, 2, 0.7), (0, 9, 0.7), (0, 4, 0.9)), _parts(), OFF)
    expected = pd.DataFrame(
        {"profile": [0, 0, 0, 1], "product": [4, 2, 9, 3], "score": [0.9, 0.7, 0.7, 0.5], "rank": [1, 2, 3, 1]}
    )
    pd.testing.assert_frame_equal(ranked, expected)


def test_other_columns_are_carried_along():
    lists = _lists((0, 2, 0.7), (0, 4, 0.9)).assign(sql_score=[0.1, 0.2])
    assert apply_list_rules(lists, _parts(), OFF)["sql_score"].tolist() == [0.2, 0.1]


def test_a_repeated_part_keeps_its_best_row():
    ranked = apply_list_rules(_lists((0, 2, 0.7), (0, 3, 0.8), (0, 2, 0.9)), _parts(), OFF)
    assert _products(ranked) == [2, 3]


def test_best_part_of_a_variant_group_stays_for_each_profile():
    rules = OFF.model_copy(update={"one_per_variant_group": True})
    lists = _lists((0, 1, 0.5), (0, 2, 0.6), (0, 3, 0.4), (1, 1, 0.5), (0, 4, 0.5), (0, 5, 0.5))
    parts = _parts(groups={1: 7, 2: 7, 4: 8, 5: 8})
    ranked = apply_list_rules(lists, parts, rules)
    assert _products(ranked) == [2, 4, 3]
    assert _products(ranked, profile=1) == [1]


def test_variants_do_not_use_up_the_places_of_their_part_type():
    rules = OFF.model_copy(update={"one_per_variant_group": True, "max_per_part_type": 2})
    lists = _lists((0, 1, 0.9), (0, 2, 0.8), (0, 3, 0.7), (0, 4, 0.6), (0, 5, 0.5))
    parts = _parts(groups={1: 0, 2: 0}, types={1: 3, 2: 3, 3: 3, 4: 3})
    assert _products(apply_list_rules(lists, parts, rules)) == [1, 3, 5]


def test_surplus_universal_parts_come_right_after_the_slots():
    rules = OFF.model_copy(update={"max_universal": 1, "slots": 3})
    lists = _lists((0, 0, 0.9), (0, 1, 0.8), (0, 2, 0.7), (0, 3, 0.6), (0, 4, 0.5), (0, 5, 0.4), (0, 6, 0.3))
    ranked = apply_list_rules(lists, _parts(universal=(0, 1, 2, 6)), rules)
    assert _products(ranked) == [0, 3, 4, 1, 2, 5, 6]
    below = np.nextafter(0.5, 0)
    assert ranked["score"].tolist() == [0.9, 0.6, 0.5, below, np.nextafter(below, 0), 0.4, 0.3]


def test_universal_parts_fill_the_slots_that_fitting_parts_cannot():
    rules = OFF.model_copy(update={"max_universal": 1, "slots": 4})
    lists = _lists((0, 0, 0.9), (0, 1, 0.8), (0, 2, 0.7), (0, 3, 0.6), (0, 4, 0.5))
    ranked = apply_list_rules(lists, _parts(universal=(0, 1, 2, 3)), rules)
    assert _products(ranked) == [0, 1, 2, 4, 3]
    assert _products(apply_list_rules(lists, _parts(universal=(0, 1, 2, 3, 4)), rules)) == [0, 1, 2, 3, 4]


def test_a_list_shorter_than_the_slots_still_makes_room_for_fitting_parts():
    rules = OFF.model_copy(update={"max_universal": 0, "slots": 4, "list_length": 2})
    lists = _lists((0, 0, 0.9), (0, 1, 0.8), (0, 2, 0.7), (0, 3, 0.6))
    assert _products(apply_list_rules(lists, _parts(universal=(0, 1)), rules)) == [2, 3]


def test_universal_parts_that_use_up_a_type_do_not_push_out_what_fits():
    # All gauges, two of them in a list: without the rule both would be universal.
    rules = OFF.model_copy(update={"max_per_part_type": 2, "max_universal": 1, "slots": 2})
    lists = _lists((0, 0, 0.9), (0, 1, 0.8), (0, 2, 0.7), (0, 3, 0.1), (0, 4, 0.2))
    parts = _parts(universal=(0, 1, 2), types=dict.fromkeys(range(5), 7))
    assert _products(apply_list_rules(lists, parts, rules)) == [0, 4]
    assert _products(apply_list_rules(lists, parts, rules.model_copy(update={"max_universal": 2}))) == [0, 1]
    assert _products(apply_list_rules(lists.iloc[:3], parts, rules)) == [0, 1], "nothing fits"


def test_a_variant_that_fits_stands_for_its_universal_twin_where_too_few_fit():
    rules = OFF.model_copy(update={"one_per_variant_group": True, "max_universal": 0, "slots": 1})
    lists = _lists((0, 0, 0.9), (0, 1, 0.5), (0, 2, 0.4))
    assert _products(apply_list_rules(lists, _parts(universal=(0, 2), groups={0: 3, 1: 3}), rules)) == [1, 2]


def test_a_demoted_part_stays_below_parts_that_tie_with_the_last_slot():
    rules = OFF.model_copy(update={"max_universal": 0, "slots": 1})
    ranked = apply_list_rules(_lists((0, 0, 0.5), (0, 1, 0.5), (0, 2, 0.5)), _parts(universal=(0,)), rules)
    assert _products(ranked) == [1, 2, 0]


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="1 of 2 scores are not finite"):
        apply_list_rules(_lists((0, 1, float("nan")), (0, 2, 1.0)), _parts(), RULES)


def test_no_rows_give_no_rows():
    ranked = apply_list_rules(_lists(), _parts(), RULES)
    assert ranked.columns.tolist() == ["profile", "product", "score", "rank"]
    assert len(ranked) == 0


scores = st.sampled_from([0.0, -1.0, 0.5, 1.0, np.nextafter(1.0, 0), 2.0]) | st.floats(-1e6, 1e6)
rows = st.tuples(st.integers(0, 2), st.integers(0, N_PARTS - 1), scores)
codes = st.lists(st.integers(-1, 3), min_size=N_PARTS, max_size=N_PARTS).map(np.array)
attributes = st.builds(PartAttributes, codes, codes, st.lists(st.booleans(), min_size=N_PARTS, max_size=N_PARTS).map(np.array))
limits = st.fixed_dictionaries(
    {
        "one_per_variant_group": st.sampled_from([True, False, None]),
        "max_per_part_type": st.sampled_from([None, 1, 2, 3]),
        "max_universal": st.sampled_from([None, 0, 1, 2]),
        "list_length": st.integers(1, 8),
        "slots": st.integers(1, 5),
    }
)


@given(st.lists(rows, max_size=40), attributes, limits)
def test_every_list_obeys_every_rule(lists, parts, limit):
    rules = RULES.model_copy(update=limit)
    ranked = apply_list_rules(_lists(*lists), parts, rules)
    for _, one in ranked.groupby("profile"):
        product = one["product"].to_numpy()
        assert one["rank"].tolist() == list(range(1, len(one) + 1))
        assert len(one) <= rules.list_length
        assert np.isfinite(one["score"]).all()
        order = list(zip(-one["score"], product, strict=True))
        assert order == sorted(order)
        assert len(set(product)) == len(product)
        groups, types = parts.variant_group[product], parts.part_type[product]
        if rules.one_per_variant_group:
            assert pd.Series(groups[groups >= 0]).is_unique
        if rules.max_per_part_type is not None:
            assert pd.Series(types[types >= 0]).value_counts().max() <= rules.max_per_part_type or not (types >= 0).any()
        if rules.max_universal is not None:
            is_universal = parts.is_universal[product]
            room = max(rules.max_universal, rules.slots - np.count_nonzero(~is_universal))
            assert np.count_nonzero(is_universal[: rules.slots]) <= room


@given(st.lists(rows, max_size=40), attributes, limits)
def test_a_part_is_left_out_only_for_a_cause(lists, parts, limit):
    rules = RULES.model_copy(update=limit)
    given_rows = _lists(*lists)
    ranked = apply_list_rules(given_rows, parts, rules)
    for profile, rows_of in given_rows.groupby("profile"):
        listed = ranked.loc[ranked["profile"] == profile, "product"].to_numpy()
        if len(listed) == rules.list_length:
            continue
        groups, types = parts.variant_group, parts.part_type
        for left_out in set(rows_of["product"]) - set(listed):
            variant = rules.one_per_variant_group and groups[left_out] >= 0 and (groups[listed] == groups[left_out]).any()
            # A variant may itself have given way to the limit of its own part type.
            variant_gone = rules.one_per_variant_group and (groups[rows_of["product"]] == groups[left_out]).sum() > 1
            full = rules.max_per_part_type and (types[listed] == types[left_out]).sum() == rules.max_per_part_type
            assert variant or (variant_gone and groups[left_out] >= 0) or (full and types[left_out] >= 0)

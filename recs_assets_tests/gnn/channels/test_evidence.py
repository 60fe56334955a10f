"""Every channel on five users and five parts, the numbers worked out by hand.

What each user did, after a half-life of 20 days and of 10 (view 1, cart 2, order 3; ages 20 and 40 days):

         20 days                10 days
    u1   p1 1/2, p2 3/2         p1 1/4, p2 3/4
    u2   p2 3/2, p3 3/4         p2 3/4, p3 3/16
    u3   p3 1/2                 p3 1/4

so that their histories (half-life 20, shares of the row) are u1: p1 1/4, p2 3/4; u2: p2 2/3, p3 1/3; u3: p3 1.
"""

import math

import numpy as np
import pytest
import torch
from scipy import sparse

from recs_assets.gnn.channels.evidence import Evidence, channel_names, feature_names, path_names
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.gnn.channels.optional import with_selected
from recs_assets_tests.gnn import five_users

NOTHING = [0.0, 0.0, 0.0, 0.0, 0.0]
MODEL = five_users.settings().model
POPULARITY = ("popularity_fast", "popularity_middle", "popularity_slow")
NAMES = (
    "interest",
    "cosine_20d",
    "cosine_10d",
    "walk",
    "part_type",
    "brand",
    "variant_group",
    "garage_fitment",
    "garage_usage",
    "vehicle",
    "vehicle_model",
    "vehicle_make",
    "owner_types",
    "next_types",
)


@pytest.fixture(scope="module")
def channels() -> dict[str, list[list[float]]]:
    """The channels by name, each a list of five parts for each of five users."""
    return _channels(Evidence(five_users.past_of(five_users.world()), MODEL))


def _channels(evidence: Evidence) -> dict[str, list[list[float]]]:
    every_part = sparse.csr_array(np.ones((5, 5), dtype=bool))
    columns = evidence.features(np.arange(5), every_part)
    return {name: columns[:, at].reshape(5, 5).tolist() for at, name in enumerate(feature_names(evidence.settings))}


def test_the_channels_are_named_in_order() -> None:
    assert channel_names(MODEL) == (*POPULARITY, *NAMES)
    assert feature_names(MODEL) == NAMES
    assert path_names(MODEL) == NAMES[:9]
    assert feature_names(with_selected(MODEL, [])) == NAMES
    assert feature_names(with_selected(MODEL, ["ease"])) == (*NAMES, "ease")
    assert feature_names(with_selected(MODEL, ["ease", "walk_undecayed"])) == (*NAMES, "walk_undecayed", "ease")


def test_popularity_sums_decayed_weights_and_gives_untouched_parts_a_floor() -> None:
    # Half-life 20: p1 1/2; p2 3/2 + 1/4 + 3/2 = 3.25; p3 3/4 + 1/2 = 1.25. Sum 5, mean 1, floor 0.02, sum with floors 5.1.
    slow = [math.log(share / 5.1) for share in (0.52, 3.27, 1.27, 0.02, 0.02)]
    # Half-life 10, in sixteenths: p1 4; p2 12 + 1 + 12 = 25; p3 3 + 4 = 7. Sum 36, mean 7.2, floor 0.144, sum 36.72.
    middle = [math.log(share / 36.72) for share in (4.144, 25.144, 7.144, 0.144, 0.144)]
    # Half-life 5, in 256ths: p1 16; p2 48 + 1 + 48 = 97; p3 3 + 16 = 19. Sum 132, mean 26.4, floor 0.528, sum 134.64.
    fast = [math.log(share / 134.64) for share in (16.528, 97.528, 19.528, 0.528, 0.528)]
    evidence = Evidence(five_users.past_of(five_users.world()), MODEL)
    np.testing.assert_allclose(evidence.log_popularity.T, [fast, middle, slow], rtol=1e-6)
    # As long as the model has not learned other floors, these are its channels too.
    shares = GatedChannels(MODEL, torch.ones(9)).log_shares(torch.from_numpy(evidence.popularity))
    np.testing.assert_allclose(shares.detach(), evidence.log_popularity, rtol=1e-5)


def test_interest_is_the_users_own_history(channels: dict[str, list[list[float]]]) -> None:
    expected = [[1 / 4, 3 / 4, 0, 0, 0], [0, 2 / 3, 1 / 3, 0, 0], [0, 0, 1, 0, 0], NOTHING, NOTHING]
    np.testing.assert_allclose(channels["interest"], expected, rtol=1e-6)


def test_cosine_goes_to_parts_touched_by_the_same_users_with_shrunken_norms(channels: dict[str, list[list[float]]]) -> None:
    # Half-life 20. Squared norms + 1.75: p1 1/4 -> 2; p2 9/4 + 9/4 -> 6.25; p3 9/16 + 1/4 -> 2.5625.
    # Products: p1 p2 3/4 (u1); p2 p3 9/8 (u2); p1 p3 have no user in common.
    p1p1, p2p2, p3p3 = 0.25 / 2, 4.5 / 6.25, 0.8125 / 2.5625
    p1p2, p2p3 = 0.75 / math.sqrt(2 * 6.25), 1.125 / math.sqrt(6.25 * 2.5625)
    expected = [
        [p1p1 / 4 + p1p2 * 3 / 4, p1p2 / 4 + p2p2 * 3 / 4, p2p3 * 3 / 4, 0, 0],
        [p1p2 * 2 / 3, p2p2 * 2 / 3 + p2p3 / 3, p2p3 * 2 / 3 + p3p3 / 3, 0, 0],
        [0, p2p3, p3p3, 0, 0],
        NOTHING,
        NOTHING,
    ]
    np.testing.assert_allclose(channels["cosine_20d"], expected, rtol=1e-6)


def test_the_second_cosine_decays_at_its_own_half_life(channels: dict[str, list[list[float]]]) -> None:
    # Half-life 10. Squared norms + 1.75: p2 9/16 + 9/16 = 1.125; p3 9/256 + 1/16 = 25/256. Product p2 p3: 3/4 x 3/16 = 9/64.
    p2p3 = (9 / 64) / math.sqrt((1.125 + 1.75) * (25 / 256 + 1.75))
    p3p3 = (25 / 256) / (25 / 256 + 1.75)
    np.testing.assert_allclose(channels["cosine_10d"][2], [0, p2p3, p3p3, 0, 0], rtol=1e-6)


def test_the_walk_goes_to_parts_then_their_users_then_those_users_parts(channels: dict[str, list[list[float]]]) -> None:
    # Half-life 10. From a part to users: p1 to u1; p2 to u1 and u2, 1/2 each; p3 to u2 and u3 as 3/16 : 4/16 = 3/7, 4/7.
    # From a user to parts: u1 p1 1/4, p2 3/4; u2 p2 4/5, p3 1/5; u3 p3.
    # u1: 1/4 p1 + 3/4 p2 -> u1 1/4 + 3/8 = 5/8, u2 3/8 -> p1 5/32, p2 15/32 + 3/10, p3 3/40.
    # u2: 2/3 p2 + 1/3 p3 -> u1 1/3, u2 1/3 + 1/7 = 10/21, u3 4/21 -> p1 1/12, p2 1/4 + 8/21, p3 2/21 + 4/21.
    # u3: p3 -> u2 3/7, u3 4/7 -> p2 12/35, p3 3/35 + 20/35.
    expected = [
        [5 / 32, 15 / 32 + 3 / 10, 3 / 40, 0, 0],
        [1 / 12, 1 / 4 + 8 / 21, 6 / 21, 0, 0],
        [0, 12 / 35, 23 / 35, 0, 0],
        NOTHING,
        NOTHING,
    ]
    np.testing.assert_allclose(channels["walk"], expected, rtol=1e-6)


def test_part_type_spreads_the_history_over_parts_of_the_same_type(channels: dict[str, list[list[float]]]) -> None:
    # Brakes are p1 and p2, wheels p3 and p4; p5 has no type.
    expected = [
        [1 / 2, 1 / 2, 0, 0, 0],  # all of u1's history is brakes
        [1 / 3, 1 / 3, 1 / 6, 1 / 6, 0],
        [0, 0, 1 / 2, 1 / 2, 0],
        NOTHING,
        NOTHING,
    ]
    np.testing.assert_allclose(channels["part_type"], expected, rtol=1e-6)


def test_brand_spreads_the_history_over_parts_of_the_same_brand(channels: dict[str, list[list[float]]]) -> None:
    # Acme makes p1 and p3, Bolt p2 and p5; p4 has no brand. u1: Acme 1/4, Bolt 3/4.
    expected = [
        [1 / 8, 3 / 8, 1 / 8, 0, 3 / 8],
        [1 / 6, 1 / 3, 1 / 6, 0, 1 / 3],
        [1 / 2, 0, 1 / 2, 0, 0],
        NOTHING,
        NOTHING,
    ]
    np.testing.assert_allclose(channels["brand"], expected, rtol=1e-6)


def test_variants_share_the_history_of_their_group_and_parts_alone_have_none(channels: dict[str, list[list[float]]]) -> None:
    # p1 and p5 are variants of each other: u1's 1/4 for p1 is halved between them.
    expected = [[1 / 8, 0, 0, 0, 1 / 8], NOTHING, NOTHING, NOTHING, NOTHING]
    np.testing.assert_allclose(channels["variant_group"], expected, rtol=1e-6)


def test_each_vehicle_of_the_garage_speaks_for_the_parts_that_fit_it(channels: dict[str, list[list[float]]]) -> None:
    # v1 is fitted by p1 and p2, v2 by p2 and p3 (1/2 each), v3 by p3 alone. u1 has v1 and v2.
    expected = [[1 / 2, 1, 1 / 2, 0, 0], [0, 1 / 2, 1 / 2, 0, 0], [0, 0, 1, 0, 0], [1 / 2, 1 / 2, 0, 0, 0], NOTHING]
    np.testing.assert_allclose(channels["garage_fitment"], expected, rtol=1e-6)


def test_the_vehicles_that_the_user_buys_for_speak_louder(channels: dict[str, list[list[float]]]) -> None:
    # u1: all of the history fits v1, the 3/4 for p2 fit v2 too: p1 1/2, p2 1/2 + 3/8, p3 3/8.
    # u2: all of it fits v2 (v1, which p2 fits too, is not u2's). u4 has a vehicle and no history.
    expected = [[1 / 2, 7 / 8, 3 / 8, 0, 0], [0, 1 / 2, 1 / 2, 0, 0], [0, 0, 1, 0, 0], NOTHING, NOTHING]
    np.testing.assert_allclose(channels["garage_usage"], expected, rtol=1e-6)


# log(1 + c / (k pop)) with k = 5.1 and the slow popularity: k pop is 0.52, 3.27 and 1.27 for p1, p2 and p3.
def _behaviour(p1: float, p2: float, p3: float) -> list[float]:
    return [math.log(1 + p1 / 0.52), math.log(1 + p2 / 3.27), math.log(1 + p3 / 1.27), 0, 0]


def test_owners_of_the_same_vehicle_say_what_it_needs(channels: dict[str, list[list[float]]]) -> None:
    # v1 is owned by u1 and u4, v2 by u1 and u2, v3 by u3. What they touched: v1 p1 1/2, p2 3/2; v2 p1 1/2, p2 3, p3 3/4.
    v1, v2 = _behaviour(0.5, 1.5, 0), _behaviour(0.5, 3, 0.75)
    expected = [_behaviour(1, 4.5, 0.75), v2, _behaviour(0, 0, 0.5), v1, NOTHING]
    np.testing.assert_allclose(channels["vehicle"], expected, rtol=1e-6)


def test_a_garage_of_three_beside_smaller_ones_counts_all_its_owners() -> None:
    evidence = Evidence(five_users.past_of(five_users.world(owned=[*five_users.OWNED, ("u1", "v3", 5)])), MODEL)
    # Now v3 is owned by u1 and u3: p1 1/2, p2 3/2, p3 1/2. With v1 and v2 that makes u1's p1 3/2, p2 6, p3 5/4.
    v1, v2, v3 = _behaviour(0.5, 1.5, 0), _behaviour(0.5, 3, 0.75), _behaviour(0.5, 1.5, 0.5)
    np.testing.assert_allclose(_channels(evidence)["vehicle"], [_behaviour(1.5, 6, 1.25), v2, v3, v1, NOTHING], rtol=1e-6)


def test_owners_of_the_same_model_say_what_it_needs(channels: dict[str, list[list[float]]]) -> None:
    # u1, u2 and u4 own Mustangs; u1 owns two and counts once.
    mustang, bronco = _behaviour(0.5, 3, 0.75), _behaviour(0, 0, 0.5)
    np.testing.assert_allclose(channels["vehicle_model"], [mustang, mustang, bronco, mustang, NOTHING], rtol=1e-6)


def test_owners_of_the_same_make_say_what_it_needs(channels: dict[str, list[list[float]]]) -> None:
    ford = _behaviour(0.5, 3, 1.25)
    np.testing.assert_allclose(channels["vehicle_make"], [ford, ford, ford, ford, NOTHING], rtol=1e-6)


def test_a_store_that_nobody_has_visited_has_equal_popularity_and_no_other_evidence() -> None:
    evidence = Evidence(five_users.past_of(five_users.world(events=[("u1", "p1", "view", -1)])), MODEL)
    np.testing.assert_allclose(evidence.log_popularity, [[math.log(0.2)] * 3] * 5, rtol=1e-6)
    channels = _channels(evidence)
    silent = [name for name in NAMES if not np.any(channels[name])]
    assert silent == [name for name in NAMES if name != "garage_fitment"]


def test_features_are_those_of_the_users_and_candidates_asked_for(channels: dict[str, list[list[float]]]) -> None:
    # u3 with p2 and p4, then u1 with p1, in this order.
    candidates = sparse.csr_array(np.array([[0, 1, 0, 1, 0], [1, 0, 0, 0, 0]], dtype=bool))
    evidence = Evidence(five_users.past_of(five_users.world()), MODEL)
    columns = evidence.features(np.array([2, 0]), candidates)
    expected = [[channels[name][user][part] for name in NAMES] for user, part in ((2, 1), (2, 3), (0, 0))]
    np.testing.assert_allclose(columns, expected, rtol=1e-6)
    assert columns.dtype == np.float32

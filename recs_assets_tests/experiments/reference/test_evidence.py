"""Each channel on three users and three items, by hand; and the shared ones against the model's own."""

import numpy as np
import pytest
from scipy import sparse

from recs_assets import settings_file
from recs_assets.experiments.reference.evidence import CHANNELS, StaticEvidence, right_singular_vectors
from recs_assets.gnn.channels.evidence import Evidence, feature_names
from recs_assets.settings import Settings
from recs_assets_tests.gnn import five_users

# Users a, b, c; items 0, 1, 2.
TRAIN = sparse.csr_array(np.array([[1.0, 1, 0], [0, 1, 0], [1, 0, 1]]))
USERS = np.arange(3)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return settings_file.load()


def _of(name: str, settings: Settings, train: sparse.csr_array = TRAIN) -> list[list[float]]:
    (values,) = StaticEvidence(train, (name,), settings).of(USERS)
    assert values.dtype == np.float32
    return values.tolist()


def test_popularity_counts_users_and_has_a_floor(settings: Settings) -> None:
    # The mean item has 5/3 users, a fiftieth of that is the floor.
    floor = 0.02 * 5 / 3
    np.testing.assert_allclose(_of("popularity", settings), [[2 + floor, 2 + floor, 1 + floor]] * 3, rtol=1e-6)


def test_the_walk_goes_to_items_then_their_users_then_those_users_items(settings: Settings) -> None:
    # From item 0 to a and c, half each: 0 1/2, 1 1/4, 2 1/4. From item 1 to a and b: 0 1/4, 1 3/4. From item 2 to c: 1/2, 0, 1/2.
    expected = [[3 / 8, 1 / 2, 1 / 8], [1 / 4, 3 / 4, 0], [1 / 2, 1 / 8, 3 / 8]]
    np.testing.assert_allclose(_of("walk", settings), expected, rtol=1e-6)


def test_users_alike_speak_for_what_they_have(settings: Settings) -> None:
    # In common, items weighing 1 / root of their users (0 and 1: 1 / root 2, 2: 1): a a root 2, a b and a c 1 / root 2,
    # b b 1 / root 2, b c nothing, c c 1 + 1 / root 2. Squared, and divided by the product of the users' numbers of items:
    aa, ab, ac, bb, cc = 2 / 4, (1 / 2) / 2, (1 / 2) / 4, 1 / 2, (1.5 + np.sqrt(2)) / 4
    expected = [[aa + ac, aa + ab, ac], [ab, ab + bb, 0], [ac + cc, ac, cc]]
    np.testing.assert_allclose(_of("neighbours", settings), expected, rtol=1e-6)


def test_one_frequency_is_the_roots_of_the_item_degrees(settings: Settings) -> None:
    # The first right singular vector of the normalised matrix is root(degree) / root(all pairs), its filter
    # r D^-1/2 v v' D^1/2: (items of the user) x degree / 5.
    expected = [
        [2 * degree / 5 for degree in (2, 2, 1)],
        [degree / 5 for degree in (2, 2, 1)],
        [2 * degree / 5 for degree in (2, 2, 1)],
    ]
    np.testing.assert_allclose(_of("low_pass", settings), expected, rtol=1e-5)


def test_singular_vectors_span_what_the_exact_ones_do() -> None:
    # Singular values 64, 32, 16, ...: a clear gap behind the third.
    rng = np.random.default_rng(3)
    left, right = (np.linalg.qr(rng.standard_normal((n, 8)))[0] for n in (30, 20))
    vectors = right_singular_vectors(sparse.csr_array((left * 2.0 ** np.arange(6, -2, -1)) @ right.T, dtype=np.float32), 3)
    np.testing.assert_allclose(vectors @ vectors.T, right[:, :3] @ right[:, :3].T, atol=1e-4)


def test_the_shared_channels_are_the_models_with_the_decay_off() -> None:
    settings = five_users.settings()
    forever = float("inf")
    timeless = settings.model.model_copy(
        update={
            "popularity_half_lives_days": (forever, forever, forever),
            "cosine_half_lives_days": (forever,),
            "walk_half_life_days": forever,
            "history_half_life_days": forever,
        }
    )
    orders = [(user, part, "order", 1) for user, part in (("u1", "p1"), ("u1", "p2"), ("u2", "p2"), ("u3", "p1"), ("u3", "p3"))]
    past = five_users.past_of(five_users.world(events=orders))
    every_part = sparse.csr_array(np.ones((5, 5), dtype=bool))
    evidence = Evidence(past, timeless)
    columns = evidence.features(np.arange(5), every_part)
    cosine, walk = (columns[:, feature_names(timeless).index(name)].reshape(5, 5) for name in ("cosine_infd", "walk"))
    train = past.touched(forever)
    train.data[:] = 1.0
    ours = dict(zip(CHANNELS, StaticEvidence(train, CHANNELS, settings).of(np.arange(5)), strict=True))
    np.testing.assert_allclose(ours["cosine"], cosine, rtol=1e-5)
    np.testing.assert_allclose(ours["walk"], walk, rtol=1e-5)
    share = ours["popularity"] / ours["popularity"].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.log(share), np.tile(evidence.log_popularity[:, 2], (5, 1)), rtol=1e-5)

"""Each baseline on three users and four parts, by hand."""

import numpy as np
import pytest
from scipy import sparse

from recs_assets.ranking import baselines

# Users a, b, c; parts 0 ... 3. Nobody bought part 3.
TRAIN = sparse.csr_array(np.array([[1.0, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 0]]))


def test_popularity_is_the_same_for_everybody():
    assert baselines.popularity(np.array([3.0, 1.0]), 2).tolist() == [[3.0, 1.0], [3.0, 1.0]]


def test_popularity_orders_what_evidence_leaves_equal():
    scores = baselines.add_popularity(np.array([[0.5, 0.0, 0.0, 0.5], [0.0, 0.0, 0.0, 0.0]]), np.array([1.0, 2, 9, 4]))
    assert np.argsort(-scores, axis=1).tolist() == [[3, 0, 2, 1], [2, 3, 1, 0]]


def test_item_knn_is_the_shrunk_cosine_without_the_diagonal():
    knn = baselines.item_knn(TRAIN, shrinkage=1.0, neighbours=10).toarray()
    by_hand = 1 / (np.sqrt(3) + 1)
    expected = [[0, by_hand, by_hand, 0], [by_hand, 0, 0, 0], [by_hand, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(knn, expected)


def test_item_knn_keeps_the_nearest_and_blocks_do_not_matter(monkeypatch):
    counts = np.random.default_rng(0).poisson(0.4, (60, 25)).astype(float)
    whole = baselines.item_knn(sparse.csr_array(counts), shrinkage=2.0, neighbours=4).toarray()
    gram, norm = counts.T @ counts, np.sqrt((counts**2).sum(axis=0))
    cosine = gram / (np.outer(norm, norm) + 2.0)
    np.fill_diagonal(cosine, 0)
    fourth = np.sort(cosine, axis=1)[:, -4][:, None]
    np.testing.assert_allclose(whole, np.where((cosine >= fourth) & (whole > 0), cosine, 0))
    assert ((whole > 0).sum(axis=1) == 4).all()
    monkeypatch.setattr(baselines, "KNN_BLOCK", 7)
    in_blocks = baselines.item_knn(sparse.csr_array(counts), shrinkage=2.0, neighbours=4).toarray()
    np.testing.assert_array_equal(in_blocks, whole)


@pytest.mark.parametrize(("n_users", "n_parts"), [(40, 6), (6, 40)])
def test_ease_solves_its_least_squares_problem_by_parts_and_by_users(n_users, n_parts):
    counts = np.random.default_rng(1).poisson(0.5, (n_users, n_parts)).astype(float)
    weights = baselines.ease(sparse.csr_array(counts), regularization=3.0, max_parts=n_parts).weights
    # Column j is the ridge regression of part j on the others (Steck 2019, section 3.1).
    for j in range(n_parts):
        others = [i for i in range(n_parts) if i != j]
        gram = counts[:, others].T @ counts[:, others] + 3.0 * np.eye(n_parts - 1)
        ridge = np.linalg.solve(gram, counts[:, others].T @ counts[:, j])
        np.testing.assert_allclose(weights[others, j], ridge, atol=1e-6)
        assert weights[j, j] == 0


def test_ease_over_the_most_bought_parts_leaves_the_others_at_zero():
    weights = baselines.ease(TRAIN, regularization=1.0, max_parts=2)
    assert weights.products.tolist() == [0, 1]
    scores = baselines.score_history(sparse.csr_array(np.array([[1.0, 0, 1, 0], [0, 0, 1, 0]])), weights)
    # Gram [[4, 1], [1, 2]], inverse [[2, -1], [-1, 4]] / 7: B[0, 1] = 1/7 / (4/7).
    np.testing.assert_allclose(scores, [[0, 0.25, 0, 0], [0, 0, 0, 0]], rtol=1e-6)


def test_a_history_sums_the_weights_of_ease():
    random = np.random.default_rng(3)
    train, history = (sparse.csr_array(random.poisson(0.3, (n_rows, 25)).astype(float)) for n_rows in (80, 12))
    weights = baselines.ease(train, regularization=2.0, max_parts=20)
    expected = np.zeros(history.shape)
    expected[:, weights.products] = history[:, weights.products] @ weights.weights.astype(np.float64)
    together = baselines.score_history(history, weights)
    np.testing.assert_allclose(together, expected, rtol=0, atol=1e-7)
    alone = [baselines.score_history(history[[row]], weights) for row in range(12)]
    np.testing.assert_array_equal(np.concatenate(alone), together)


def test_walk_of_three_steps_by_hand():
    history = sparse.csr_array(np.array([[0.0, 2, 0, 0], [3, 1, 0, 0], [0, 0, 0, 0]]))
    walked = baselines.p3(TRAIN)(history)
    # From part 1 only to user a, who has parts 0 and 1; from part 0 to a, b, c with 1/3 each.
    from_0 = np.array([1 / 6 + 1 / 6 + 1 / 3, 1 / 6, 1 / 6, 0])
    from_1 = np.array([1 / 2, 1 / 2, 0, 0])
    np.testing.assert_allclose(walked, [from_1, 0.75 * from_0 + 0.25 * from_1, [0, 0, 0, 0]])


def test_a_walk_is_the_same_to_the_bit_whoever_is_walked_from_besides():
    random = np.random.default_rng(2)
    train, history = (sparse.csr_array(random.poisson(0.3, (n_rows, 30)).astype(float)) for n_rows in (200, 50))
    walk = baselines.p3(train)
    together = walk(history)
    assert np.count_nonzero(together) > 1_000
    np.testing.assert_array_equal(np.concatenate([walk(history[[row]]) for row in range(50)]), together)


def test_history_sums_its_evidence():
    item_item = sparse.csr_array(np.array([[0, 0.5, 0.2, 0], [0.5, 0, 0, 0], [0.2, 0, 0, 0], [0, 0, 0, 0]]))
    scores = baselines.score_history(sparse.csr_array(np.array([[1.0, 0, 2, 0]])), item_item)
    assert scores.tolist() == [[pytest.approx(0.4), 0.5, pytest.approx(0.2), 0]]


def test_gf_cf_is_two_filters_of_the_normalised_matrix() -> None:
    # Users a, b, c have bought 2, 1 and 2 parts, parts 0, 1, 2 were bought by 2, 2 and 1 users.
    train = sparse.csr_array(np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]))
    normalised = np.array([[1 / 2, 1 / 2, 0], [0, np.sqrt(1 / 2), 0], [1 / 2, 0, np.sqrt(1 / 2)]])
    gram = normalised.T @ normalised
    first = np.linalg.eigh(gram)[1][:, -1:]  # the one lowest frequency
    roots = np.sqrt([2.0, 2.0, 1.0])
    history = np.array([[1.0, 0.0, 0.0]])
    expected = history @ gram + 0.3 * ((history / roots) @ first @ first.T) * roots
    scores = baselines.gf_cf(train, n_frequencies=1)(sparse.csr_array(history))
    np.testing.assert_allclose(scores, expected, rtol=1e-7)

"""Walks between four parts through three people, the numbers worked out by hand, whichever way they are followed."""

import numpy as np
import pytest
from scipy import sparse

from recs_assets.gnn.channels import walks
from recs_assets.gnn.channels.walks import Steps, Walks

# Person a touched parts 0 and 1, b parts 1 and 2, c part 2; nobody part 3. What parts give to people, and people to parts:
TO_USERS = [[1.0, 0, 0], [0.5, 0.5, 0], [0, 0.25, 0.75], [0, 0, 0]]
TO_PRODUCTS = [[0.5, 0.5, 0, 0], [0, 0.75, 0.25, 0], [0, 0, 1.0, 0]]
# From part to part, by this and by the same steps backwards.
FORTH = [[1 / 2, 1 / 2, 0, 0], [1 / 4, 5 / 8, 1 / 8, 0], [0, 3 / 16, 13 / 16, 0], [0, 0, 0, 0]]
BACK = [[1 / 2, 1 / 4, 0, 0], [1 / 2, 5 / 8, 3 / 16, 0], [0, 1 / 8, 13 / 16, 0], [0, 0, 0, 0]]
FEW, MANY = 1, 1_000


def _sparse(rows: list[list[float]]) -> sparse.csr_array:
    return sparse.csr_array(np.array(rows, dtype=np.float32))


def _walks(n_asked: int) -> Walks:
    to_users, to_products = _sparse(TO_USERS), _sparse(TO_PRODUCTS)
    backwards = sparse.csr_array(to_products.T), sparse.csr_array(to_users.T)
    return Walks(((to_users, to_products), backwards), n_asked)


HISTORIES = _sparse([[1, 0, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 0], [0, 0, 0, 1]])
EVERY_PART = sparse.csr_array(np.ones((4, 4), dtype=bool))


@pytest.fixture(params=["through people", "through parts"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Walks:
    """The walks, followed in one way and in the other."""
    monkeypatch.setattr(Walks, "is_cheaper_through_parts", request.param == "through parts")
    return _walks(FEW)


def test_a_walk_goes_from_a_history_to_its_peoples_parts(both_ways: Walks) -> None:
    forth, back = both_ways.reached(HISTORIES, EVERY_PART).T.reshape(2, 4, 4)
    nothing = [0, 0, 0, 0]
    np.testing.assert_allclose(forth, [FORTH[0], [1 / 8, 13 / 32, 15 / 32, 0], nothing, nothing], rtol=1e-6)
    np.testing.assert_allclose(back, [BACK[0], [1 / 4, 3 / 8, 1 / 2, 0], nothing, nothing], rtol=1e-6)


def test_only_candidates_are_looked_up(both_ways: Walks) -> None:
    candidates = sparse.csr_array(np.array([[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0]], dtype=bool))
    reached = both_ways.reached(HISTORIES, candidates)
    np.testing.assert_allclose(reached, [[1 / 2, 1 / 4], [0, 0], [0, 0], [0, 0]], rtol=1e-6)


def test_nobody_and_nothing_to_look_up_are_answered_with_nothing(both_ways: Walks) -> None:
    assert both_ways.reached(sparse.csr_array((0, 4)), sparse.csr_array((0, 4), dtype=bool)).shape == (0, 2)
    assert both_ways.reached(HISTORIES, sparse.csr_array((4, 4), dtype=bool)).shape == (0, 2)


def _random(seed: int, n_people: int = 60, n_products: int = 30) -> tuple[Steps, sparse.csr_array, sparse.csr_array]:
    rng = np.random.default_rng(seed)
    touched, history = (
        sparse.csr_array(sparse.random_array(shape, density=0.2, format="csr", dtype=np.float32, rng=rng))
        for shape in ((n_people, n_products), (40, n_products))
    )
    candidates = sparse.csr_array(rng.random((40, n_products)) < 0.4)
    return (sparse.csr_array(touched.T), touched), history, candidates


def test_memory_and_threads_change_no_bit_and_no_row_depends_on_another(
    both_ways: Walks, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, history, candidates = _random(1)
    followed = Walks((steps, steps), FEW)
    expected = followed.reached(history, candidates)
    # Two columns at a time, one kept block and the others made again; one row at a time through people.
    monkeypatch.setattr(walks, "CELLS_PER_THREAD", 120)
    monkeypatch.setattr(walks, "ENTRIES_KEPT_A_WALK", 50)
    sparing = Walks((steps, steps), FEW)
    for _ in range(2):
        np.testing.assert_array_equal(sparing.reached(history, candidates, threads=2), expected)
    odd = np.arange(1, 40, 2)
    is_odd = np.repeat(np.arange(40) % 2 == 1, np.diff(candidates.indptr))
    np.testing.assert_array_equal(sparing.reached(history[odd], candidates[odd]), expected[is_odd])


def test_both_ways_agree_on_a_random_world() -> None:
    steps, history, candidates = _random(2)
    few, many = Walks((steps,), FEW), Walks((steps,), 10**6)
    assert (few.is_cheaper_through_parts, many.is_cheaper_through_parts) == (False, True)
    reached = many.reached(history, candidates)
    assert reached.any()
    np.testing.assert_allclose(few.reached(history, candidates), reached, rtol=1e-5)


def test_the_matrix_between_parts_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, history, candidates = _random(3)
    monkeypatch.setattr(walks, "CELLS_PER_THREAD", 120)
    followed = Walks((steps,), 10**6)
    followed.reached(history, candidates)
    kept = dict(followed._kept)
    assert sorted(kept) == list(range(0, 30, 4))
    followed.reached(history, candidates)
    assert all(followed._kept[start] is block for start, block in kept.items())


def test_parts_are_worth_it_for_many_histories_among_more_people_than_parts() -> None:
    def cheaper(n_asked: int, parts_of_each: list[int], n_products: int = 10) -> bool:
        starts = np.concatenate([[0], np.cumsum(parts_of_each)])
        products = np.concatenate([np.arange(n) for n in parts_of_each])
        touched = sparse.csr_array((np.ones(starts[-1], np.float32), products, starts), shape=(len(parts_of_each), n_products))
        return Walks(((sparse.csr_array(touched.T), touched),), n_asked).is_cheaper_through_parts

    # 100 people of 2 parts: through people 400 a history; through parts 50 x 100 x 4 = 20,000 once, then 2 x 10 a history.
    assert [cheaper(n, [2] * 100) for n in (52, 53)] == [False, True]
    # A person of all ten parts costs 50 x 100 more once, and makes a walk through people only a little longer.
    assert [cheaper(n, [2] * 100 + [10]) for n in (62, 63)] == [False, True]
    # In a store of more parts than its people have touched together, a row between parts is longer than their whole history.
    assert not cheaper(10**9, [2] * 100, n_products=300)

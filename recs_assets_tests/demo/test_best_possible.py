"""The best possible rankers: a world of five parts worked by hand, and whether what they say comes true in many draws."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from recs_assets.demo.best_possible import BestPossible
from recs_assets.demo.browsing import CART, ORDER, VIEW, Interactions, build_interactions
from recs_assets.demo.draw_chances import DrawChances
from recs_assets.demo.past import OtherWorldError
from recs_assets.demo.people import ONE_TIME, REPEAT
from recs_assets.demo.presets import PRESETS
from recs_assets.demo.purchases import Orders, World, build_orders
from recs_assets.demo.timeline import WEEK, start
from recs_assets.demo.world import build
from recs_assets_tests.demo.five_parts import IN_0, IN_1, PARTS, A, B, C, D, E, log_of, world_of

ME = 1


def _basket(chance: float) -> float:
    """Chance that some draw of one, two, three or four is of this chance."""
    return 1 - (0.35 * (1 - chance) + 0.3 * (1 - chance) ** 2 + 0.2 * (1 - chance) ** 3 + 0.15 * (1 - chance) ** 4)


def _informed(world: World, log: Interactions, week: int) -> dict[int, float]:
    values = BestPossible(world, log, week).chances(np.full(5, ME), np.array(PARTS))["informed"]
    return dict(zip(PARTS, values.tolist(), strict=True))


def _mixed(of_project_0: float) -> dict[int, float]:
    """The chances of all parts but the companion's by the chance of project 0."""
    return {part: of_project_0 * _basket(IN_0[part]) + (1 - of_project_0) * _basket(IN_1[part]) for part in PARTS if part != D}


def _of(expected: dict[int, float], values: dict[int, float]) -> dict[int, float]:
    """The values of the parts of which something is expected."""
    return {part: values[part] for part in expected}


def test_one_draw() -> None:
    draws = DrawChances(world_of([ONE_TIME], [[0, 0, 0]]))
    chances = draws.of_parts(np.zeros(5, dtype=np.int64), np.zeros(5, dtype=np.int64), np.array(PARTS))
    assert chances[:, 0].tolist() == pytest.approx(list(IN_0.values()))
    assert chances[:, 1].tolist() == pytest.approx(list(IN_1.values()))
    assert (sum(IN_0.values()), sum(IN_1.values())) == pytest.approx((1, 1))


def test_a_shelf_without_parts_of_the_project_is_drawn_from_as_a_whole() -> None:
    world = world_of([ONE_TIME], [[1, 1, 1]])
    parts = replace(world.parts, project=np.array([0, 0, 0, 1, 0, 0, 0]))
    demand = replace(world.demand, starts=np.array([0, 3, 3, 4, 5, 6, 7]))
    draws = DrawChances(replace(world, parts=parts, demand=demand))
    row = np.zeros(3, dtype=np.int64)
    # In project 1 half of the draws go to the vehicle's shelf, whatever the project: 2/8, 2/8, 4/8.
    assert draws.of_parts(row, row, np.array([C, D, E]))[:, 1].tolist() == pytest.approx([0.125, 0.125, 0.25])
    assert draws.of_nothing(row[:1], row[:1]).tolist() == [0.0]


def test_the_clairvoyant_knows_the_project_and_that_the_companion_comes_at_once() -> None:
    world = world_of([ONE_TIME], [[1, 1, 1]])
    values = BestPossible(world, log_of([]), 6).chances(np.full(5, ME), np.array(PARTS))["clairvoyant"]
    # D is drawn (.025), or C is (.025) and D follows, in two cases of five; nobody orders again whom it could wait for.
    with_c = 0.6 * _basket(0.025) + 0.4 * _basket(0.05)
    expected = [_basket(0.025), _basket(0.475), _basket(0.025), with_c, _basket(0.45)]
    assert values.tolist() == pytest.approx(expected)


def test_the_clairvoyant_does_not_know_which_of_three_projects_it_is() -> None:
    world = world_of([REPEAT], [[0, 1, 1]])
    (value,) = BestPossible(world, log_of([]), 6).chances(np.array([ME]), np.array([B]))["clairvoyant"]
    assert value == pytest.approx(0.55 * _basket(0.075) + 0.45 * _basket(0.475))


def test_of_a_stranger_the_owners_of_the_vehicle_tell() -> None:
    world = world_of([ONE_TIME], [[1, 1, 1]])
    expected = _mixed(0.75)
    assert _of(expected, _informed(world, log_of([]), 6)) == pytest.approx(expected, rel=1e-9)


def test_one_look_at_a_part_counts_as_one_draw() -> None:
    world = world_of([ONE_TIME], [[0, 0, 0]], arrival=3)
    # Prior 3 to 1, and .225 to .025 that the part was drawn: 27 to 1.
    expected = _mixed(27 / 28)
    assert _of(expected, _informed(world, log_of([(ME, C, VIEW, 3.5)]), 6)) == pytest.approx(expected, rel=1e-9)


def test_many_looks_are_one_draw_or_several() -> None:
    world = world_of([ONE_TIME], [[0, 0, 0]], arrival=3)
    looks = [(ME, C, VIEW, 3.5), (ME, C, VIEW, 3.6), (ME, C, CART, 3.6)]

    def likelihood(chance: float) -> float:
        # 1 + Poisson(2) draws, of a part one look and Poisson(4) more, in the cart in one case of 25. One draw: e^-2, and one
        # look more, e^-4 * 4. Two draws: e^-2 * 2, both this part, e^-8 no more looks, one of both in the cart.
        once = np.exp(-2) * chance * np.exp(-4) * 4 * 0.04
        return float(once + np.exp(-2) * 2 * chance**2 * np.exp(-8) * 2 * 0.04 * 0.96)

    of_0, of_1 = 0.75 * likelihood(0.225), 0.25 * likelihood(0.025)
    expected = _mixed(of_0 / (of_0 + of_1))
    assert _of(expected, _informed(world, log_of(looks), 6)) == pytest.approx(expected, rel=1e-9)


def _bought(*parts: int, week: float) -> list[tuple[int, int, int, float]]:
    """An order in which every part was looked at but once before it: nobody can have looked around besides."""
    return [(ME, part, kind, week + later) for part in parts for kind, later in ((VIEW, 0.0), (ORDER, 0.01))]


def test_an_order_tells_of_its_project() -> None:
    # A one-time buyer, that one order tells of exactly; it is new that somebody of this kind orders once more.
    world = world_of([ONE_TIME], [[0, 0, 0]], arrival=3)
    log = log_of([(ME, B, VIEW, 3.5), *_bought(A, E, week=4.5)])

    def likelihood(chances: dict[int, float]) -> float:
        a, e = chances[A], chances[E]
        of_two, of_three = 2 * a * e, 3 * (a**2 * e + a * e**2)
        of_four = 4 * a**3 * e + 6 * a**2 * e**2 + 4 * a * e**3
        return chances[B] * (0.3 * of_two + 0.2 * of_three + 0.15 * of_four)

    of_0, of_1 = 0.75 * likelihood(IN_0), 0.25 * likelihood(IN_1)
    values = _informed(world, log, 6)
    expected = _mixed(of_0 / (of_0 + of_1)) | {A: 0.0, E: 0.0}
    assert _of(expected, values) == pytest.approx(expected, rel=1e-9)


def test_the_companion_of_the_last_order_is_awaited() -> None:
    world = world_of([ONE_TIME], [[0, 0, 0]], arrival=2)
    values = _informed(world, log_of(_bought(C, week=4.5)), 6)

    # Whether in one draw or more: C alone was kept.
    def likelihood(chance: float) -> float:
        return 0.35 * chance + 0.3 * chance**2 + 0.2 * chance**3 + 0.15 * chance**4

    of_0, of_1 = 0.75 * likelihood(0.225), 0.25 * likelihood(0.025)
    drawn = (of_0 * _basket(0.225) + of_1 * _basket(0.025)) / (of_0 + of_1)
    assert values[D] == pytest.approx(1 - 0.6 * (1 - drawn))
    assert values[C] == 0
    late = _informed(world, log_of(_bought(C, week=3.5)), 11)
    assert late[D] == pytest.approx(drawn)


def test_what_the_world_could_not_have_brought_about_is_refused() -> None:
    world = world_of([ONE_TIME], [[0, 0, 0]], arrival=3)
    with pytest.raises(ValueError, match="week 3 begins"):
        _informed(world, log_of([(ME, C, VIEW, 3.5)]), 3)
    unknown = replace(world, demand=replace(world.demand, popularity=np.zeros_like(world.demand.popularity)))
    with pytest.raises(OtherWorldError, match="somebody did what is not possible"):
        _informed(unknown, log_of([(ME, C, VIEW, 3.5)]), 6)
    with pytest.raises(OtherWorldError, match="not among the active users"):
        BestPossible(world, log_of([]), 6).chances(np.array([0]), np.array([C]))


def _held(world: World, orders: Orders, week: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Who orders in a week, and which parts every order holds, shape (n_buyers, n_parts)."""
    theirs = np.flatnonzero((orders.at - start(world.preset.weeks)) // WEEK == week)
    holds = np.zeros((theirs.size, world.parts.price.size), dtype=bool)
    line = np.isin(orders.line_order, theirs)
    holds[np.searchsorted(theirs, orders.line_order[line]), orders.line_part[line]] = True
    return world.active.user[orders.active[theirs]], holds


def test_the_parts_of_many_orders_come_as_often_as_is_said() -> None:
    n = 20_000
    # Repeat buyers order in week 6, when nothing came before, and often again within thirty days.
    world = world_of([REPEAT] * n, [[0, 1, 1]] * n, arrival=6, buying_rate=0.6)
    user, holds = _held(world, build_orders(world, 1), 6)
    values = BestPossible(world, log_of([]), 6).chances(np.full(5, ME), np.array(PARTS))["clairvoyant"]
    assert user.size > 10_000
    n_with = holds[:, list(PARTS)].sum(axis=0)
    for part, count, chance in zip(PARTS, n_with, values, strict=True):
        assert stats.binomtest(int(count), user.size, float(chance)).pvalue > 0.001, part


@pytest.fixture(scope="module")
def calm() -> tuple[World, Orders, Interactions]:
    """Many active users in a world of 300 parts, without the pair that is planted by count."""
    preset = replace(PRESETS["tiny"], users=8_000, active_share=0.9)
    world, _ = build(preset, seed=3, no_signal=False)
    orders = build_orders(world, 3)
    return world, orders, build_interactions(world, orders, 3)


def test_what_the_past_tells_of_people_comes_true_of_so_many_of_them(calm: tuple[World, Orders, Interactions]) -> None:
    world, orders, interactions = calm
    week = world.preset.weeks - 1
    user, holds = _held(world, orders, week)
    past = interactions.at < start(world.preset.weeks) + week * WEEK
    columns = (interactions.user, interactions.part, interactions.kind, interactions.at, interactions.order)
    best = BestPossible(world, Interactions(*(column[past] for column in columns)), week)
    n_parts = world.parts.price.size
    buyer, part = np.repeat(user, n_parts), np.tile(np.arange(n_parts), user.size)
    informed, clairvoyant = best.chances(buyer, part).values()
    n_with = holds.ravel()
    for values in (informed, clairvoyant):
        assert ((values >= 0) & (values <= 1)).all()
        edges = np.quantile(values[values > 0.001], [0, 0.5, 0.8, 0.95, 0.99])
        for low, high in zip(edges, [*edges[1:], 1.1], strict=True):
            rows = (values >= low) & (values < high)
            expected, spread = values[rows].sum(), np.sqrt((values[rows] * (1 - values[rows])).sum())
            assert abs(n_with[rows].sum() - expected) < 4 * spread, (low, high)
    popular = world.demand.popularity[week, part]
    kept = [_found_of_ten(values, holds) for values in (clairvoyant, informed, popular)]
    assert kept[0] > kept[1] > kept[2]


def _found_of_ten(values: NDArray[np.float64], holds: NDArray[np.bool_]) -> float:
    """Share of the ordered parts that stand among the ten of the highest values."""
    first = np.argsort(-values.reshape(holds.shape), axis=1)[:, :10]
    return float(np.take_along_axis(holds, first, axis=1).sum() / holds.sum())

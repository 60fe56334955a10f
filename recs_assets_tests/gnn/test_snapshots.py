"""What a snapshot knows of five users, and that nothing at or after its moment is in it."""

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from scipy import sparse

from recs_assets.gnn import graph
from recs_assets.gnn.channels.evidence import Evidence
from recs_assets.gnn.snapshots import DAY_MICROSECONDS, LeakageError, Snapshot, edge_weights, held_out, microseconds, snapshot
from recs_assets.model_settings import EventWeightsSettings
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import FUTURE, OWNED, OWNED_LATER, PAST, PRODUCTS, USERS, past_of, world


def _pairs(matrix: sparse.csr_array) -> dict[tuple[str, str], float]:
    rows, columns = matrix.nonzero()
    return {
        (USERS[row], PRODUCTS[column]): value for row, column, value in zip(rows, columns, matrix[rows, columns], strict=True)
    }


def _held_out(past: Snapshot, **choices: Any) -> list[tuple[str, str]]:
    users, products = held_out(past, **({"days": 7, "orders_only": True, "exclude_bought_days": None} | choices))
    return [(USERS[user], PRODUCTS[product]) for user, product in zip(users, products, strict=True)]


def test_microseconds_are_exact() -> None:
    assert microseconds(dt.datetime(1970, 1, 2, tzinfo=dt.UTC)) == 86_400_000_000
    # Odd and above 2 ** 53: seconds as a float would lose the last microsecond.
    assert microseconds(dt.datetime(2285, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC)) == 9_972_028_799_999_999
    assert microseconds(dt.datetime(2026, 3, 2, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))) == 1_772_409_600_000_000


def test_an_event_at_as_of_is_not_seen_and_one_a_microsecond_earlier_is() -> None:
    microsecond = 1 / DAY_MICROSECONDS
    past = past_of(world(events=[("u1", "p1", "view", microsecond), ("u4", "p1", "order", 0), ("u5", "p2", "cart", -1)]))
    assert past.n_events.tolist() == [1, 0, 0, 0, 0]
    assert past.log.user.tolist() == [0]


def test_a_vehicle_added_at_as_of_or_later_is_not_in_the_garage() -> None:
    # Rows u1 … u5, columns v1 … v4: u5's v4 was added at the moment itself, u2's v1 three days later.
    expected = [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(past_of(world()).garages.toarray(), expected)


def test_a_vehicle_named_twice_is_owned_once() -> None:
    past = past_of(world(owned=[("u1", "v1", None), ("u1", "v1", 5)]))
    assert past.garages.toarray()[0].tolist() == [1, 0, 0, 0]


def test_what_happens_later_changes_nothing_at_all() -> None:
    planted = (*FUTURE, *((user, product, "order", -0.5) for user in USERS for product in PRODUCTS))
    before = _everything(world(PAST, OWNED))
    after = _everything(world(PAST + planted, OWNED + OWNED_LATER))
    assert before.keys() == after.keys()
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values, err_msg=name)


@pytest.mark.parametrize(
    ("what", "event"),
    [("features", ("u1", "p3", "order", 1)), ("state", ("u5", "p5", "view", 1)), ("bought", ("u3", "p3", "order", 1))],
)
def test_the_same_comparison_notices_an_event_of_the_day_before(what: str, event: five_users.Event) -> None:
    before, after = _everything(world(PAST, OWNED)), _everything(world((*PAST, event), OWNED))
    assert not np.array_equal(before[what], after[what])


def test_the_state_counts_events_and_days_since_the_last_one() -> None:
    # u1: 3 events, the last one 20 days ago; u4 and u5 have none.
    expected = [
        [np.log(4), 0, np.log(21)],
        [np.log(3), 0, np.log(21)],
        [np.log(2), 0, np.log(21)],
        [0, 1, 0],
        [0, 1, 0],
    ]
    np.testing.assert_allclose(past_of(world()).state, expected)


def test_days_since_the_last_event_count_from_the_newest_one() -> None:
    past = past_of(world(events=[("u1", "p1", "view", 30), ("u1", "p2", "view", 4), ("u1", "p1", "view", 9)]))
    assert past.state[0] == pytest.approx([np.log(4), 0, np.log(5)])


def test_an_event_weighs_half_after_one_half_life() -> None:
    past = past_of(world(events=[("u1", "p1", "view", 20), ("u1", "p2", "cart", 10), ("u1", "p3", "order", 0.000001)]))
    # view 1, cart 2, order 3; ages two, one and no half-lives of 10 days.
    assert past.weights(10) == pytest.approx([0.25, 1.0, 3.0])


def test_touched_takes_the_strongest_event_of_a_pair_and_not_the_sum() -> None:
    # u1 and p2: an order (3) of 20 days ago counts 1.5 after a half-life of 20 days, a view (1) of 40 days ago 0.25.
    expected = {
        ("u1", "p1"): 0.5,
        ("u1", "p2"): 1.5,
        ("u2", "p2"): 1.5,
        ("u2", "p3"): 0.75,
        ("u3", "p3"): 0.5,
    }
    assert _pairs(past_of(world()).touched(20)) == pytest.approx(expected)


def test_the_strongest_event_is_the_one_after_decay() -> None:
    # The order of 40 days ago counts 3 / 4, the newer view 1 x 1/2 less, the cart of today 2 more.
    old_order, views = ("u1", "p1", "order", 40), [("u1", "p1", "view", 20), ("u1", "p1", "view", 21)]
    assert _pairs(past_of(world(events=[old_order, *views])).touched(20)) == pytest.approx({("u1", "p1"): 0.75})
    cart = ("u1", "p1", "cart", 1e-9)
    assert _pairs(past_of(world(events=[old_order, cart, *views])).touched(20)) == pytest.approx({("u1", "p1"): 2.0})


def test_bought_looks_back_so_many_days_and_at_orders_alone() -> None:
    past = past_of(world())
    everything = {("u1", "p2"): 1, ("u2", "p2"): 1, ("u2", "p3"): 1}
    assert _pairs(past.bought(None)) == everything
    assert _pairs(past.bought(40)) == everything  # the order of exactly 40 days ago is still in
    assert _pairs(past.bought(39)) == {("u1", "p2"): 1, ("u2", "p2"): 1}
    assert _pairs(past.bought(19)) == {}


def test_held_out_is_what_was_ordered_in_the_window() -> None:
    past = past_of(world())
    # The order at the moment itself is in; u2's order exactly 7 days later is not.
    assert _held_out(past) == [("u1", "p2"), ("u3", "p2"), ("u4", "p1")]
    assert _held_out(past, days=8) == [("u1", "p2"), ("u2", "p1"), ("u3", "p2"), ("u4", "p1")]
    assert _held_out(past, days=1) == [("u4", "p1")]


def test_an_order_just_before_the_window_is_not_held_out() -> None:
    past = past_of(
        world(
            events=[
                ("u4", "p1", "order", 1 / DAY_MICROSECONDS),
                ("u5", "p3", "order", -7 + 1 / DAY_MICROSECONDS),
                ("u3", "p2", "order", -7),
            ]
        )
    )
    assert _held_out(past) == [("u5", "p3")]


def test_held_out_may_count_every_event_and_each_pair_once() -> None:
    # u3 ordered p2 and put it into the cart: one pair.
    assert _held_out(past_of(world()), orders_only=False) == [("u1", "p2"), ("u1", "p4"), ("u3", "p2"), ("u4", "p1")]


def test_what_was_bought_before_is_not_held_out() -> None:
    past = past_of(world())
    assert _held_out(past, exclude_bought_days=365) == [("u3", "p2"), ("u4", "p1")]  # u1 bought p2 20 days before
    assert _held_out(past, exclude_bought_days=19) == [("u1", "p2"), ("u3", "p2"), ("u4", "p1")]


def test_a_moment_before_all_events_knows_nothing() -> None:
    weights = EventWeightsSettings(view=1, cart=3, order=5)
    early = snapshot(world(), microseconds(five_users.days_ago(1000)), weights)
    assert early.n_events.tolist() == [0] * 5
    assert early.touched(10).nnz == early.bought(None).nnz == 0
    # Ownership whose beginning nobody knows has always been there.
    assert early.garages.toarray().sum(axis=1).tolist() == [1, 0, 1, 0, 0]


def _everything(data: Any) -> dict[str, npt.NDArray[Any]]:
    """All that a snapshot says, for every user and every part."""
    past = past_of(data)
    everyone = np.arange(past.n_users)
    every_part = sparse.csr_array(np.ones((past.n_users, past.n_products), dtype=bool))
    options = five_users.settings().model
    said = {
        "features": Evidence(past, options).features(everyone, every_part),
        "popularity": Evidence(past, options).popularity,
        "state": past.state,
        "n_events": past.n_events,
        "garages": past.garages.toarray(),
        "fits": past.fits.toarray(),
        "bought": past.bought(None).toarray(),
        "bought lately": past.bought(30).toarray(),
    }
    return said | {f"touched {days}": past.touched(days).toarray() for days in (3, 20, 365)}


def test_a_pair_counts_from_the_week_in_which_enough_people_had_bought_both() -> None:
    tables = five_users.tables()
    # Weeks of 2026-02-09 and 02-16 have ended by 2 March, that of 03-02 has not begun.
    weeks = [dt.date(2026, 2, 9), dt.date(2026, 2, 16), dt.date(2026, 3, 2), dt.date(2026, 2, 9), dt.date(2026, 3, 2)]
    tables["co_purchase_edges"] = pa.table(
        {
            "product_id_a": ["p1", "p1", "p1", "p2", "p2"],
            "product_id_b": ["p2", "p2", "p2", "p3", "p3"],
            "week": weeks,
            "n_users": [1, 1, 5, 1, 5],
            "returned_at": pa.nulls(5, five_users.MOMENT),
        }
    )
    past = past_of(graph.build(tables))
    assert past.bought_with(2).toarray()[[0, 1], [1, 2]].tolist() == [2.0, 0.0]
    # The weeks ended 14 and 7 days before: 2 ^ -1 + 2 ^ -1/2 at a half-life of 14 days.
    assert past.bought_with(2, half_life_days=14)[0, 1] == pytest.approx(0.5 + 2**-0.5)
    earlier = past.as_of - 7 * DAY_MICROSECONDS
    assert past.bought_with(1, as_of=earlier)[0, 1] == 2.0
    assert past.bought_with(1, as_of=earlier - 1)[0, 1] == 1.0


def test_co_purchases_of_a_later_moment_are_refused() -> None:
    past = past_of(world())
    with pytest.raises(LeakageError, match=r"as of 28\.0 days after their snapshot"):
        past.bought_with(1, as_of=past.as_of + 28 * DAY_MICROSECONDS)


def test_a_held_out_pair_weighs_as_much_as_its_heaviest_event() -> None:
    past = past_of(world())
    users, products = held_out(past, days=7, orders_only=False, exclude_bought_days=None)
    named = [(USERS[user], PRODUCTS[product]) for user, product in zip(users, products, strict=True)]
    assert named == [("u1", "p2"), ("u1", "p4"), ("u3", "p2"), ("u4", "p1")]
    # An order is 1, a view a third of it; u3 put p2 into the cart before ordering it.
    assert edge_weights(past, users, products, days=7).tolist() == pytest.approx([1, 1 / 3, 1, 1])


def test_what_is_used_often_weighs_more() -> None:
    # u1 ordered p2 20 days ago (3) and viewed it 40 days ago (1), p1 was viewed once.
    used = past_of(world()).used(20)
    assert used[0].toarray().ravel().tolist() == pytest.approx([0.5, 1.75, 0, 0, 0])


def test_orders_that_are_no_evidence_are_bought_all_the_same() -> None:
    others = {"user_id": ["u3", "u4"], "product_id": ["p4", "p4"], "event_ts": [five_users.days_ago(400), five_users.AS_OF]}
    others |= {"returned_at": [None, None]}
    plain = five_users.past_of(five_users.world())
    past = five_users.past_of(graph.build(five_users.tables() | {"other_orders": pa.table(others, five_users.OTHER_ORDERS)}))
    assert past.log.user.tolist() == plain.log.user.tolist()
    assert _pairs(past.not_again(400)) == _pairs(plain.bought(400)) | {("u3", "p4"): 1.0}
    assert _pairs(past.not_again(399)) == _pairs(plain.not_again(399)) == _pairs(plain.bought(399))
    assert _pairs(past.bought(None)) == _pairs(plain.bought(None))


def test_what_was_returned_is_not_bought_from_then_on_and_was_until_then() -> None:
    day, plain = DAY_MICROSECONDS, past_of(world())
    # e1: u1 ordered p2 20 days ago. e6: u4 orders p1 at AS_OF.
    data = graph.build(five_users.tables(returned={"e1": five_users.days_ago(2), "e6": five_users.days_ago(-9)}))
    past = past_of(data)
    assert _pairs(past.bought(None)) == {pair: 1.0 for pair in _pairs(plain.bought(None)) if pair != ("u1", "p2")}
    assert _pairs(past.not_again(365)) == _pairs(past.bought(365))
    # It was viewed too, 40 days ago.
    assert (past.n_events[0], plain.n_events[0]) == (2, 3)
    weights = five_users.settings().events
    for moment, is_bought in ((past.as_of - 2 * day, True), (past.as_of - 2 * day + 1, False)):
        assert (("u1", "p2") in _pairs(snapshot(data, moment, weights).bought(None))) is is_bought
    # Of the week to come: what comes back later is no target of an evaluation, and one of a fit that ends before.
    assert ("u4", "p1") in _held_out(plain)
    assert ("u4", "p1") not in _held_out(past)
    assert ("u4", "p1") in _held_out(past, returns_known_at=past.as_of + 9 * day)
    assert ("u4", "p1") not in _held_out(past, returns_known_at=past.as_of + 9 * day + 1)
    # What was returned before may be bought anew.
    assert ("u1", "p2") in _held_out(past, exclude_bought_days=365)
    assert ("u1", "p2") not in _held_out(plain, exclude_bought_days=365)


def test_people_who_returned_one_of_a_pair_count_no_longer() -> None:
    tables = five_users.tables()
    pairs = {"product_id_a": ["p1", "p1"], "product_id_b": ["p2", "p2"], "week": [dt.date(2026, 2, 9)] * 2, "n_users": [2, 1]}
    returned = pa.array([None, five_users.days_ago(3)], five_users.MOMENT)
    past = past_of(graph.build(tables | {"co_purchase_edges": pa.table(pairs | {"returned_at": returned})}))
    assert past.bought_with(1)[0, 1] == 2.0
    at_that_moment = past.as_of - 3 * DAY_MICROSECONDS
    assert [past.bought_with(1, as_of=at_that_moment + late)[0, 1] for late in (0, 1)] == [3.0, 2.0]

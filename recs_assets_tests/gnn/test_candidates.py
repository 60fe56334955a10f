"""What five users may be shown, and the catalogue behind it, by hand."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from recs_assets.gnn import graph
from recs_assets.gnn.candidates import catalogue, eligible_candidates
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import AS_OF, PAST, PRODUCTS, days_ago, past_of, world

SETTINGS = five_users.settings()


def _shown(candidates: sparse.csr_array) -> list[list[str]]:
    return [[PRODUCTS[part] for part in np.flatnonzero(row)] for row in candidates.toarray()]


def test_candidates_fit_the_garage_or_everything_and_are_neither_bought_nor_ineligible() -> None:
    # u1 has v1 and v2, and bought p2; u2 has v2, and bought both parts that fit it; u3 has v3; u4 v1; u5 no vehicle.
    past = past_of(world())
    assert _shown(eligible_candidates(past, np.arange(5), SETTINGS)) == [
        ["p1", "p3", "p4"],
        ["p4"],
        ["p3", "p4"],
        ["p1", "p2", "p4"],
        ["p4"],
    ]
    keep_bought = five_users.settings(rules={"exclude_bought_days": None, "exclude_bought_variants": False})
    assert _shown(eligible_candidates(past, np.array([1, 0]), keep_bought)) == [["p2", "p3", "p4"], ["p1", "p2", "p3", "p4"]]


def test_a_variant_of_a_bought_part_is_no_candidate_where_the_rule_is_on() -> None:
    past = past_of(world([*PAST, ("u4", "p5", "order", 5)]))
    assert _shown(eligible_candidates(past, np.array([3]), SETTINGS)) == [["p2", "p4"]]
    without = five_users.settings(rules={"exclude_bought_variants": None})
    assert _shown(eligible_candidates(past, np.array([3]), without)) == [["p1", "p2", "p4"]]


def test_the_catalogue_is_the_products_with_what_they_fit() -> None:
    store = catalogue(past_of(world()))
    assert store.eligible.tolist() == [True, True, True, True, False]
    assert store.is_universal.tolist() == [False, False, False, True, False]
    assert store.part_type.tolist() == [0, 0, 1, 1, -1]
    assert store.variant_group.tolist() == [0, -1, -1, -1, 0]
    assert store.fits is not None
    # Rows p1 … p5, columns v1 … v4.
    expected = [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(store.fits.toarray(), expected)


def test_the_catalogue_of_a_store_without_fitment_has_none() -> None:
    tables = five_users.tables()
    tables["fits_edges"] = tables["fits_edges"].slice(0, 0)
    assert catalogue(past_of(graph.build(tables))).fits is None


@pytest.mark.parametrize(
    ("created", "events", "exists"),
    [
        (None, [], True),
        (days_ago(0.5), [], True),
        (AS_OF, [], False),
        (days_ago(-3), [], False),
        (days_ago(-3), [("u5", "p4", "view", 1)], True),  # seen before it was created: loaded anew
        (days_ago(-3), [("u5", "p4", "view", 0)], False),
    ],
)
def test_a_part_is_no_candidate_before_it_existed(
    created: dt.datetime | None, events: list[five_users.Event], exists: bool
) -> None:
    tables = five_users.tables([("u1", "p1", "view", 9), *events])
    moments = pa.array([None, None, None, created, None], pa.timestamp("us", "UTC"))
    products = tables["product_nodes"].drop_columns("created_at").append_column("created_at", moments)
    past = past_of(graph.build(tables | {"product_nodes": products}))
    assert _shown(eligible_candidates(past, np.array([4]), SETTINGS)) == [["p4"] if exists else []]

"""Of several rows for one thing: exact copies are counted and removed, and of others the newest decides."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pytest

from recs_assets_tests.small_shop import IN_WEEK, LAST_YEAR, RAW_TABLES, ROWS, SECOND, Row, outcome, outcome_of, part, small_shop
from recs_assets_tests.worlds import WEEK, Place, messages

NEWER = LAST_YEAR + dt.timedelta(days=1)
# The price of each part's newest row.
FAULTY_PRICES = {"p1": float("nan"), "p2": 0.0, "p3": None}

# Asset, and the row of its table that comes again.
COPIES: dict[str, tuple[str, list[Row], int]] = {
    "exact duplicate user": ("user_nodes", [ROWS["users"][0]], 1),
    "exact duplicate vehicle": ("vehicle_nodes", [ROWS["vehicles"][0]], 1),
    "exact duplicate part": ("product_nodes", [ROWS["products"][0]], 1),
    "exact duplicate fitment": ("fits_edges", [ROWS["fitment"][0]], 1),
    "exact duplicate ownership": ("owns_edges", [ROWS["ownership"][0]], 1),
    "exact duplicate event": ("interaction_edges", [ROWS["events"][1]] * 2, 2),
}
LATER_COPY = ("e2", "u1", "p1", "order", IN_WEEK + SECOND, "o1", 1)
REPEATED: dict[str, tuple[list[Row], int]] = {
    "repeated event_id": ([LATER_COPY], 1),
    "exact duplicate and repeated event_id": ([ROWS["events"][1], LATER_COPY], 2),
}
Outcomes = Mapping[str, tuple[list[tuple[str, str | None]], int, int]]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What comes of each table where all have copies at once."""
    place = small_shop(tmp_path_factory.mktemp("copied"), {RAW_TABLES[export]: rows for export, rows, _ in COPIES.values()})
    result = place.materialize([*(f"raw_{table}" for table in RAW_TABLES.values()), *RAW_TABLES], WEEK)
    assert messages(result) == {}
    return {export: outcome_of(place, result, export) for export in RAW_TABLES}


@pytest.mark.parametrize("fault", COPIES)
def test_a_copy_is_counted_and_removed(fault: str, copied: Outcomes) -> None:
    export, _, duplicates = COPIES[fault]
    assert copied[export] == ([], duplicates, len(ROWS[RAW_TABLES[export]]))


@pytest.mark.parametrize("fault", REPEATED)
def test_an_event_that_comes_again_is_counted_and_removed(fault: str, tmp_path: Path) -> None:
    rows, duplicates = REPEATED[fault]
    assert outcome(small_shop(tmp_path, {"events": rows}), "interaction_edges") == ([], duplicates, len(ROWS["events"]))


def test_of_two_rows_for_one_part_the_newest_is_kept(tmp_path: Path) -> None:
    place = small_shop(tmp_path, {"products": [part("p1", 120.0, created_at=NEWER)]})
    assert outcome(place, "product_nodes") == ([("older row of the same product_id", "p1")], 0, 3)
    kept = place.table("product_nodes").to_pylist()[0]
    assert (kept["price"], kept["created_at"]) == (120.0, LAST_YEAR), "a new price makes no new part"


def test_of_two_rows_for_one_user_the_newest_is_kept(tmp_path: Path) -> None:
    place = small_shop(tmp_path, {"users": [("u1", "ann@example.com", NEWER, False)]})
    assert outcome(place, "user_nodes") == ([("older row of the same user_id", "u1")], 0, 3)
    assert place.table("user_nodes").to_pylist()[0] == {"user_id": "u1", "created_at": LAST_YEAR}, "a vehicle of theirs is older"


def test_of_two_rows_for_one_vehicle_one_is_kept_always_the_same(tmp_path: Path) -> None:
    place = small_shop(tmp_path, {"vehicles": [("v1", 1970, "Chevrolet", "Camaro", "V8")]})
    assert outcome(place, "vehicle_nodes") == ([("tied row of the same vehicle_id", "v1")], 0, 2)


@pytest.fixture(scope="module")
def faulty_prices(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A shop where the newest row of every part but one has a faulty price."""
    newest = [part(product_id, price, created_at=NEWER) for product_id, price in FAULTY_PRICES.items()]
    sold = part("sold", 75.0)
    place = small_shop(tmp_path_factory.mktemp("prices"), {"products": [sold, *newest]})
    # What the parts sold is history all the same.
    assert outcome(place, "interaction_edges")[2] == len(ROWS["events"])
    return place


@pytest.mark.parametrize("product_id", FAULTY_PRICES)
def test_a_part_whose_newer_row_is_faulty_is_known_and_not_sold(product_id: str, faulty_prices: Place) -> None:
    reason = "price is not a positive finite number" if FAULTY_PRICES[product_id] else "no price"
    assert (reason, product_id) in faulty_prices.quarantined("products")
    nodes = {row["product_id"]: row for row in faulty_prices.table("product_nodes").to_pylist()}
    (before,) = (row[2] for row in ROWS["products"] if row[0] == product_id)
    assert (nodes[product_id]["price"], nodes[product_id]["ineligible_reason"]) == (before, "withdrawn")
    assert nodes["sold"]["ineligible_reason"] is None
    assert len(nodes) == len(ROWS["products"]) + 1


def test_a_garage_that_is_saved_again_is_counted_as_a_repetition(tmp_path: Path) -> None:
    place = small_shop(tmp_path, {"ownership": [("u1", "v1", 3, IN_WEEK)]})
    assert outcome(place, "owns_edges") == ([], 1, 2)
    assert place.table("owns_edges").to_pylist()[0] == {"user_id": "u1", "vehicle_id": "v1", "slot": 3, "added_at": LAST_YEAR}

"""What an export holds, and that nothing in it lies at or after the moment its week may know."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from recs_assets.assets.exports import _no_future_events
from recs_assets.gates.source import RowCounts, row_counts
from recs_assets.weeks import key_of
from recs_assets_tests.small_shop import END, IN_WEEK, LAST_YEAR, START, Row, exported, needed_by, small_shop
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, messages, metadata

MICROSECOND = dt.timedelta(microseconds=1)
FAULTS = [
    {"fault": "outside window", "n_rows": 7},
    {"fault": "exact duplicate", "n_rows": 2},
    {"fault": "repeated event_id", "n_rows": 3},
    {"fault": "unknown user_id", "n_rows": 4, "sample_1": "e1", "sample_2": "e2", "sample_3": None},
    {"fault": "no user", "n_rows": 10, "sample_1": "e4", "sample_2": None, "sample_3": None},
    {"fault": "bot: over 9 events in a week", "n_rows": 3, "sample_1": "e3", "sample_2": None, "sample_3": None},
    {"fault": "quantity is 0", "n_rows": 1, "sample_1": "e5", "sample_2": None, "sample_3": None},
]


def times(place_table: pa.Table) -> list[dt.datetime]:
    moments: list[dt.datetime] = place_table["event_ts"].to_pylist()
    return moments


def test_an_event_at_the_end_of_the_week_is_future_and_the_one_before_it_is_not(tmp_path: Path) -> None:
    events = [("last", "u1", "p2", "view", END - MICROSECOND, None, None), ("future", "u1", "p2", "order", END, None, None)]
    place = small_shop(tmp_path, {"events": events})
    result = place.materialize(needed_by("interaction_edges"), WEEK)
    assert messages(result) == {}
    assert metadata(result, "interaction_edges")["outside the window"] == 1
    assert place.table("interaction_edges")["event_id"].to_pylist() == ["e1", "e2", "e3", "e4", "last"]
    assert place.quarantined("events") == []
    assert exported(place, "interaction_edges", NEXT_WEEK)["event_id"].to_pylist()[-1] == "future"


def test_a_week_in_progress_knows_nothing_after_the_moment_of_its_run(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    events = [
        ("just now", "u1", "p2", "view", now - dt.timedelta(minutes=1), None, None),
        ("soon", "u1", "p2", "view", now + dt.timedelta(minutes=30), None, None),
    ]
    place = small_shop(tmp_path, {"events": events})
    events = exported(place, "interaction_edges", key_of(now))
    assert events["event_id"].to_pylist()[-1] == "just now"
    assert place.quarantined("events") == [("event in the future", "soon")]
    assert now <= place.artifact("interaction_edges", key_of(now)).as_of < now + dt.timedelta(minutes=5)


def test_events_are_looked_back_to_for_a_year(tmp_path: Path) -> None:
    first = END - dt.timedelta(days=365)
    events = [("in", "u1", "p2", "view", first, None, None), ("out", "u1", "p2", "view", first - MICROSECOND, None, None)]
    place = small_shop(tmp_path, {"events": events})
    assert times(exported(place, "interaction_edges"))[0] == first


def test_people_parts_and_garages_of_the_future_are_not_known_yet(tmp_path: Path) -> None:
    extra: dict[str, list[Row]] = {
        "users": [("u4", "new@example.com", END, True), ("u5", "last@example.com", END - MICROSECOND, True)],
        "products": [("p4", "Gauges", 75.0, None, None, None, None, False, True, END)],
        "ownership": [("u3", "v1", 1, END), ("u3", "v2", 1, END - MICROSECOND)],
    }
    place = small_shop(tmp_path, extra)
    assert exported(place, "user_nodes")["user_id"].to_pylist() == ["u1", "u2", "u3", "u5"]
    assert exported(place, "product_nodes")["product_id"].to_pylist() == ["p1", "p2", "p3"]
    owned = exported(place, "owns_edges")
    assert list(zip(owned["user_id"].to_pylist(), owned["vehicle_id"].to_pylist(), strict=True)) == [
        ("u1", "v1"),
        ("u2", "v2"),
        ("u3", "v2"),
    ]


def test_the_guard_against_future_events_fails_on_the_first_one() -> None:
    newest = [None, END - MICROSECOND, END, END + MICROSECOND]
    assert [_no_future_events(moment, END).passed for moment in newest] == [True, True, False, False]


def test_parts_that_a_rule_keeps_out_stay_with_the_reason(tmp_path: Path) -> None:
    extra = {
        "products": [
            ("p4", "Gauges", 49.99, None, None, None, None, False, True, LAST_YEAR),
            ("p5", "Fluids", 60.0, None, None, None, None, False, True, LAST_YEAR),
            ("p6", "Gauges", 60.0, None, None, None, None, True, True, LAST_YEAR),
            ("p7", "Gauges", 60.0, None, None, None, None, None, True, LAST_YEAR, False),
            ("p8", "Gauges", 60.0, None, None, None, None, None, True, LAST_YEAR, True),
        ]
    }
    products = exported(small_shop(tmp_path, extra), "product_nodes")
    reasons = dict(zip(products["product_id"].to_pylist(), products["ineligible_reason"].to_pylist(), strict=True))
    assert [name for name, reason in reasons.items() if reason is None] == ["p1", "p2", "p3", "p8"]
    assert {name: reason for name, reason in reasons.items() if reason} == {
        "p4": "price below minimum",
        "p5": "excluded part type",
        "p6": "refurbished",
        "p7": "not available",
    }


def test_images_that_leave_the_scheme_to_the_page_are_read_by_https(tmp_path: Path) -> None:
    urls = ["//cdn.x/1.png", " HTTPS://x/2.png ", "http://x/3.png", "ftp://x/4.png", None, "https://x/6.png"]
    extra = [(f"q{n}", f"type {n}", 75.0, None, None, url, None, None, True, LAST_YEAR) for n, url in enumerate(urls)]
    place = small_shop(tmp_path, {"products": extra})
    parts = exported(place, "product_nodes").to_pylist()[3:]
    assert [row["image_url"] for row in parts] == ["https://cdn.x/1.png", "https://x/2.png", *urls[2:]]
    assert [row["ineligible_reason"] for row in parts] == [None, None, *["no https image"] * 3, None]
    # Three of them and the shop's own three, which have no image: six of nine parts.
    ((decision, reason),) = place.query("SELECT decision, reason FROM verdicts WHERE gate = 'rules'")
    assert (decision, "6 of 9 parts are in no list because of 'no https image'" in reason) == ("WARN", True)


def test_excluded_types_are_met_however_the_shop_writes_them(tmp_path: Path) -> None:
    types = ["gift cards", " FLUIDS", "Labor\t", "Laboratory"]
    extra = [(f"q{n}", name, 75.0, None, None, None, None, None, True, LAST_YEAR) for n, name in enumerate(types)]
    parts = exported(small_shop(tmp_path, {"products": extra}), "product_nodes").to_pylist()[3:]
    assert [row["ineligible_reason"] for row in parts] == [*["excluded part type"] * 3, None]


def test_blank_text_is_no_value_and_blanks_have_nothing_in_common(tmp_path: Path) -> None:
    blanks = ("", " ", "NULL", "nan", "None", "<NA>", "\u00a0")
    extra = [(f"q{n}", blank, 75.0, blank, blank, None, blank, False, True, LAST_YEAR) for n, blank in enumerate(blanks)]
    nodes = exported(small_shop(tmp_path, {"products": extra}), "product_nodes").to_pylist()
    assert len(nodes) == 10
    for row in nodes[3:]:
        assert [row[name] for name in ("part_type", "brand", "title", "variant_group", "ineligible_reason")] == [None] * 5


def test_nothing_that_names_a_person_leaves_the_source(tmp_path: Path) -> None:
    assert exported(small_shop(tmp_path), "user_nodes").column_names == ["user_id", "created_at"]


def test_co_purchases_are_counted_by_week_for_pairs_that_two_people_bought(tmp_path: Path) -> None:
    orders = [
        (f"o{user}{part}", f"u{user}", f"p{part}", "order", IN_WEEK, f"order{user}", 1) for user in (1, 2) for part in (1, 2)
    ]
    place = small_shop(tmp_path, {"events": [*orders, ("o33", "u3", "p3", "order", IN_WEEK, "order3", 1)]})
    assert place.materialize([*needed_by("interaction_edges"), "co_purchase_edges"], WEEK).success
    assert place.table("co_purchase_edges").to_pylist() == [
        {"product_id_a": "p1", "product_id_b": "p2", "week": START.date(), "n_users": 2, "returned_at": None},
    ]


def test_an_export_without_its_inputs_says_what_to_materialize(tmp_path: Path) -> None:
    told = messages(small_shop(tmp_path).materialize(["fits_edges"], WEEK))["fits_edges"]
    assert told.startswith("there is no raw_fitment for week 2026-09-28 in ")
    assert told.endswith("Materialize raw_fitment for that week first.")


def test_faults_are_sorted_into_what_became_of_the_rows() -> None:
    counts = row_counts("events", FAULTS, source_rows=1107, rows_read=107)
    quarantined, set_aside = {"unknown user_id": 4, "quantity is 0": 1}, {"no user": 10, "bot: over 9 events in a week": 3}
    duplicates = {"exact duplicate": 2, "repeated event_id": 3}
    assert counts == RowCounts(1107, quarantined, set_aside, duplicates, outside_window=1007)
    assert counts.rows_in == 100
    assert [counts.conserved(accepted) for accepted in (76, 77, 78)] == [False, True, False]
    with pytest.raises(ValueError, match="source table 'events' declares no fault 'too blue'"):
        row_counts("events", [{"fault": "too blue", "n_rows": 1}], 1)

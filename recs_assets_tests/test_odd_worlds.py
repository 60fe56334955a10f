"""Worlds that nobody plans for, through the whole graph: lists for everybody, or a refusal that says why."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from recs_assets.contract import SOURCE_TABLES
from recs_assets_tests.busy_shop import busy_rows, busy_shop
from recs_assets_tests.small_shop import IN_WEEK, LAST_YEAR, RAW_TABLES, Row
from recs_assets_tests.worlds import WEEK, Place, messages, metadata

SQL = "'; DROP TABLE recommendations; --"
# One after the other these go behind every text of the shop.
ODD_TEXTS = ["'\"`", "\n\r\t.", "🚗é\u202e", "x" * 10_000, SQL, "$week @week {} %s"]


def served(place: Place) -> tuple[Any, ...]:
    """The source, and how many people are served from it."""
    (row,) = place.query("SELECT source, count(DISTINCT user_id) FROM recommendations GROUP BY 1")
    return row


def odd(text: str | None) -> str | None:
    """A text with something odd behind it, the same whenever the same text comes; an id of many is told by its number."""
    return text and text + ODD_TEXTS[sum(text.encode()) % len(ODD_TEXTS)]


def oddly_named(table: str, rows: list[Row]) -> list[Row]:
    texts = [
        column.kind == "string" and column.name not in ("event_type", "image_url") for column in SOURCE_TABLES[table].columns
    ]
    return [tuple(odd(value) if is_text else value for is_text, value in zip(texts, row, strict=False)) for row in rows]


def with_extremes(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """A user who owns 500 vehicles, a vehicle that nobody owns, a part that fits everything, impossible years, a huge price."""
    many = [(f"w{n}", [0, 9999, -5, None][n % 4], "Ford", f"Model {n}", None) for n in range(500)]
    unowned = ("nobody's", 1999, "Ford", "T", None)
    vehicles = [*rows["vehicles"], *many, unowned]
    return rows | {
        "vehicles": vehicles,
        "ownership": [*rows["ownership"], *(("u1", vehicle[0], n, LAST_YEAR) for n, vehicle in enumerate(many))],
        "fitment": [*rows["fitment"], *(("p1", vehicle[0]) for vehicle in vehicles if ("p1", vehicle[0]) not in rows["fitment"])],
        "products": [*rows["products"], ("dear", "type 1", 1e308, None, None, "https://x/d.png", None, False, True, LAST_YEAR)],
    }


def test_odd_texts_and_extreme_sizes_are_served_like_any_other(tmp_path: Path) -> None:
    plain = with_extremes(busy_rows())
    place = busy_shop(tmp_path, {table: oddly_named(table, rows) for table, rows in plain.items()})
    for table, column, kind in (("events", "event_ts", pa.timestamp("ns")), ("users", "created_at", pa.timestamp("ms"))):
        rows = place.read_source(table)
        place.rewrite(table, rows.set_column(rows.schema.get_field_index(column), column, rows[column].cast(kind)))
    result = place.launch("everything", WEEK)
    assert messages(result) == {}
    assert served(place)[1] == 60
    for export, table in RAW_TABLES.items():
        shown, kept = metadata(result, export), place.table(export).num_rows
        assert len(plain[table]) == kept + sum(shown["quarantined"].values()) + shown["duplicates removed"], table
    assert place.quarantined("products") == [("price is not a positive finite number", odd("dear"))]
    ids = {user_id for (user_id,) in place.query("SELECT DISTINCT user_id FROM recommendations")}
    assert ids == {odd(f"u{number}") for number in range(60)}


def test_without_a_single_order_everybody_gets_todays_list(tmp_path: Path) -> None:
    viewed = [(*event[:3], "view", *event[4:]) for event in busy_rows()["events"]]
    place = busy_shop(tmp_path, {"events": viewed})
    result = place.launch("everything", WEEK)
    assert messages(result) == {}
    assert metadata(result, "trained_model")["reason"].startswith("no user took up anything new")
    assert metadata(result, "offline_metrics")["decision"] == "INSUFFICIENT EVIDENCE"
    assert served(place) == ("sql", 60)


def test_where_everybody_is_cold_everybody_gets_todays_list(tmp_path: Path) -> None:
    # A stranger's events alone: the week has no history of anybody who can be served.
    rows = busy_rows()
    stranger = ("stranger", None, LAST_YEAR, None)
    events = [(event[0], "stranger", *event[2:]) for event in rows["events"][:5]]
    place = busy_shop(tmp_path, {"users": [*rows["users"], stranger], "events": events})
    assert messages(place.launch("everything", WEEK)) == {}
    assert served(place) == ("sql", 61)
    cold = "SELECT count(DISTINCT user_id) FROM recommendations WHERE segment = 'cold'"
    assert place.query(cold) == [(60,)]


def test_one_user_with_one_event_gets_a_list(tmp_path: Path) -> None:
    rows = busy_rows()
    one = {"users": rows["users"][:1], "ownership": rows["ownership"][:1]}
    place = busy_shop(tmp_path, one | {"events": [("e1", "u0", "p0", "order", IN_WEEK, None, None)]})
    assert messages(place.launch("everything", WEEK)) == {}
    assert served(place) == ("sql", 1)


def test_where_nobody_can_be_evaluated_nothing_is_promoted(tmp_path: Path) -> None:
    # One person buys every part in the first weeks: there is something to learn from, and nothing left to be evaluated on.
    rows = busy_rows()
    early = [(e[0], "u0", *e[2:]) for e in rows["events"]]
    place = busy_shop(tmp_path, {"events": early})
    result = place.launch("everything", WEEK)
    assert messages(result) == {}
    assert metadata(result, "offline_metrics")["reason"] == "Recall@10 of blend over sql cannot be evaluated: there are no users."
    # u0 has bought all that fits and all that is universal: nothing is left to recommend.
    assert served(place) == ("sql", 59)


def test_a_catalogue_of_nothing_but_refurbished_parts_is_refused(tmp_path: Path) -> None:
    place = busy_shop(tmp_path, {"products": [(*part[:7], True, *part[8:]) for part in busy_rows()["products"]]})
    assert messages(place.launch("everything", WEEK)) == {
        "product_nodes": "source table 'products', week 2026-09-28: the rules keep every part out of every list: 30 because of "
        "'refurbished'. Fix the column behind it, or change that rule in the settings (section rules)."
    }


def test_a_store_without_fitment_gets_lists_from_its_whole_catalogue(tmp_path: Path) -> None:
    place = busy_shop(tmp_path, dict.fromkeys(("fitment", "vehicles", "ownership")))
    assert messages(place.launch("everything", WEEK)) == {}
    (row,) = place.query("SELECT count(DISTINCT user_id), max(rank) FROM recommendations")
    assert row == (60, 20)
    assert place.query("SELECT DISTINCT v1_make, rec1_type FROM final_vehicle_recommendations") == [(None, "universal")]

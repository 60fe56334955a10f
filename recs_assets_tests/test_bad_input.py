"""What each fault of the contract gets: a row is quarantined with its reason, a set stops the run and changes nothing."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recs_assets_tests.small_shop import (
    END,
    IN_WEEK,
    LAST_YEAR,
    RAW_TABLES,
    ROWS,
    SECOND,
    Row,
    event,
    exported,
    needed_by,
    outcome,
    outcome_of,
    part,
    small_shop,
)
from recs_assets_tests.sql.rows import source as source_rows
from recs_assets_tests.worlds import WEEK, Place, checks, messages, metadata

NAN, INFINITE = float("nan"), float("inf")
IN_2099, IN_1999 = (dt.datetime(year, 12, 31, tzinfo=dt.UTC) for year in (2099, 1999))


BAD_PRICE = "price is not a positive finite number"

# Asset, the row added to its table, and the reason and key with which it is quarantined. Only empty keys come twice.
ROW_FAULTS: dict[str, tuple[str, Row, tuple[str, str | None]]] = {
    "unknown user of an event": ("interaction_edges", event("x1", user="u9"), ("unknown user_id", "x1")),
    "unknown part of an event": ("interaction_edges", event("x2", product="p9"), ("part not sold", "x2")),
    "unknown part of a fitment": ("fits_edges", ("p9", "v1"), ("part not sold", "p9 | v1")),
    "unknown vehicle of a fitment": ("fits_edges", ("p1", "v9"), ("unknown vehicle_id", "p1 | v9")),
    "unknown user of an ownership": ("owns_edges", ("u9", "v1", 1, None), ("unknown user_id", "u9 | v1")),
    "unknown vehicle of an ownership": ("owns_edges", ("u1", "v9", 1, None), ("unknown vehicle_id", "u1 | v9")),
    "price NaN": ("product_nodes", part("x1", NAN), (BAD_PRICE, "x1")),
    "price infinite": ("product_nodes", part("x2", INFINITE), (BAD_PRICE, "x2")),
    "price minus infinite": ("product_nodes", part("x3", -INFINITE), (BAD_PRICE, "x3")),
    "price zero": ("product_nodes", part("x4", 0.0), ("no price", "x4")),
    "price negative": ("product_nodes", part("x5", -19.95), (BAD_PRICE, "x5")),
    "price absent": ("product_nodes", part("x6", None), ("no price", "x6")),
    "event in the future": ("interaction_edges", event("x3", at=IN_2099), ("event in the future", "x3")),
    "event without a time": ("interaction_edges", event("x5", at=None), ("empty event_ts", "x5")),
    "unknown event_type": ("interaction_edges", event("x6", kind="wishlist"), ("unknown event_type", "x6")),
    "empty event_id": ("interaction_edges", event(""), ("empty event_id", None)),
    "absent event_id": ("interaction_edges", event(None, user="u2"), ("empty event_id", None)),
    "empty user of an event": ("interaction_edges", event("x7", user=" ", kind="cart"), ("no user", "x7")),
    "empty part of an event": ("interaction_edges", event("x8", product=None), ("empty product_id", "x8")),
    "empty user_id": ("user_nodes", ("", "x@example.com", None, True), ("empty user_id", None)),
    "empty product_id": ("product_nodes", part(" ", 75.0), ("empty product_id", None)),
    "empty vehicle_id": ("vehicle_nodes", (None, 1969, "Ford", "F-100", None), ("empty vehicle_id", None)),
    "empty id of a fitment": ("fits_edges", ("p1", ""), ("empty vehicle_id", "p1 | ")),
    "NUL in a user_id": ("user_nodes", ("\0u", "x@example.com", None, True), ("NUL character in user_id", "\0u")),
    "NUL in a product_id": ("product_nodes", part("p\0", 75.0), ("NUL character in product_id", "p\0")),
    "NUL in an event_id": ("interaction_edges", event("x\0"), ("NUL character in event_id", "x\0")),
    "price near infinity": ("product_nodes", part("x7", 1e308), (BAD_PRICE, "x7")),
    "empty id of an ownership": ("owns_edges", ("", "v1", 1, None), ("empty user_id", " | v1")),
}


Outcomes = Mapping[str, list[tuple[str, str | None]]]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What is quarantined of each table where all have all their faults at once; all other rows are kept."""
    rows = {table: [row for at, row, _ in ROW_FAULTS.values() if at == export] for export, table in RAW_TABLES.items()}
    place = small_shop(tmp_path_factory.mktemp("faulty"), rows, max_quarantined_share=1.0)
    result = place.materialize([*(f"raw_{table}" for table in rows), *RAW_TABLES], WEEK)
    outcomes = {}
    for export, table in RAW_TABLES.items():
        outcomes[export], duplicates, accepted = outcome_of(place, result, export)
        assert (len(outcomes[export]), duplicates, accepted) == (len(rows[table]), 0, len(ROWS[table]))
    return outcomes


@pytest.mark.parametrize("fault", ROW_FAULTS)
def test_a_faulty_row_is_counted_and_the_others_are_kept(fault: str, faulty: Outcomes) -> None:
    export, _, (reason, key) = ROW_FAULTS[fault]
    alike = [(at, told) for at, _, told in ROW_FAULTS.values()].count((export, (reason, key)))
    assert [told for told, of in faulty[export] if of == key] == [reason] * alike


def in_other_years(place: Place, table: str, column: str, keys: list[str], moments: list[int], unit: str) -> None:
    """Put moments that Python has no name for, in units since 1970, into copies of a table's first row."""
    rows = place.read_source(table)
    first = rows.slice(0, 1)
    added = pa.concat_tables([first] * len(keys))
    for name, values in ((rows.column_names[0], pa.array(keys)), (column, pa.array(moments, pa.int64()))):
        index = rows.schema.get_field_index(name)
        rows = rows.set_column(index, name, rows[name].cast(pa.timestamp(unit)) if name == column else rows[name])
        added = added.set_column(index, name, values.cast(pa.timestamp(unit)) if name == column else values)
    place.rewrite(table, pa.concat_tables([rows, added]))


def test_moments_that_no_calendar_knows_are_quarantined(tmp_path: Path) -> None:
    place = small_shop(tmp_path)
    in_other_years(place, "events", "event_ts", ["late", "early"], [2**63 - 2, -(2**55)], "us")
    in_other_years(place, "products", "created_at", ["late"], [2**63 - 2], "us")
    assert outcome(place, "product_nodes") == ([("created_at in the future", "late")], 0, 3)
    assert outcome(place, "interaction_edges") == ([("event in the future", "late")], 0, 4)


def test_moments_that_microseconds_cannot_hold_are_refused(tmp_path: Path) -> None:
    place = small_shop(tmp_path)
    in_other_years(place, "events", "event_ts", ["late"], [2**62], "ms")
    told = messages(place.materialize(["raw_events"], WEEK))["raw_events"]
    assert told.startswith("source table 'events', week 2026-09-28: its rows cannot be read (Conversion Error: ")


def test_what_names_a_part_or_a_person_of_later_is_not_known_yet_either(tmp_path: Path) -> None:
    extra: dict[str, list[Row]] = {
        "users": [("later", "later@example.com", END, True)],
        "products": [part("later", 75.0, created_at=END), part("never", 75.0, created_at=IN_2099)],
        "fitment": [("later", "v1"), ("never", "v1")],
        "ownership": [("later", "v1", 1, None)],
        "events": [event("x", product="later"), event("y", user="later", at=END), event("z", product="never")],
    }
    place = small_shop(tmp_path, extra)
    assets = ["fits_edges", "owns_edges", "interaction_edges"]
    result = place.materialize(list(dict.fromkeys(name for asset in assets for name in needed_by(asset))), WEEK)
    assert messages(result) == {}
    for export, kept, reasons in (
        ("fits_edges", 2, [("part not sold", "never | v1")]),
        ("owns_edges", 2, []),
        ("interaction_edges", 4, [("part not sold", "z")]),
    ):
        assert place.quarantined(RAW_TABLES[export]) == reasons
        assert place.table(export).num_rows == kept
        assert metadata(result, export)["outside the window"] == {"interaction_edges": 2}.get(export, 1)


def test_a_bots_events_are_quarantined_all_of_them(tmp_path: Path) -> None:
    extra = {"events": [event(f"b{n}", user="u3", at=IN_WEEK + n * SECOND) for n in range(3)]}
    place = small_shop(tmp_path, extra, max_events_per_user_week=3)
    reason = "bot: over 3 events in a week"
    assert outcome(place, "interaction_edges") == ([(reason, "b0"), (reason, "b1"), (reason, "b2"), (reason, "e4")], 0, 3)


def test_as_many_events_as_allowed_make_no_bot(tmp_path: Path) -> None:
    extra = {"events": [event(f"b{n}", user="u3", at=IN_WEEK + n * SECOND) for n in range(2)]}
    place = small_shop(tmp_path, extra, max_events_per_user_week=3)
    assert outcome(place, "interaction_edges") == ([], 0, 6)


def test_a_quarantined_row_is_kept_whole_but_for_what_names_a_person(tmp_path: Path) -> None:
    place = small_shop(tmp_path, {"users": [("", "secret@example.com", LAST_YEAR, True)], "products": [part("x", -1.5)]})
    exported(place, "user_nodes")
    exported(place, "product_nodes")
    (user,), (product,) = place.query("SELECT row_json FROM quarantine ORDER BY source_table DESC")
    assert "secret" not in user
    assert '"price":"-1.5"' in product


def test_running_again_does_not_quarantine_twice(tmp_path: Path) -> None:
    place = small_shop(tmp_path, {"products": [part("x", 0.0)]})
    exported(place, "product_nodes")
    exported(place, "product_nodes")
    assert place.quarantined("products") == [("no price", "x")]


def test_a_table_with_too_many_faults_is_refused_with_the_worst_of_them(tmp_path: Path) -> None:
    extra = {"events": [event(f"x{n}", kind="wishlist") for n in range(1, 5)] + [event("y", user="u9")]}
    place = small_shop(tmp_path, extra, max_quarantined_share=0.5)
    result = place.materialize(needed_by("interaction_edges"), WEEK)
    assert messages(result) == {
        "interaction_edges": "source table 'events', week 2026-09-28: 5 of its 9 rows are faulty, 55.6% where "
        "source.max_quarantined_share allows 50%: 4 unknown event_type ('wishlist'; event_type is one of: view, "
        "cart, order); 1 unknown user_id (for example 'x1', 'x2', 'x3'). Look at them in RECS_HOME/warehouse.duckdb: "
        "SELECT reason, row_key, row_json FROM quarantine WHERE week = '2026-09-28' AND source_table = 'events'. "
        "Fix the source; if these rows are really to be left out, raise "
        "source.max_quarantined_share in the settings."
    }
    assert place.store.find("interaction_edges", WEEK) is None
    assert place.quarantined("events") == [*(("unknown event_type", f"x{n}") for n in range(1, 5)), ("unknown user_id", "y")]


def test_an_ordinary_row_that_is_left_out_is_no_fault(tmp_path: Path) -> None:
    views = [event(f"x{n}", user=None) for n in range(50)]
    place = small_shop(tmp_path, {"events": [*views, event("y", user="", kind="cart")]}, max_quarantined_share=0.2)
    result = place.materialize(needed_by("interaction_edges"), WEEK)
    shown = metadata(result, "interaction_edges")
    assert (shown["set aside"], shown["quarantined"]) == ({"no user": 51}, {})
    assert checks(result)["interaction_edges", "rows_conserved"]
    assert not checks(result)["interaction_edges", "left_out"]
    told = "92.7% of the rows are set aside as 'no user'."
    assert place.query("SELECT decision, reason FROM verdicts WHERE gate = 'left_out_events'") == [("WARN", told)]
    kept = place.query("SELECT outcome, reason, count(*) FROM quarantine GROUP BY ALL ORDER BY ALL")
    assert kept == [("set aside", "no user", 51)]


def test_a_refusal_shows_nobodys_id(tmp_path: Path) -> None:
    place = small_shop(tmp_path, {"ownership": [(f"somebody {n}", "v1", 1, None) for n in range(5)]}, max_quarantined_share=0.5)
    told = messages(place.materialize(needed_by("owns_edges"), WEEK))["owns_edges"]
    assert "allows 50%: 5 unknown user_id. Look at them" in told
    assert "somebody" not in told


def test_as_many_faults_as_allowed_are_accepted(tmp_path: Path) -> None:
    place = small_shop(tmp_path, {"events": [event(f"x{n}", kind="wishlist") for n in range(4)]}, max_quarantined_share=0.5)
    assert outcome(place, "interaction_edges")[2] == 4


MIXTURE: dict[str, tuple[str | None, Any]] = {
    "fine": (None, {}),
    "outside": (None, {"at": IN_WEEK + dt.timedelta(days=7)}),
    "old": (None, {"at": IN_1999}),
    "type": ("unknown event_type", {"kind": "return"}),
    "future": ("event in the future", {"at": IN_2099}),
    "user": ("unknown user_id", {"user": "u9"}),
    "part": ("part not sold", {"product": "p9"}),
    "empty": ("no user", {"user": "", "kind": "order"}),
}
SET_ASIDE, OUTSIDE = {"part not sold", "no user"}, ("outside", "old")


@pytest.fixture(scope="module")
def mixed_shop(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = small_shop(tmp_path_factory.mktemp("mixed"), max_quarantined_share=1.0)
    assert messages(place.materialize(needed_by("interaction_edges"), WEEK)) == {}
    return place


@settings(max_examples=6, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(sorted(MIXTURE)), st.integers(0, 3), st.booleans()), max_size=40))
def test_whatever_the_mixture_of_faults_every_row_is_accounted_for(
    mixed_shop: Place, mixture: list[tuple[str, int, bool]]
) -> None:
    rows: list[Row] = []
    for number, (name, copies, _) in enumerate(mixture):
        row = event(f"m{number:03}", **MIXTURE[name][1])
        moment = row[4] + number * SECOND
        rows += [(*row[:4], moment, *row[5:])] * (1 + copies)
        # Under the same id another event, and the same one again.
        if name == "fine" and mixture[number][2]:
            rows += [event(row[0], kind="cart", at=moment + SECOND / 2), event(row[0], at=moment + SECOND)]
    pq.write_table(source_rows("events", [*ROWS["events"], *rows[::-1]]), mixed_shop.source / "events.parquet")
    shown = metadata(mixed_shop.materialize(needed_by("interaction_edges"), WEEK), "interaction_edges")
    n_again = sum(again for name, _, again in mixture if name == "fine")
    reasons = [reason for name, _, _ in mixture if (reason := MIXTURE[name][0])] + ["event_id of another event"] * n_again
    assert shown["quarantined"] == {reason: reasons.count(reason) for reason in reasons if reason not in SET_ASIDE}
    assert shown["set aside"] == {reason: reasons.count(reason) for reason in reasons if reason in SET_ASIDE}
    assert shown["duplicates removed"] == n_again + sum(copies for name, copies, _ in mixture if name not in OUTSIDE)
    assert shown["outside the window"] == sum(1 + copies for name, copies, _ in mixture if name in OUTSIDE)
    accepted = mixed_shop.table("interaction_edges")["event_id"].to_pylist()
    fine = [f"m{number:03}" for number, (name, _, _) in enumerate(mixture) if name == "fine"]
    assert sorted(accepted) == ["e1", "e2", "e3", "e4", *fine]


def test_without_email_events_everything_still_works(tmp_path: Path) -> None:
    place = small_shop(tmp_path)
    (place.source / "email_events.parquet").unlink()
    assert messages(place.materialize(["raw_email_events", *needed_by("interaction_edges")], WEEK)) == {}


def test_extra_columns_are_ignored(tmp_path: Path) -> None:
    place = small_shop(tmp_path)
    place.rewrite("users", place.read_source("users").append_column("shoe_size", pa.array([42, 43, 44])))
    result = place.materialize(needed_by("user_nodes"), WEEK)
    assert metadata(result, "raw_users")["ignored columns"] == ["shoe_size"]
    assert place.table("user_nodes").column_names == ["user_id", "created_at"]

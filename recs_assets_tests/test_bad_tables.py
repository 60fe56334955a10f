"""What a fault of a whole table gets: the night stops, says what to do, and the served table stays as it was."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from recs_assets.contract import SOURCE_TABLES
from recs_assets_tests.conftest import Run
from recs_assets_tests.small_shop import needed_by, small_shop
from recs_assets_tests.source_changes import (
    Change,
    absent,
    cut,
    damaged,
    events_until,
    first_rows,
    nested,
    no_parquet,
    not_utf8,
    of_bytes,
    recast,
    retyped,
    twice,
    without_column,
)
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, checks, materialized, messages

# The change of the source, the table that is named, and what the run says.
SET_FAULTS: dict[str, tuple[Change, str, str]] = {
    "required column missing": (
        without_column("events", "product_id"),
        "raw_events",
        "source table 'events', column 'product_id', week 2026-10-05: the required column is missing. "
        "Add a column 'product_id' (string) to 'events'; its columns are: "
        "event_id, user_id, event_type, event_ts, order_id, quantity.",
    ),
    "column of another type": (
        retyped("products", "price", "$59.95"),
        "raw_products",
        "source table 'products', column 'price', week 2026-10-05: the column is text, the contract says number, and values "
        "would not stay what they are (310 rows; for example '$59.95'). "
        "In SQL: SAFE_CAST(REGEXP_REPLACE(price, r'[^0-9.-]', '') AS NUMERIC); "
        'in pandas: pd.to_numeric(df["price"].str.replace(r"[^0-9.-]", "", regex=True)).',
    ),
    "optional column of another type": (
        retyped("ownership", "added_at", 1),
        "raw_ownership",
        "source table 'ownership', column 'added_at', week 2026-10-05: the column is integer, the contract says timestamp, and "
        "values would not stay what they are (564 rows; for example '1'). In SQL: TIMESTAMP_SECONDS(added_at); "
        'in pandas: pd.to_datetime(df["added_at"], unit="s", utc=True).',
    ),
    "table empty": (
        first_rows("users", 0),
        "raw_users",
        "source table 'users', week 2026-10-05: the table is empty (0 rows). Check last night's load of it.",
    ),
    "optional table empty": (
        first_rows("ownership", 0),
        "raw_ownership",
        "source table 'ownership', week 2026-10-05: the table is empty (0 rows). Check last night's load of it.",
    ),
    "required table absent": (
        absent("products"),
        "raw_products",
        "source table 'products', week 2026-10-05: the table is absent. Provide 'products' in the source (RECS_SOURCE).",
    ),
    "less than half of last week's rows": (
        first_rows("fitment", 700),
        "raw_fitment",
        "source table 'fitment', week 2026-10-05: it has lost rows: 700 rows, -52.4% against last week's "
        "1,472: less than the 50% asked for. "
        "Check the load; if the loss is real, lower source.min_rows_share in the settings for this run.",
    ),
    "week without events": (
        events_until(dt.datetime(2026, 10, 5, tzinfo=dt.UTC)),
        "raw_events",
        "source table 'events', column 'event_ts', week 2026-10-05: no event in the seven days before 2026-10-12 00:00 UTC, "
        "though earlier weeks had some (0 rows). Check the load of events.",
    ),
    "fitment tables partly absent": (
        absent("fitment", "vehicles"),
        "raw_ownership",
        "source table 'vehicles', week 2026-10-05: the table is absent although ownership is present. "
        "Provide all of vehicles, ownership, fitment, or none of them.",
    ),
    "not Parquet": (
        no_parquet,
        "raw_products",
        "source table 'products', week 2026-10-05: {source}/products.parquet is not a Parquet file (Invalid Input Error: "
        "No magic bytes found at end of file '{source}/products.parquet'). Write the table as Parquet again.",
    ),
}


@pytest.mark.parametrize("fault", SET_FAULTS)
def test_the_night_stops_says_why_and_leaves_the_served_table(fault: str, first_run: Run, tmp_path: Path) -> None:
    change, asset, message = SET_FAULTS[fault]
    place = first_run.place.copy(tmp_path)
    before, published = place.served(), place.query("FROM publications")
    change(place)
    result = place.launch("nightly", NEXT_WEEK)
    assert messages(result)[asset] == message.format(source=place.source)
    assert "published_recommendations" not in materialized(result)
    assert place.served() == before
    assert place.query("FROM publications") == published


# The change, the asset that refuses, and what its message holds besides the table, the week and what to do.
REFUSED: dict[str, tuple[Change, str, str]] = {
    "empty file": (of_bytes("users", b""), "raw_users", "too small to be a Parquet file"),
    "text": (of_bytes("users", b"user_id,email\n" * 9), "raw_users", "is not a Parquet file"),
    "cut off": (cut("events"), "raw_events", "is not a Parquet file"),
    "damaged pages": (damaged("events"), "raw_events", "its rows cannot be read"),
    "ids that are not UTF-8": (not_utf8("users", "user_id"), "raw_users", "a value is not valid UTF8"),
    "titles that are not UTF-8": (not_utf8("products", "title"), "raw_products", "a value is not valid UTF8"),
    "a column twice": (
        twice("users", "user_id", "user_id"),
        "raw_users",
        "column 'user_id', week 2026-09-28: 2 columns of users.parquet have",
    ),
    "a column in two cases": (
        twice("users", "email", "EMAIL"),
        "raw_users",
        "column 'email', week 2026-09-28: 2 columns of users.parquet have",
    ),
    "text for a truth": (recast("users", "email_consent", pa.string()), "raw_users", "the column is text"),
    "a list for an id": (nested("users", "user_id"), "raw_users", "the column is varchar[]"),
    "no price at all": (retyped("products", "price", -1), "product_nodes", "3 of its 3 rows are faulty"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_table_that_cannot_be_used_is_refused_with_table_week_and_fix(fault: str, tmp_path: Path) -> None:
    change, asset, problem = REFUSED[fault]
    place = small_shop(tmp_path)
    change(place)
    refusing = [asset] if asset.startswith("raw_") else needed_by(asset)
    told = messages(place.materialize(refusing, WEEK))[asset]
    table = {"product_nodes": "products"}.get(asset, asset.removeprefix("raw_"))
    assert told.startswith(f"source table '{table}'")
    assert problem in told
    assert "week 2026-09-28" in told
    assert "Traceback" not in told
    assert told.endswith((".", "settings."))
    assert "\\xFF" not in told, "values may be ids"


def test_one_run_names_every_fault_of_every_table(tmp_path: Path) -> None:
    place = small_shop(tmp_path)
    for change in (
        without_column("products", "price"),
        retyped("products", "is_universal", "no"),
        retyped("events", "quantity", "one"),
        without_column("events", "user_id"),
        of_bytes("vehicles", b"no Parquet at all"),
    ):
        change(place)
    place.source.joinpath("Users.csv").touch()
    told = messages(place.materialize([f"raw_{table}" for table in SOURCE_TABLES], WEEK))
    assert {asset: [line.split(": ")[0] for line in text.splitlines()] for asset, text in told.items()} == {
        "raw_users": [f"source table 'users', week {WEEK}"],
        "raw_vehicles": [f"source table 'vehicles', week {WEEK}"],
        "raw_products": [f"source table 'products', column '{name}', week {WEEK}" for name in ("price", "is_universal")],
        "raw_events": [f"source table 'events', column '{name}', week {WEEK}" for name in ("user_id", "quantity")],
    }


# What of the table that nothing reads is told, if anything.
UNREAD: dict[str, tuple[Change, str | None]] = {
    "absent": (absent("email_events"), None),
    "dates for times": (recast("email_events", "event_ts", pa.date32()), None),
    "empty": (first_rows("email_events", 0), "the table is empty"),
    "a column missing": (without_column("email_events", "send_id"), "the required column is missing"),
    "texts for times": (retyped("email_events", "event_ts", "yesterday"), "the column is text"),
    "no Parquet": (of_bytes("email_events", b"send_id,user_id"), "is not a Parquet file"),
    "damaged": (damaged("email_events"), "its rows cannot be read"),
    "another name": (lambda place: place.source.joinpath("email_events_2026.csv").touch(), "looks like it and is not read"),
}


@pytest.mark.parametrize("fault", UNREAD)
def test_a_table_that_nothing_reads_stops_no_run(fault: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    change, problem = UNREAD[fault]
    place = small_shop(tmp_path)
    change(place)
    result = place.materialize(["raw_email_events"], WEEK)
    assert messages(result) == {}
    assert checks(result)["raw_email_events", "contract"] == (problem is None)
    told = capfd.readouterr().err
    if problem is None:
        assert "email_events" not in told.replace("raw_email_events", "")
    else:
        assert problem in told
        assert "Nothing reads 'email_events' yet: the run goes on." in told


def test_a_table_that_nothing_reads_may_dry_up(tmp_path: Path) -> None:
    place = small_shop(tmp_path)
    assert messages(place.materialize(["raw_email_events"], WEEK)) == {}
    first_rows("email_events", 0)(place)
    result = place.materialize(["raw_email_events"], NEXT_WEEK)
    assert messages(result) == {}
    assert not checks(result)["raw_email_events", "row_count"]


def test_half_of_last_weeks_rows_are_enough(first_run: Run, tmp_path: Path) -> None:
    place = first_run.place.copy(tmp_path)
    first_rows("fitment", 736)(place)
    assert messages(place.materialize(["raw_fitment"], NEXT_WEEK)) == {}


def test_the_first_events_of_all_need_no_events_before_them(tmp_path: Path) -> None:
    place = small_shop(tmp_path)
    events_until(dt.datetime(2026, 9, 1, tzinfo=dt.UTC))(place)
    assert "no event in the seven days" in messages(place.materialize(["raw_events"], WEEK))["raw_events"]
    assert messages(place.materialize(["raw_events"], "2026-08-24")) == {}


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    place = small_shop(tmp_path)
    (place.source / "users.parquet").unlink()
    told = messages(place.materialize(needed_by("user_nodes"), WEEK))
    assert told == {
        "raw_users": f"source table 'users', week {WEEK}: the table is absent. Provide 'users' in the source (RECS_SOURCE)."
    }

"""The source tables as they are: profiled week by week, never copied."""

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from recs_assets.assets.raw import check_profile
from recs_assets.breaches import ContractError
from recs_assets.contract import SOURCE_TABLES
from recs_assets.gates.source import row_count
from recs_assets.weeks import week_of
from recs_assets_tests.small_shop import IN_WEEK, LAST_MONTH, small_shop
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, checks, messages, metadata

WHOLE_WEEK = week_of(WEEK, dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
FIRST = row_count("events", 50, None, min_share=0.5, max_change=None)
PROFILE: dict[str, Any] = {"n_rows": 50, "n_read": 50, "events_in_week": 3, "events_before_week": 9}


def refusal(table: str, **changes: Any) -> str:
    profile, last_week = PROFILE | changes, changes.pop("last_week", 100)
    count = row_count(table, profile["n_rows"], last_week, min_share=0.5, max_change=0.3)
    with pytest.raises(ContractError) as raised:
        check_profile(table, WHOLE_WEEK, profile, count)
    return str(raised.value)


def test_all_seven_tables_pass_their_check_and_show_their_rows(tmp_path: Path) -> None:
    place = small_shop(tmp_path)
    result = place.materialize([f"raw_{table}" for table in SOURCE_TABLES], WEEK)
    assert messages(result) == {}
    expected = {(f"raw_{table}", name) for table in SOURCE_TABLES for name in ("row_count", "filled")}
    assert checks(result) == dict.fromkeys(expected | {("raw_email_events", "contract")}, True)
    rows = {table: metadata(result, f"raw_{table}")["n_rows"] for table in SOURCE_TABLES}
    assert rows == {"users": 3, "vehicles": 2, "ownership": 2, "products": 3, "fitment": 2, "events": 4, "email_events": 1}


def test_the_profile_of_events_counts_the_week_apart(tmp_path: Path) -> None:
    place = small_shop(tmp_path)
    place.materialize(["raw_events"], WEEK)
    profile = place.artifact("raw_events").document("profile.json")
    assert {name: profile[name] for name in ("n_rows", "n_keys", "events_in_week", "events_before_week", "events_in_window")} == {
        "n_rows": 4,
        "n_keys": 4,
        "events_in_week": 3,
        "events_before_week": 1,
        "events_in_window": 4,
    }
    assert profile["first_ts"].startswith(f"{LAST_MONTH:%Y-%m-%d}")
    assert profile["last_ts"].startswith(f"{IN_WEEK:%Y-%m-%d}")


def test_a_table_that_has_not_changed_keeps_its_version(tmp_path: Path) -> None:
    place = small_shop(tmp_path)
    place.materialize(["raw_users"], WEEK)
    version = place.artifact("raw_users").version
    place.materialize(["raw_users"], WEEK)
    assert place.artifact("raw_users").version == version


def test_a_table_that_lost_more_than_half_of_its_rows_is_refused() -> None:
    assert "it has lost rows: 50 rows, -50.5% against last week's 101: less than the 50% asked for. Check the load" in refusal(
        "users", last_week=101
    )


def test_a_table_may_not_vanish_all_of_a_sudden() -> None:
    assert "it has lost rows: 0 rows, -100.0% against last week's 100: less than the 50% asked for" in refusal(
        "fitment", n_rows=0
    )


def test_a_first_week_has_no_week_before_it() -> None:
    assert check_profile("events", WHOLE_WEEK, PROFILE | {"events_before_week": 0}, FIRST) is None


def test_events_that_dried_up_are_refused() -> None:
    assert "no event in the seven days before 2026-10-05 00:00 UTC" in refusal("events", last_week=50, events_in_week=0)


def test_a_shop_before_its_first_event_is_not_refused_for_it() -> None:
    assert check_profile("events", WHOLE_WEEK, PROFILE | {"events_in_week": 0, "events_before_week": 0}, FIRST) is None


def test_a_week_that_has_not_begun_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="week 2026-10-05 has not begun yet: it is 2026-10-04 23:59 UTC"):
        week_of(NEXT_WEEK, dt.datetime(2026, 10, 4, 23, 59, tzinfo=dt.UTC))


@pytest.mark.parametrize(("table", "column"), [("users", "email"), ("users", "email_consent"), ("products", "is_refurbished")])
def test_a_column_that_was_there_last_week_is_missed_until_somebody_says_why(table: str, column: str, tmp_path: Path) -> None:
    place = small_shop(tmp_path)
    asset = f"raw_{table}"
    assert place.materialize([asset], WEEK).success
    place.rewrite(table, place.read_source(table).drop_columns([column]))
    told = messages(place.materialize([asset], NEXT_WEEK))[asset]
    assert told.startswith(
        f"source table '{table}', column '{column}', week {NEXT_WEEK}: values are gone: {column} (0.0% of the rows hold a value, "
        "100.0% did): less than the 50% asked for. Bring them back in the source; "
    )
    job = place.definitions().resolve_implicit_global_asset_job_def()
    accepted = job.execute_in_process(
        partition_key=NEXT_WEEK,
        instance=place.instance,
        asset_selection=[dg.AssetKey(asset)],
        run_config={"ops": {asset: {"config": {"accept_lost_columns_reason": "we sell none"}}}},
    )
    assert accepted.success
    assert not checks(accepted)[asset, "filled"]
    (kept,) = place.query(f"SELECT decision, reason FROM verdicts WHERE gate = 'filled_{table}' ORDER BY judged_at DESC LIMIT 1")
    assert kept[0] == "WARN"
    assert kept[1].endswith("accepted: we sell none.")
    assert place.materialize([asset], NEXT_WEEK).success, "the next night knows"
    # In the week itself, too, a column must not vanish from one night to the next.
    place.rewrite(table, place.read_source(table).drop_columns(["created_at"]))
    assert "values are gone: created_at" in messages(place.materialize([asset], NEXT_WEEK))[asset]

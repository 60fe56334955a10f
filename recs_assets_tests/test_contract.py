from pathlib import Path

import pytest

from recs_assets.assets.raw import check_columns, check_presence, raw_events
from recs_assets.contract import SOURCE_TABLES, ContractError
from recs_assets.own_tables import wide_columns

README = Path(__file__).parents[1] / "README.md"
EVENTS = {column.name: column.kind for column in SOURCE_TABLES["events"].columns}


def test_the_seven_tables() -> None:
    assert sorted(SOURCE_TABLES) == ["email_events", "events", "fitment", "ownership", "products", "users", "vehicles"]


def test_the_readme_tells_what_is_declared() -> None:
    rows = []
    for table in SOURCE_TABLES.values():
        columns = [
            (f"**{column.name}**" if column.required else column.name) + (f" ({column.note})" if column.note else "")
            for column in table.columns
        ]
        rows.append(f"| `{table.name}` | {', '.join(columns)} |\n")
    assert "| table | columns |\n|---|---|\n" + "".join(rows) + "\n" in README.read_text()


def test_dagster_shows_the_columns_that_are_declared() -> None:
    shown = raw_events.metadata_by_key[raw_events.key]["dagster/column_schema"]
    assert [(column.name, column.type) for column in shown.columns] == list(EVENTS.items())
    of = {column.name: column for column in shown.columns}
    assert (of["event_id"].constraints.unique, of["user_id"].constraints.unique) == (True, False)
    assert (of["user_id"].constraints.nullable, of["order_id"].constraints.nullable) == (False, True)
    assert of["event_type"].description == "view, cart, order"


def test_extra_columns_are_named_and_ignored() -> None:
    warnings = check_columns("events", EVENTS | {"device": "string"})
    assert warnings == ["source table 'events': column 'device' is not in the contract and is ignored"]


def test_optional_columns_and_tables_may_be_absent() -> None:
    assert check_columns("users", {"user_id": "string"}) == []
    assert check_columns("email_events", None) == []


def test_numbers_and_empty_columns_may_come_in_any_numeric_type() -> None:
    assert check_columns("products", {"product_id": "string", "part_type": "null", "price": "integer"}) == []
    assert check_columns("vehicles", {"vehicle_id": "string", "year": "number"}) == []


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (None, "source table 'events': the table is absent. Provide 'events'"),
        (
            {name: kind for name, kind in EVENTS.items() if name != "event_ts"},
            "column 'event_ts': the required column is missing. Add a column 'event_ts' (timestamp) to 'events'; ",
        ),
        (
            EVENTS | {"event_ts": "date"},
            "column 'event_ts': the column is date, the contract says timestamp. Cast it to timestamp",
        ),
        (EVENTS | {"user_id": "integer"}, "column 'user_id': the column is integer, the contract says string"),
    ],
)
def test_a_breach_says_what_and_where(columns: dict[str, str] | None, message: str) -> None:
    with pytest.raises(ContractError) as error:
        check_columns("events", columns)
    assert message in str(error.value)


def test_the_message_names_week_count_and_at_most_three_samples() -> None:
    error = ContractError("events", "it is bad", "Fix it.", week="2026-02-23", column="user_id", count=1234, samples=list("abcd"))
    assert str(error) == (
        "source table 'events', column 'user_id', week 2026-02-23: it is bad (1,234 rows; for example 'a', 'b', 'c'). Fix it."
    )
    assert error.samples == ("a", "b", "c")


def test_fitment_comes_whole_or_not_at_all() -> None:
    columns = {"vehicle_id": "string"}
    assert check_presence({"vehicles": columns, "ownership": columns, "fitment": columns})
    assert not check_presence({"vehicles": None, "ownership": None, "fitment": None})
    with pytest.raises(ContractError, match=r"ownership.*absent although vehicles, fitment is present"):
        check_presence({"vehicles": columns, "ownership": None, "fitment": columns})


def test_wide_columns_follow_the_number_of_slots() -> None:
    assert list(wide_columns(1)) == [
        "email_lower",
        "v1_year",
        "v1_make",
        "v1_model",
        "rec_part_1",
        "rec1_price",
        "rec1_score",
        "rec1_image",
        "rec1_type",
        "rec1_pop_source",
        "generated_at",
        "pipeline_version",
    ]

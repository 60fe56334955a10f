from pathlib import Path

import pytest

from recs_assets.assets.raw import raw_events
from recs_assets.breaches import ContractError, in_week, refuse
from recs_assets.contract import SOURCE_TABLES, Column
from recs_assets.gates.column_fix import column_fix
from recs_assets.gates.source import column_breaches, presence_breaches, remarks
from recs_assets.own_tables import wide_columns
from recs_assets.stored_tables import StoredColumn, StoredTable

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


def stored(columns: dict[str, StoredColumn], *extra: str) -> StoredTable:
    return StoredTable(columns, extra)


ALL_EVENTS = {name: StoredColumn({"string": "text"}.get(kind, kind)) for name, kind in EVENTS.items()}


def test_extra_columns_are_named_and_ignored() -> None:
    table = stored(ALL_EVENTS, "device", "items")
    assert column_breaches("events", table) == []
    assert remarks("events", table) == ["source table 'events': not in the contract, and ignored: 'device', 'items'"]
    assert remarks("events", stored(ALL_EVENTS)) == remarks("events", None) == []


def test_ids_with_spaces_around_them_are_counted() -> None:
    table = stored(ALL_EVENTS | {"product_id": StoredColumn("text", n_trimmed=1200)})
    assert remarks("events", table) == [
        "source table 'events', column 'product_id': 1,200 ids have spaces around them, which are not read"
    ]


def test_optional_columns_and_tables_may_be_absent() -> None:
    assert column_breaches("users", stored({"user_id": StoredColumn("text")})) == []
    assert column_breaches("email_events", None) == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, "source table 'events': the table is absent. Provide 'events'"),
        (
            stored({name: held for name, held in ALL_EVENTS.items() if name != "event_ts"}, "at"),
            "column 'event_ts': the required column is missing. Add a column 'event_ts' (timestamp) to 'events'; "
            "its columns are: event_id, user_id, product_id, event_type, order_id, quantity, at.",
        ),
        (
            stored(ALL_EVENTS | {"event_ts": StoredColumn("integer", 3, "1767225600000")}),
            "column 'event_ts': the column is integer, the contract says timestamp, and values would not stay what they "
            "are (3 rows; for example '1767225600000'). In SQL: TIMESTAMP_MILLIS(event_ts); "
            'in pandas: pd.to_datetime(df["event_ts"], unit="ms", utc=True).',
        ),
        (
            stored(ALL_EVENTS | {"order_id": StoredColumn("float", 2, "7.0")}),
            "(2 rows; for example '7.0'). In SQL: CAST(CAST(order_id AS INT64) AS STRING); in pandas: "
            'df["order_id"].astype("Int64").astype("string").',
        ),
        (
            stored(ALL_EVENTS | {"user_id": StoredColumn("boolean", 2)}),
            "stay what they are (2 rows). In SQL: CAST(user_id AS STRING);",
        ),
    ],
)
def test_a_breach_says_what_and_where(table: StoredTable | None, message: str) -> None:
    (breach,) = column_breaches("events", table)
    assert message in str(breach)


def test_all_breaches_of_a_table_are_one_answer() -> None:
    unread = StoredTable({}, breaches=(ContractError("events", "'Events.csv' looks like it and is not read", "Move it."),))
    assert [breach.problem for breach in column_breaches("events", unread)] == ["'Events.csv' looks like it and is not read"]
    wrong = {"event_id": StoredColumn("float", 2, "1.0"), "user_id": StoredColumn("text")}
    breaches = column_breaches("events", stored(wrong))
    assert [breach.column for breach in breaches] == ["event_id", "product_id", "event_type", "event_ts"]
    with pytest.raises(ContractError) as raised, in_week("2026-09-28"):
        refuse(breaches)
    assert [line.split(":")[0] for line in str(raised.value).splitlines()] == [
        f"source table 'events', column '{column}', week 2026-09-28"
        for column in ("event_id", "product_id", "event_type", "event_ts")
    ]
    refuse([])


@pytest.mark.parametrize(
    "held_as", ["text", "binary", "integer", "decimal", "float", "boolean", "date", "timestamp", "time", "blob[]"]
)
@pytest.mark.parametrize(
    "column", [column for table in SOURCE_TABLES.values() for column in table.columns], ids=lambda of: of.name
)
def test_every_column_can_be_fixed(column: Column, held_as: str) -> None:
    told = column_fix(column, held_as, "1")
    assert f'df["{column.name}"]' in told
    assert "{" not in told.replace('{"true": True, "false": False}', "")


def test_the_message_names_week_count_and_at_most_three_samples() -> None:
    error = ContractError("events", "it is bad", "Fix it.", week="2026-02-23", column="user_id", count=1234, samples=list("abcd"))
    assert str(error) == (
        "source table 'events', column 'user_id', week 2026-02-23: it is bad (1,234 rows; for example 'a', 'b', 'c'). Fix it."
    )
    assert error.samples == ("a", "b", "c")


def test_fitment_comes_whole_or_not_at_all() -> None:
    assert presence_breaches("fitment", ["vehicles", "ownership", "fitment"]) == presence_breaches("fitment", ["users"]) == []
    (breach,) = presence_breaches("fitment", ["users", "vehicles", "fitment"])
    assert str(breach).startswith(
        "source table 'ownership': the table is absent although vehicles, fitment is present. Provide all"
    )
    assert presence_breaches("users", ["users", "vehicles", "fitment"]) == [], "the three say it themselves"


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

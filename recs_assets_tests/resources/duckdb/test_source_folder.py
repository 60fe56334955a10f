"""A table is read however a warehouse writes it to files; what could be meant for one and is not read is named."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recs_assets.breaches import ContractError
from recs_assets.resources.resembled import resembled
from recs_assets_tests.resources.duckdb.source_rows import halves, problems, rows_of, stored_in, write
from recs_assets_tests.sql import shop

EVENTS, FITMENT, VEHICLES = (shop.TABLES[name] for name in ("events", "fitment", "vehicles"))
FIRST, LAST = halves(EVENTS)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for name in ("users", "products"):
        write(folder / f"{name}.parquet", shop.TABLES[name])
    return folder


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """The events, read from one file."""
    folder = tmp_path_factory.mktemp("one file")
    write(folder / "events.parquet", EVENTS)
    return rows_of(folder, "events")


def bq_extract(source: Path) -> None:
    for number, part in enumerate((FIRST, LAST)):
        write(source / f"events-{number:012}.parquet", part)


def spark(source: Path) -> None:
    for number, part in enumerate((FIRST, LAST)):
        write(source / "events.parquet" / f"part-{number:05}-abc.snappy.parquet", part)
        (source / "events.parquet" / f".part-{number:05}-abc.snappy.parquet.crc").write_bytes(b"crc")
    (source / "events.parquet" / "_SUCCESS").touch()


def spark_partitions(source: Path) -> None:
    for day, part in zip(("2026-11-01", "__HIVE_DEFAULT_PARTITION__"), (FIRST, LAST), strict=True):
        write(source / "events" / f"dt={day}" / "part-00000.gz.parquet", part)


def snowflake(source: Path) -> None:
    for number, part in enumerate((FIRST, LAST)):
        write(
            source / "events" / f"data_0_{number}_0.snappy.parquet", part.rename_columns([c.upper() for c in part.column_names])
        )


def dask(source: Path) -> None:
    write(source / "events.parquet" / "part.0.parquet", FIRST)
    write(source / "events.parquet" / "part.1.parquet", LAST)
    (source / "events.parquet" / "_metadata").touch()


def an_empty_shard(source: Path) -> None:
    bq_extract(source)
    pq.write_table(pa.table({"event_id": pa.nulls(0)}), source / "events-000000000002.parquet")


def other_columns_and_types(source: Path) -> None:
    """What the contract does not know may differ, and what its types hold all the same."""
    names = FIRST.column_names[::-1]
    write(source / "events" / "a.parquet", FIRST.select(names).append_column("device", pa.array(["x"] * FIRST.num_rows)))
    quantity = LAST.schema.get_field_index("quantity")
    write(source / "events" / "b.parquet", LAST.set_column(quantity, "quantity", LAST["quantity"].cast(pa.float64())))


def links(source: Path) -> None:
    elsewhere = source.parent / "elsewhere"
    for name, part in (("a", FIRST), ("b", LAST)):
        write(elsewhere / "deep" / f"{name}.parquet", part)
    (source / "events").mkdir()
    (source / "events" / "linked").symlink_to(elsewhere / "deep", target_is_directory=True)
    (elsewhere / "deep" / "back").symlink_to(elsewhere, target_is_directory=True)


@pytest.mark.parametrize(
    "form", [bq_extract, spark, spark_partitions, snowflake, dask, an_empty_shard, other_columns_and_types, links]
)
def test_every_form_gives_the_same_rows(form: Callable[[Path], None], source: Path, expected: pa.Table) -> None:
    form(source)
    assert problems(source, "events") == []
    assert rows_of(source, "events").equals(expected)


def test_nothing_of_a_path_is_data_and_nothing_of_it_is_a_pattern(tmp_path: Path) -> None:
    right, wrong = tmp_path / "shop[1]*?" / "year=2026" / "week=47", tmp_path / "shop1ab" / "year=2026" / "week=47"
    write(right / "vehicles.parquet", VEHICLES)
    write(wrong / "vehicles.parquet", VEHICLES.slice(0, 1))
    years = [year for year in VEHICLES["year"].to_pylist() if year]
    assert sorted(year for year in rows_of(right, "vehicles")["year"].to_pylist() if year) == sorted(years)


def test_nested_columns_are_ignored_whatever_their_leaves_are_called(source: Path, expected: pa.Table) -> None:
    item = [{"product_id": "p1", "price": 1.0, "event_id": {"event_id": 7}}]
    items = pa.array([item] * EVENTS.num_rows)
    counts = pa.array([[("event_ts", 1)]] * EVENTS.num_rows, pa.map_(pa.string(), pa.int64()))
    write(source / "events.parquet", EVENTS.append_column("items", items).append_column("Counts", counts))
    stored = stored_in(source, "events")
    assert stored is not None
    assert (stored.extra, stored.breaches) == (("items", "Counts"), ())
    assert rows_of(source, "events").equals(expected)


@pytest.mark.parametrize(
    "name",
    [
        "events (1).parquet",
        "Events.parquet",
        "EVENTS",
        "events.parquet.gz",
        "events.csv",
        "events_2026.parquet",
        "events-1.parquet",
        "events-00000-of-00002.parquet",
        "events",
        "events.parquet~",
    ],
)
@pytest.mark.parametrize("is_alone", [True, False])
def test_what_looks_like_a_table_and_is_not_read_is_refused(name: str, is_alone: bool, source: Path) -> None:
    if not is_alone:
        write(source / "events.parquet", EVENTS)
    (source / name).write_bytes(b"")
    assert problems(source, "events") == [f"'{name}' looks like it and is not read"]
    assert problems(source, "users") == [], "the others have nothing to do with it"


@pytest.mark.parametrize("name", ["fitments.parquet", "dim_fitment.csv", "Fitment.parquet", "2026 fitment.xlsx", "my_fitment"])
def test_a_store_with_fitment_under_another_name_is_not_one_without(name: str, source: Path) -> None:
    (source / name).write_bytes(b"")
    assert problems(source, "fitment") == [f"'{name}' looks like it and is not read"]


def test_other_things_beside_the_tables_are_nobodys_business(source: Path) -> None:
    write(source / "events.parquet", EVENTS)
    for name in (
        "events.md",
        "users.sql",
        "README.txt",
        "_SUCCESS",
        ".events.parquet.crc",
        "orders.parquet",
        "eventsource.parquet",
    ):
        (source / name).write_bytes(b"")
    (source / "vehicle_images").mkdir()
    assert [problems(source, table) for table in ("events", "users", "vehicles", "fitment")] == [[]] * 4


@pytest.mark.parametrize(
    ("name", "absent", "table"),
    [
        ("email_events.csv", [], "email_events"),
        ("EmailEvents.parquet", ["email_events"], "email_events"),
        ("order_events.parquet", [], None),
        ("product_categories.parquet", ["fitment"], None),
    ],
)
def test_what_a_name_could_be_meant_for(name: str, absent: list[str], table: str | None) -> None:
    assert resembled(name, absent) == table


@pytest.mark.parametrize("second", ["events.parquet", "events/a.parquet", "events-000000000000.parquet"])
def test_a_table_that_is_there_twice_is_refused(second: str, source: Path) -> None:
    write(source / "events" / "b.parquet", EVENTS)
    write(source / ("events-000000000000.parquet" if second == "events/a.parquet" else second), EVENTS)
    (problem,) = problems(source, "events")
    assert problem.startswith("it is there more than once: 'events', 'events")


def test_shards_of_which_one_is_missing_are_refused(source: Path) -> None:
    write(source / "events-000000000000.parquet", FIRST)
    write(source / "events-000000000002.parquet", LAST)
    assert problems(source, "events") == [
        "shard events-000000000001.parquet is missing, though events-000000000002.parquet is there"
    ]


@pytest.mark.parametrize(
    ("strange", "problem"),
    [
        ("part-1.parquet.gz", "events: 'part-1.parquet.gz' is no .parquet file and is not read"),
        ("old/part-1.csv", "events: 'old/part-1.csv' is no .parquet file and is not read"),
        ("_delta_log/00000.json", "events: it is a Delta table, whose files hold deleted rows too"),
        ("_temporary/0/x.parquet", "events: a job has not finished writing it"),
    ],
)
def test_a_folder_that_is_not_simply_parts_is_refused(strange: str, problem: str, source: Path) -> None:
    write(source / "events" / "part-0.parquet", EVENTS)
    (source / "events" / strange).parent.mkdir(parents=True, exist_ok=True)
    (source / "events" / strange).touch()
    assert problems(source, "events") == [problem]


def test_a_folder_without_a_part_is_refused(source: Path) -> None:
    (source / "events").mkdir()
    assert problems(source, "events") == ["events: it has no .parquet file"]


def test_a_column_that_stands_in_the_path_alone_is_missed(source: Path) -> None:
    for kind in ("view", "order"):
        write(source / "events" / f"event_type={kind}" / "a.parquet", EVENTS.drop_columns(["event_type"]))
    assert problems(source, "events") == ["it stands in the names of folders (event_type=...) and not in the files"]


def test_parts_that_do_not_go_together_are_refused(source: Path) -> None:
    write(source / "events" / "a.parquet", FIRST)
    ids = pa.array(range(LAST.num_rows))
    index = LAST.schema.get_field_index("product_id")
    write(source / "events" / "b.parquet", LAST.set_column(index, "product_id", ids).drop_columns(["order_id"]))
    assert problems(source, "events") == [
        "it is integer in b.parquet and text in a.parquet",
        "b.parquet lacks it, a.parquet has it",
    ]
    with pytest.raises(ContractError, match="it is integer in b"):
        rows_of(source, "events")


def test_damaged_parts_are_named(source: Path) -> None:
    write(source / "events" / "a.parquet", FIRST)
    (source / "events" / "b.parquet").write_bytes(b"PAR1 and no more")
    (source / "events" / "gone.parquet").symlink_to(source / "nowhere.parquet")
    first, second = problems(source, "events")
    assert "b.parquet is not a Parquet file (" in first
    assert "gone.parquet is not a Parquet file (" in second

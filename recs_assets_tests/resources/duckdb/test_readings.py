"""Types that lose nothing are taken, and give the same rows to the digit; what would lose something is counted and shown."""

import datetime as dt
import uuid
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from recs_assets.breaches import ContractError
from recs_assets.contract import SOURCE_TABLES
from recs_assets_tests.resources.duckdb.source_rows import put, rows_of, stored_in, write

# The kinds of a table's columns, as pandas, Polars and Spark write them. Only values that a kind can hold are tried.
MOMENTS = [dt.datetime(2026, 3, 1, tzinfo=dt.UTC), None, dt.datetime(2026, 2, 1, tzinfo=dt.UTC)]
PLAIN: dict[str, pa.Array] = {
    "string": pa.array(["7", None, "42"]),
    "timestamp": pa.array(MOMENTS, pa.timestamp("us", "UTC")),
    "number": pa.array([7.25, None, 42.0]),
    "integer": pa.array([7, None, 42]),
    "boolean": pa.array([True, None, False]),
}
COLUMNS = {"string": "product_id", "timestamp": "event_ts", "integer": "quantity", "number": "price", "boolean": "email_consent"}
TABLES = {"number": "products", "boolean": "users"}

TAKEN: dict[str, tuple[str, pa.Array]] = {
    "large text": ("string", PLAIN["string"].cast(pa.large_string())),
    "text view": ("string", PLAIN["string"].cast(pa.string_view())),
    "dictionary": ("string", PLAIN["string"].dictionary_encode()),
    "binary text": ("string", PLAIN["string"].cast(pa.binary())),
    "large binary text": ("string", PLAIN["string"].cast(pa.large_binary())),
    "integers": ("string", pa.array([7, None, 42])),
    "small integers": ("string", pa.array([7, None, 42], pa.int8())),
    "unsigned integers": ("string", pa.array([7, None, 42], pa.uint64())),
    "NUMBER(38,0)": ("string", pa.array([Decimal(7), None, Decimal(42)], pa.decimal128(38, 0))),
    "NUMERIC with whole values": ("string", pa.array([Decimal(7), None, Decimal(42)], pa.decimal128(38, 9))),
    "padded": ("string", pa.array(["7   ", None, "\u00a0 42\t\n"])),
    "dates": ("timestamp", pa.array([dt.date(2026, 3, 1), None, dt.date(2026, 2, 1)])),
    "dates in milliseconds": ("timestamp", pa.array([dt.date(2026, 3, 1), None, dt.date(2026, 2, 1)], pa.date64())),
    **{f"moments in {unit}": ("timestamp", pa.array(MOMENTS, pa.timestamp(unit, "UTC"))) for unit in ("s", "ms", "ns")},
    **{f"naive moments in {unit}": ("timestamp", pa.array(MOMENTS, pa.timestamp(unit))) for unit in ("s", "ms", "us", "ns")},
    "moments elsewhere": ("timestamp", PLAIN["timestamp"].cast(pa.timestamp("us", "America/New_York"))),
    "DECIMAL": ("number", pa.array([Decimal("7.25"), None, Decimal("42")], pa.decimal128(12, 2))),
    "NUMERIC": ("number", pa.array([Decimal("7.25"), None, Decimal("42")], pa.decimal128(38, 9))),
    "float32": ("number", PLAIN["number"].cast(pa.float32())),
    "integers with gaps": ("integer", pa.array([7.0, float("nan"), 42.0])),
    "floats with NULL": ("integer", pa.array([7.0, None, 42.0], pa.float32())),
    "unsigned": ("integer", pa.array([7, None, 42], pa.uint16())),
    "NUMBER(5,0)": ("integer", pa.array([Decimal(7), None, Decimal(42)], pa.decimal128(5, 0))),
    "NUMBER(9,2)": ("integer", pa.array([Decimal(7), None, Decimal(42)], pa.decimal128(9, 2))),
    "TINYINT(1)": ("boolean", pa.array([1, None, 0], pa.int8())),
    "truths with gaps": ("boolean", pa.array([1.0, float("nan"), 0.0])),
}
LOST: dict[str, tuple[str, pa.Array, str, int, str]] = {
    "floats as ids": ("string", pa.array([7.0, None, 42.0]), "float", 2, "42.0"),
    "fractions as ids": ("string", pa.array([Decimal("7.50"), None, Decimal(42)], pa.decimal128(9, 2)), "decimal", 1, "7.50"),
    "bytes that are no text": ("string", pa.array([b"7", None, b"\xff\xfe"]), "binary", 1, "\\xFF\\xFE"),
    "truths as ids": ("string", pa.array([True, None, None]), "boolean", 1, "true"),
    "lists as ids": ("string", pa.array([["7"], None, ["42"]]), "varchar[]", 2, "[42]"),
    "moments as ids": ("string", PLAIN["timestamp"], "timestamp", 2, "2026-02-01 00:00:00+00"),
    "texts as times": ("timestamp", pa.array(["2026-03-01", None, ""]), "text", 1, "2026-03-01"),
    "numbers as times": ("timestamp", pa.array([1772323200, None, None]), "integer", 1, "1772323200"),
    "times of day": ("timestamp", pa.array([dt.time(12), None, None]), "time", 1, "12:00:00"),
    "texts as numbers": ("number", pa.array(["$59.95", None, " "]), "text", 1, "$59.95"),
    "texts as whole numbers": ("integer", pa.array(["7", None, "42"]), "text", 2, "42"),
    "fractions": ("integer", pa.array([7.5, float("nan"), 42.0]), "float", 1, "7.5"),
    "numbers past all bounds": ("integer", pa.array([2**64 - 1, None, 42], pa.uint64()), "integer", 1, "18446744073709551615"),
    "infinity": ("integer", pa.array([float("inf"), None, 42.0]), "float", 1, "inf"),
    "texts as truths": ("boolean", pa.array(["true", None, "false"]), "text", 2, "false"),
    "numbers as truths": ("boolean", pa.array([1, None, 2]), "integer", 1, "2"),
}


def place(kind: str) -> tuple[str, str]:
    return TABLES.get(kind, "events"), COLUMNS[kind]


def base(table: str) -> pa.Table:
    """Three rows in which every column has the plain values of its kind."""
    return pa.table({column.name: PLAIN[column.kind] for column in SOURCE_TABLES[table].columns})


def written(folder: Path, table: str, rows: pa.Table) -> Path:
    write(folder / f"{table}.parquet", rows)
    return folder


@pytest.mark.parametrize("way", TAKEN)
def test_what_loses_nothing_is_taken(way: str, tmp_path: Path) -> None:
    kind, values = TAKEN[way]
    table, column = place(kind)
    rows = base(table)
    source = written(tmp_path / "other", table, put(rows, column, values))
    stored = stored_in(source, table)
    assert stored is not None
    assert stored.columns[column].n_lost == 0
    assert rows_of(source, table).equals(rows_of(written(tmp_path / "plain", table, rows), table))
    assert stored.columns[column].n_trimmed == (2 if way == "padded" else 0)


@pytest.mark.parametrize("way", LOST)
def test_what_loses_something_is_counted_shown_and_never_read(way: str, tmp_path: Path) -> None:
    kind, values, held_as, n_lost, sample = LOST[way]
    table, column = place(kind)
    source = written(tmp_path, table, put(base(table), column, values))
    stored = stored_in(source, table)
    assert stored is not None
    seen = stored.columns[column]
    assert (seen.held_as, seen.n_lost, seen.sample) == (held_as, n_lost, sample)
    with pytest.raises(ContractError, match=f"its rows cannot be read .*column {column} holds a value that is no {kind}"):
        rows_of(source, table)


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize(
    "nothing", [pa.nulls(3), pa.array([float("nan")] * 3), pa.array([None] * 3, pa.int64()), pa.array(["", " ", None])]
)
def test_a_column_without_a_value_may_have_any_type(kind: str, nothing: pa.Array, tmp_path: Path) -> None:
    table, column = place(kind)
    source = written(tmp_path, table, put(base(table), column, nothing))
    stored = stored_in(source, table)
    assert stored is not None
    assert stored.columns[column].n_lost == 0
    values = rows_of(source, table)[column].to_pylist()
    assert set(map(str, values)) <= {"None", "nan"}


def test_ids_that_are_uuids_are_text(tmp_path: Path) -> None:
    ids = [str(uuid.UUID(int=n)) for n in range(3)]
    rows = put(base("events"), "event_id", pa.array(ids).cast(pa.string()))
    binary = pa.array([uuid.UUID(text).bytes for text in ids], pa.uuid().storage_type)
    as_uuid = put(rows, "event_id", pa.ExtensionArray.from_storage(pa.uuid(), binary))
    assert rows_of(written(tmp_path / "uuid", "events", as_uuid), "events")["event_id"].to_pylist() == ids


def test_nobodys_id_is_a_sample(tmp_path: Path) -> None:
    stored = stored_in(written(tmp_path, "users", put(base("users"), "user_id", pa.array([1.5, None, 2.0]))), "users")
    assert stored is not None
    assert (stored.columns["user_id"].n_lost, stored.columns["user_id"].sample) == (2, None)


def test_columns_match_whatever_their_case_and_come_in_any_order(tmp_path: Path) -> None:
    rows = base("users")
    shouted = rows.select(rows.column_names[::-1]).rename_columns(["EMAIL_CONSENT", "Created_At", "email", "USER_ID"])
    read = rows_of(written(tmp_path / "shouted", "users", shouted), "users")
    assert read.equals(rows_of(written(tmp_path / "plain", "users", rows), "users"))


def test_outer_spaces_are_no_part_of_a_text_and_inner_ones_are(tmp_path: Path) -> None:
    rows = put(base("products"), "title", pa.array(["  Oil  pan ", "\ufeffpan", "\u3000 \n"]))
    read = rows_of(written(tmp_path, "products", rows), "products")
    assert sorted(map(str, read["title"].to_pylist())) == ["None", "Oil  pan", "pan"]


def alike(folder: Path, name: str, rows: pa.Table) -> Path:
    """The same rows as another program would write them."""
    path = folder / f"{name}.parquet"
    if name == "pandas":
        frame = rows.to_pandas()  # integers with gaps become floats, times nanoseconds
        folder.mkdir()
        frame.to_parquet(folder / "events.parquet")
    elif name == "polars":
        kinds = {pa.string(): pa.large_string(), pa.timestamp("us", "UTC"): pa.timestamp("ns", "UTC")}
        large = pa.schema([(field.name, kinds.get(field.type, field.type)) for field in rows.schema])
        large = large.set(3, pa.field("event_type", pa.dictionary(pa.uint32(), pa.large_string())))
        write(folder / "events.parquet", rows.cast(large))
    else:
        naive = rows.set_column(4, "event_ts", rows["event_ts"].cast(pa.timestamp("us")))
        for number in range(0, rows.num_rows, 700):
            write(folder / "events.parquet" / f"part-{number:05}-c000.snappy.parquet", naive.slice(number, 700))
        (folder / "events.parquet" / "_SUCCESS").touch()
    return path.parent


@pytest.mark.parametrize("writer", ["pandas", "polars", "spark"])
def test_the_tiny_worlds_events_are_the_same_whoever_writes_them(writer: str, tiny_world: Path, tmp_path: Path) -> None:
    rows = pq.read_table(tiny_world / "events.parquet")
    rows = rows.set_column(6, "quantity", rows["quantity"].cast(pa.int64()))
    source = alike(tmp_path / writer, writer, rows)
    assert rows_of(source, "events").equals(rows_of(tiny_world, "events"))


def test_the_tiny_worlds_vehicles_may_be_numbered(tiny_world: Path, tmp_path: Path) -> None:
    numbers: dict[str, int] = {}
    for table in ("vehicles", "ownership", "fitment"):
        rows = pq.read_table(tiny_world / f"{table}.parquet")
        as_numbers = pa.array(
            [None if v is None else numbers.setdefault(v, len(numbers)) for v in rows["vehicle_id"].to_pylist()]
        )
        for name, ids in (("numbers", as_numbers), ("texts", pc.cast(as_numbers, pa.string()))):
            write(tmp_path / name / f"{table}.parquet", put(rows, "vehicle_id", ids))
        assert rows_of(tmp_path / "numbers", table).equals(rows_of(tmp_path / "texts", table))

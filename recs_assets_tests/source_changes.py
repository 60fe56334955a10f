"""Changes of a source: what may go wrong between a shop and its export."""

import datetime as dt
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from recs_assets_tests.worlds import Place

Change = Callable[[Place], None]


def without_column(table: str, column: str) -> Change:
    return lambda place: place.rewrite(table, place.read_source(table).drop_columns([column]))


def retyped(table: str, column: str, value: str | int) -> Change:
    def change(place: Place) -> None:
        rows = place.read_source(table)
        index = rows.schema.get_field_index(column)
        place.rewrite(table, rows.set_column(index, column, pa.repeat(value, rows.num_rows)))

    return change


def first_rows(table: str, count: int) -> Change:
    return lambda place: place.rewrite(table, place.read_source(table).slice(0, count))


def events_until(moment: dt.datetime) -> Change:
    def change(place: Place) -> None:
        rows = place.read_source("events")
        place.rewrite("events", rows.filter(pc.less(rows["event_ts"], pa.scalar(moment, rows["event_ts"].type))))

    return change


def no_parquet(place: Place) -> None:
    (place.source / "products.parquet").write_text("product_id,part_type,price\n")


def absent(*tables: str) -> Change:
    def change(place: Place) -> None:
        for table in tables:
            (place.source / f"{table}.parquet").unlink()

    return change


def of_bytes(table: str, content: bytes) -> Change:
    return lambda place: place.source.joinpath(f"{table}.parquet").write_bytes(content) and None


def damaged(table: str) -> Change:
    def change(place: Place) -> None:
        path = place.source / f"{table}.parquet"
        content = bytearray(path.read_bytes())
        content[4:300] = bytes(byte ^ 0x5A for byte in content[4:300])
        path.write_bytes(content)

    return change


def cut(table: str) -> Change:
    def change(place: Place) -> None:
        path = place.source / f"{table}.parquet"
        path.write_bytes(path.read_bytes()[:-9])

    return change


def not_utf8(table: str, column: str) -> Change:
    def change(place: Place) -> None:
        rows = place.read_source(table)
        bad = pa.array([b"\xff\xfe"] * rows.num_rows, pa.binary())
        texts = pa.Array.from_buffers(pa.string(), rows.num_rows, bad.buffers())
        place.rewrite(table, rows.set_column(rows.schema.get_field_index(column), column, texts))

    return change


def twice(table: str, column: str, name: str) -> Change:
    def change(place: Place) -> None:
        rows = place.read_source(table)
        place.rewrite(table, pa.Table.from_arrays([*rows.columns, rows[column]], names=[*rows.column_names, name]))

    return change


def recast(table: str, column: str, kind: pa.DataType) -> Change:
    def change(place: Place) -> None:
        rows = place.read_source(table)
        index = rows.schema.get_field_index(column)
        place.rewrite(table, rows.set_column(index, column, rows[column].cast(kind)))

    return change


def nested(table: str, column: str) -> Change:
    def change(place: Place) -> None:
        rows = place.read_source(table)
        index = rows.schema.get_field_index(column)
        place.rewrite(table, rows.set_column(index, column, pa.array([["u1"]] * rows.num_rows)))

    return change

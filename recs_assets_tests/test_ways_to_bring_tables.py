"""Every way to write a type, and to bring tables, gives the same exports."""

import shutil
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recs_assets_tests.small_shop import exported, small_shop
from recs_assets_tests.source_changes import Change, recast
from recs_assets_tests.worlds import Place


def exports(place: Place) -> list[pa.Table]:
    """The parts and the events, which need the parts, of one run."""
    events = exported(place, "interaction_edges")
    return [place.table("product_nodes"), events]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[pa.Table]:
    return exports(small_shop(tmp_path_factory.mktemp("plain")))


@pytest.mark.parametrize(
    ("table", "column", "kind"),
    [
        ("events", "event_ts", pa.timestamp("ns")),
        ("events", "event_ts", pa.timestamp("us")),
        ("events", "event_ts", pa.timestamp("s", "America/New_York")),
        ("events", "user_id", pa.large_string()),
        ("events", "user_id", pa.dictionary(pa.int32(), pa.string())),
        ("events", "user_id", pa.binary()),
        ("events", "quantity", pa.float64()),
        ("products", "price", pa.decimal128(12, 2)),
        ("products", "price", pa.int32()),
    ],
)
def test_every_way_to_write_a_type_gives_the_same_export(
    table: str, column: str, kind: pa.DataType, plain: list[pa.Table], tmp_path: Path
) -> None:
    place = small_shop(tmp_path)
    recast(table, column, kind)(place)
    assert exports(place) == plain


def as_shards(place: Place) -> None:
    for table in ("users", "products", "events"):
        rows = place.read_source(table)
        (place.source / f"{table}.parquet").unlink()
        for number in range(rows.num_rows):
            pq.write_table(rows.slice(number, 1), place.source / f"{table}-{number:012}.parquet")


def as_a_database(place: Place) -> None:
    path = place.source.with_suffix(".duckdb")
    with duckdb.connect(str(path)) as connection:
        for file in place.source.glob("*.parquet"):
            connection.execute(f"CREATE TABLE {file.stem.upper()} AS FROM read_parquet('{file}')")
    shutil.rmtree(place.source)
    path.rename(place.source)


@pytest.mark.parametrize("change", [as_shards, as_a_database])
def test_every_way_to_bring_tables_gives_the_same_export(change: Change, plain: list[pa.Table], tmp_path: Path) -> None:
    place = small_shop(tmp_path)
    change(place)
    assert exports(place) == plain

"""Homes as programs of the past have left them, and the shop they are of: two versions of one week, with other prices.

``layout_0.tar.xz`` was made of this shop by commit 1e6d13a, whose homes had no mark yet. Whoever raises ``home_layout.LAYOUT``
keeps a home of the new layout beside the ones before:

    python -m recs_assets_tests.kept_homes
"""

import datetime as dt
import tarfile
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from recs_assets_tests.busy_shop import busy_shop
from recs_assets_tests.small_shop import END
from recs_assets_tests.worlds import WEEK, Place, messages

NOW = dt.datetime(2026, 10, 8, 12, tzinfo=dt.UTC)
FOLDER = Path(__file__).parent


def kept(layout: int) -> Path:
    """The file of a layout's home."""
    return FOLDER / f"layout_{layout}.tar.xz"


def make(folder: Path, to: Path) -> None:
    """Learn from a week, publish it, publish it again with other prices, and keep the home."""
    place = busy_shop(folder)
    for job in ("everything", "nightly"):
        assert messages(place.launch(job, WEEK)) == {}
        _raise_prices(place)
    with tarfile.open(to, "w:xz") as archive:
        archive.add(place.home, "home", filter=_nobodys)


def unpacked(layout: int, folder: Path) -> Place:
    """The shop a week later with a layout's home, whose files are of today: none is so old that it has to go."""
    place = busy_shop(folder)
    _raise_prices(place)
    _go_on(place)
    now = time.time()
    with tarfile.open(kept(layout)) as archive:
        archive.extractall(folder, filter=lambda member, path: tarfile.data_filter(member, path).replace(mtime=now))
    return replace(place, home=folder / "home")


def _raise_prices(place: Place) -> None:
    products = place.read_source("products")
    column = products.schema.get_field_index("price")
    place.rewrite("products", products.set_column(column, "price", pc.add(products["price"], pa.scalar(1.0))))


def _go_on(place: Place) -> None:
    """The events of the last week once more in the next."""
    events, week = place.read_source("events"), dt.timedelta(days=7)
    last = events.filter(pc.greater_equal(events["event_ts"], pa.scalar(END - week, events.schema.field("event_ts").type)))
    for column, values in {
        "event_id": pc.binary_join_element_wise("n", last["event_id"], ""),
        "order_id": pc.binary_join_element_wise("n", last["order_id"], ""),
        "event_ts": pc.add(last["event_ts"], pa.scalar(week)),
    }.items():
        last = last.set_column(last.schema.get_field_index(column), column, values.cast(last.schema.field(column).type))
    place.rewrite("events", pa.concat_tables([events, last]))


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return None if Path(member.name).name.startswith(".") or member.name.endswith(".spill") else member

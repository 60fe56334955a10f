"""Which layout a home has, as its ``layout.json`` says: looked at before anything reads or writes the home.

A home of an earlier layout is brought up, one of a later is refused. A change of what is kept, after which this program could not
read what it wrote before, raises ``LAYOUT`` and adds a function to ``UPGRADES``.
"""

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from recs_assets.asset_files import RECORD
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.bucket import Bucket
from recs_assets.resources.store.location import POINTER
from recs_assets.resources.store.scratch import locked
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse

LAYOUT = 1
MARKER = "layout.json"
UNFINISHED = "unfinished"

# What this program reads of these assets is not in the files of layout 0: rows without the moment of a return, no coverage, no
# accounts that many people share, no ids of vehicles, no word of what served. Lists were made from such files.
OTHER_IN_0 = ("hetero_graph", "interaction_edges", "vehicle_nodes", "user_scores", "recommendations")

log = logging.getLogger(__name__)


class LayoutError(ValueError):
    """A home that this program cannot work in as it is; the message says what to do."""


def take(store: Store, warehouse: Warehouse | None) -> None:
    """Make sure that a home has this program's layout: a new one is marked, an earlier one is brought up.

    What is killed on the way is done again by the next to ask: the mark comes last, and nothing that is served changes.

    Args:
        store: of the home, which is the folder around it; a bucket is marked itself, and never was of an earlier layout.
        warehouse: of the home; ``None`` where the caller has none, and then cannot bring it up.

    Raises:
        LayoutError: the home is of a later layout, or is not whole, or would have to be brought up without a warehouse.
    """
    if isinstance(store.location, Bucket):
        _take_bucket(store.location)
        return
    home = store.location.local.parent
    if known(home) == LAYOUT:
        return
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(home):
        present = known(home)
        if present is not None and present < LAYOUT:
            if warehouse is None:
                raise LayoutError(f"{home} is of an earlier version of this program. Any command brings it up, as: make versions")
            log.warning("%s has layout %d, of an earlier version of this program: it is brought up to %d", home, present, LAYOUT)
            warehouse.bring_up()
            for layout in range(present, LAYOUT):
                UPGRADES[layout](store)
        if present != LAYOUT:
            mark(home, {"layout": LAYOUT})


def mark(home: Path, document: Mapping[str, Any]) -> None:
    """Write the mark of a home, whole or not at all."""
    beside = home / f".{MARKER}.{os.getpid()}"
    beside.write_text(json.dumps(document) + "\n")
    beside.replace(home / MARKER)


def known(home: Path) -> int | None:
    """The layout of a home, 0 where what is there has no mark, ``None`` where nothing is there.

    Raises:
        LayoutError: a later one, or no mark that anybody has written, or a restore that was never finished.
    """
    try:
        return _read((home / MARKER).read_bytes(), str(home))
    except FileNotFoundError:
        return 0 if (home / "warehouse.duckdb").exists() or any((home / "store").glob(f"*/*/{POINTER}")) else None


def _read(content: bytes, home: str) -> int:
    try:
        document = json.loads(content)
        layout, unfinished = int(document["layout"]), document.get(UNFINISHED)
    except (ValueError, KeyError, TypeError) as error:
        raise LayoutError(
            f"{home}/{MARKER} does not say which layout the home has. Restore the home from a backup (make restore), or put back "
            f'what this version writes there: {{"layout": {LAYOUT}}}'
        ) from error
    if unfinished:
        raise LayoutError(
            f"{home} is not whole: a {unfinished} into it never came to its end. Empty the folder, then do it again."
        )
    if layout > LAYOUT:
        raise LayoutError(
            f"{home} has layout {layout}, of a later version of this program, and this one knows layouts up to {LAYOUT}. Install "
            "that version, or restore a backup made before: make restore FROM=..."
        )
    return layout


def _take_bucket(bucket: Bucket) -> None:
    try:
        content, _ = bucket.objects.read(MARKER)
    except FileNotFoundError:
        bucket.objects.swapped(MARKER, json.dumps({"layout": LAYOUT}).encode(), 0)
    else:
        _read(content, bucket.address())


def _from_0(store: Store) -> None:
    """Versions that cannot be read any more are current no more; records of what may be served name their fallback."""
    for asset in OTHER_IN_0:
        for week in store.location.names(asset):
            store.location.unpoint(f"{asset}/{week}")
    for week in store.location.names("approved_model"):
        with suppress(StoreError):  # damaged, and refused by name to whoever reads it
            _with_fallback(store, week)


def _with_fallback(store: Store, week: str) -> None:
    """A record of layout 0 does not say whether similar parts were worse than SQL alone, which is never wrong."""
    old = store.current("approved_model", week)
    if "fallback" in old.facts:
        return
    with store.draft("approved_model", week, old.manifest.provenance) as new:
        for name in set(old.manifest.files) - {RECORD}:
            shutil.copyfile(old.path(name), new.path(name))
        new.write_document(RECORD, old.document(RECORD) | {"fallback": "sql"})
        new.facts |= {**old.facts, "fallback": "sql"}


# What brings a layout up to the one after it.
UPGRADES: Mapping[int, Callable[[Store], None]] = {0: _from_0}

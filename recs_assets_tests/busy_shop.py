"""A shop with half a year of purchases, small enough that the whole graph runs on it in seconds."""

import datetime as dt
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from recs_assets_tests.small_shop import END, IN_WEEK, LAST_YEAR, Row
from recs_assets_tests.sql.rows import source as source_rows
from recs_assets_tests.worlds import Place, settings_with

N_USERS, N_BUYERS, N_PARTS, N_VEHICLES, N_WEEKS, EVENTS_PER_WEEK = 60, 36, 30, 6, 26, 20
# A twentieth of twenty rows is one row: the limits of a real shop would refuse every fault of a shop of this size.
LIMITS: dict[str, Any] = {
    "source": {"max_quarantined_share": 0.67},
    "model": {"steps": 5},
    "evaluation": {"weeks": 2},
}


def busy_rows() -> dict[str, list[Row]]:
    """The rows of all seven tables, the same every time."""
    fits = [(part, vehicle) for part in range(N_PARTS) for vehicle in range(N_VEHICLES) if part % 5 and (part + vehicle) % 2 == 0]
    return {
        "users": [(f"u{n}", f"u{n}@example.com", LAST_YEAR, True) for n in range(N_USERS)],
        "vehicles": [(f"v{n}", 1960 + n, "Ford" if n % 2 else "Chevrolet", f"Model {n}", "V8") for n in range(N_VEHICLES)],
        "ownership": [(f"u{n}", f"v{n % N_VEHICLES}", 1, LAST_YEAR) for n in range(N_USERS)],
        "products": [
            (
                f"p{n}",
                f"type {n % 10}",
                60.0 + n,
                f"b{n % 4}",
                f"Part {n}",
                f"https://x/{n}.png",
                None,
                False,
                n % 5 == 0,
                LAST_YEAR,
            )
            for n in range(N_PARTS)
        ],
        "fitment": [(f"p{part}", f"v{vehicle}") for part, vehicle in fits],
        "events": _events(),
        "email_events": [("u1", "s1", "sent", IN_WEEK, None)],
    }


def _events() -> list[Row]:
    rng = random.Random(1)
    events: list[Row] = []
    for number in range(N_WEEKS * EVENTS_PER_WEEK):
        user = rng.randrange(N_BUYERS)
        part = rng.choice([n for n in range(N_PARTS) if n % 5 == 0 or (n + user) % 2 == 0])
        at = END - dt.timedelta(days=7 * (number % N_WEEKS), minutes=1 + rng.randrange(7 * 1440))
        kind = rng.choice(["view", "cart", "order", "order"])
        events.append((f"e{number}", f"u{user}", f"p{part}", kind, at, f"o{number}", 1))
    return events


def busy_shop(folder: Path, changes: Mapping[str, list[Row] | None] | None = None) -> Place:
    """The shop in a folder, with other rows in some tables (``None``: without the table)."""
    source = folder / "source"
    source.mkdir(parents=True)
    for table, rows in (busy_rows() | dict(changes or {})).items():
        if rows is not None:
            pq.write_table(source_rows(table, rows), source / f"{table}.parquet")
    return Place(source, folder / "home", settings_with(folder, LIMITS))

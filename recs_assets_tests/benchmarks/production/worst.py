"""Worlds in which one thing is as bad as a store can make it."""

from dataclasses import replace
from pathlib import Path

import duckdb

from recs_assets.demo.presets import PRESETS, Preset
from recs_assets.demo.world import write_world

# Users, vehicles and parts that a case is about.
MANY_VEHICLES, OWNERS_OF_MANY, MANY_PARTS = 50, 2_000, 5_000
MEDIUM = PRESETS["medium"]
# People of whom no two are alike; half the weeks and short visits keep the events to some millions.
EVERYBODY_ACTIVE = replace(MEDIUM, users=101_000, active_share=0.99, browse_parts=1.0, weeks=30, bot=False)
# Everybody may be shown every part, and as many people are evaluated in a week as ever are.
FIFTY_THOUSAND_CANDIDATES = replace(MEDIUM, users=20_000, active_share=0.99, parts=50_000, weeks=30, bot=False)
# The same of production's size, in so few weeks that each has some twenty events.
ALL_ACTIVE = replace(PRESETS["full"], active_share=0.99, browse_parts=1.0, weeks=12, bot=False)


SIXTY_PERCENT_OWN_ONE_VEHICLE = """
    SELECT DISTINCT ON (user_id, vehicle_id)
        * REPLACE (IF(hash(user_id) % 10 < 6, (SELECT mode(vehicle_id) FROM ownership), vehicle_id) AS vehicle_id)
    FROM ownership
"""
TWO_THOUSAND_PEOPLE_OWN_FIFTY_VEHICLES = f"""
    SELECT * FROM ownership UNION ALL BY NAME
    SELECT user_id, vehicle_id
    FROM (SELECT DISTINCT user_id FROM ownership ORDER BY hash(user_id) LIMIT {OWNERS_OF_MANY})
    CROSS JOIN (SELECT DISTINCT vehicle_id FROM vehicles WHERE vehicle_id != '' ORDER BY hash(vehicle_id) LIMIT {MANY_VEHICLES})
    ANTI JOIN ownership USING (user_id, vehicle_id)
"""
ONE_PART_FITS_EVERY_VEHICLE = """
    SELECT * FROM fitment UNION BY NAME
    SELECT (SELECT mode(product_id) FROM fitment) AS product_id, vehicle_id FROM vehicles WHERE vehicle_id != ''
"""
FIVE_THOUSAND_PARTS_FIT_THE_MOST_OWNED_VEHICLE = f"""
    SELECT * FROM fitment UNION BY NAME
    SELECT product_id, (SELECT mode(vehicle_id) FROM ownership) AS vehicle_id
    FROM (SELECT DISTINCT product_id FROM products WHERE product_id != '' ORDER BY hash(product_id) LIMIT {MANY_PARTS})
"""
# A store may lack these together, and none of them alone.
OF_GARAGES = ("vehicles", "ownership", "fitment")

# The tables that a case changes, and what each holds then; ``None``: there is no such table.
CASES: dict[str, tuple[Preset, dict[str, str | None]]] = {
    "everybody_active": (EVERYBODY_ACTIVE, {}),
    "all_active": (ALL_ACTIVE, {}),
    "one_vehicle": (MEDIUM, {"ownership": SIXTY_PERCENT_OWN_ONE_VEHICLE}),
    "many_vehicles": (MEDIUM, {"ownership": TWO_THOUSAND_PEOPLE_OWN_FIFTY_VEHICLES}),
    "part_for_all": (MEDIUM, {"fitment": ONE_PART_FITS_EVERY_VEHICLE}),
    "no_fitment": (FIFTY_THOUSAND_CANDIDATES, dict.fromkeys(OF_GARAGES)),
    "many_parts": (MEDIUM, {"fitment": FIVE_THOUSAND_PARTS_FIT_THE_MOST_OWNED_VEHICLE}),
}


def write_case(name: str, folder: Path, seed: int) -> None:
    """Write the world of a case."""
    preset, changes = CASES[name]
    write_world(folder, preset, seed=seed)
    with duckdb.connect() as connection:
        for path in folder.glob("*.parquet"):
            connection.execute(f"CREATE TABLE {path.stem} AS SELECT * FROM read_parquet('{path}')")
        for table, select in changes.items():
            path = folder / f"{table}.parquet"
            if select is None:
                path.unlink(missing_ok=True)
            else:
                connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")

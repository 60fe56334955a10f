"""Writes the planted world: the contract's source tables with their faults, and beside them what is true."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recs_assets.demo.browsing import Interactions, build_interactions, joined
from recs_assets.demo.catalogue import Fitment, build_fitment, build_parts
from recs_assets.demo.demand import build_demand
from recs_assets.demo.faults import with_faults
from recs_assets.demo.mail import Experiment, email_events_table
from recs_assets.demo.people import SARAH, build_active, build_people, registered
from recs_assets.demo.presets import PRESETS, Preset
from recs_assets.demo.purchases import World, build_orders
from recs_assets.demo.sarah import plant_pair, sarahs_events, with_sarah
from recs_assets.demo.tables import (
    events_table,
    fitment_table,
    ownership_table,
    product_ids,
    products_table,
    user_ids,
    users_table,
)
from recs_assets.demo.truth import USER_PROJECTS, user_projects, write_truth
from recs_assets.demo.vehicles import build_vehicles, vehicles_table

VERSION = 2
"""Raised with every change of what is generated, so that an old folder is not taken for a current one."""

MARKER = "world.json"
"""Written last: a folder that has it is complete."""


@dataclass(frozen=True)
class WorldSummary:
    """What lies in a world's folder.

    Attributes:
        preset: name of the preset.
        seed: of all random draws.
        no_signal: whether there is anything to learn beyond popularity.
        version: of the generator.
        rows: rows per table, faulty ones included.
        faults: rows added per table and fault.
        written: whether this call wrote the folder; it may have been complete.
        experiment: that the mail had, if any.
    """

    preset: str
    seed: int
    no_signal: bool
    version: int
    rows: dict[str, int]
    faults: dict[str, dict[str, int]]
    written: bool
    experiment: Experiment | None = None


def write_world(
    folder: Path, preset: Preset, *, seed: int = 1, no_signal: bool = False, experiment: Experiment | None = None
) -> WorldSummary:
    """Writes ``<table>.parquet`` for all source tables and ``truth/`` into ``folder``, unless they are there already.

    The same preset, seed, flag and experiment give the same bytes.

    Args:
        folder: made if missing; files of another world in it are overwritten.
        preset: sizes and rates.
        seed: of all random draws.
        no_signal: purchases follow one fixed popularity alone, so that no model has anything else to learn.
        experiment: that the mail had; ``None``: everybody's was of one kind.
    """
    there = existing(folder)
    asked = (preset.name, seed, no_signal, experiment)
    if there is not None and (there.preset, there.seed, there.no_signal, there.experiment) == asked:
        return there
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).unlink(missing_ok=True)
    world, fitment = build(preset, seed, no_signal=no_signal)
    orders = build_orders(world, seed)
    if not no_signal:
        orders = plant_pair(world, orders, fitment, seed)
    interactions = joined([build_interactions(world, orders, seed), sarahs_events(orders.at.size)])
    rows, faults = _write_tables(folder, world, fitment, interactions, seed, experiment)
    write_truth(folder / "truth", world, orders, faults)
    summary = WorldSummary(preset.name, seed, no_signal, VERSION, rows, faults, True, experiment)
    (folder / MARKER).write_text(json.dumps(asdict(summary), indent=2) + "\n")
    return summary


def existing(folder: Path) -> WorldSummary | None:
    """The complete world of this generator version in ``folder``, if there is one."""
    marker = folder / MARKER
    if not marker.is_file():
        return None
    summary = json.loads(marker.read_text())
    if summary.get("version") != VERSION:
        return None
    experiment = summary.get("experiment")
    return WorldSummary(**{**summary, "written": False, "experiment": Experiment(**experiment) if experiment else None})


def rebuilt(folder: Path) -> World | None:
    """The world that a folder was written from, with Sarah among its active users.

    ``None`` where the folder holds no complete world with signal, or one of other sizes than the preset of its name has.
    """
    summary, projects = existing(folder), folder / "truth" / USER_PROJECTS
    if summary is None or summary.no_signal or summary.preset not in PRESETS or not projects.exists():
        return None
    world, _ = build(PRESETS[summary.preset], summary.seed, no_signal=summary.no_signal)
    is_same = pq.read_table(projects).equals(user_projects(world))
    return replace(world, active=with_sarah(world)) if is_same else None


def build(preset: Preset, seed: int, *, no_signal: bool) -> tuple[World, Fitment]:
    """What all behaviour depends on, and what fits what; arguments as of ``write_world``."""
    vehicles = build_vehicles(preset, seed)
    parts = build_parts(preset, seed)
    fitment = build_fitment(preset, parts, vehicles, seed)
    demand = build_demand(preset, parts, fitment, vehicles, seed=seed, no_signal=no_signal)
    people = build_people(preset, vehicles, seed)
    active = build_active(preset, people, demand.preferences, vehicles, seed)
    people = registered(preset, people, active, seed)
    return World(preset, vehicles, parts, people, demand, active, no_signal), fitment


def _write_tables(
    folder: Path, world: World, fitment: Fitment, interactions: Interactions, seed: int, experiment: Experiment | None
) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Writes one table after another; rows and faults per table."""
    preset, parts, people = world.preset, world.parts, world.people
    makers: dict[str, Callable[[], pa.Table]] = {
        "users": lambda: users_table(people),
        "vehicles": lambda: vehicles_table(world.vehicles),
        "ownership": lambda: ownership_table(people, world.vehicles, seed),
        "products": lambda: products_table(preset, parts, world.demand, seed),
        "fitment": lambda: fitment_table(parts, fitment, world.vehicles),
        "events": lambda: events_table(interactions, preset.users, parts, seed),
    }
    rows, faults = {}, {}
    for name, make in makers.items():
        bot = _bot(world) if name == "events" and preset.bot else None
        table, faults[name] = with_faults(name, make(), seed=seed, bot=bot)
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
        rows[name] = table.num_rows
    mail = email_events_table(preset, people, parts, seed, experiment)
    pq.write_table(mail, folder / "email_events.parquet", compression="zstd")
    rows["email_events"] = mail.num_rows
    return rows, faults


def _bot(world: World) -> tuple[str, pa.Array]:
    """A user without events of its own, and the parts that it looks at."""
    idle = np.setdiff1d(np.arange(SARAH + 1, world.preset.users), world.active.user)[-1]
    return user_ids(world.preset.users)[idle].as_py(), pa.array(product_ids(world.parts), pa.string())

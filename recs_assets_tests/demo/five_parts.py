"""A world of five parts, made by hand: two universal ones and three that fit the only vehicle, two projects.

    part  shelf      project  popularity
    A     universal  0        1
    B     universal  1        3
    C     fitting    0        2
    D     fitting    0        2           companion of C
    E     fitting    1        4

Half of the draws are universal, four fifths within the project. Before them stand the two parts of Sarah's pair, on no shelf.
"""

from dataclasses import replace

import numpy as np

from recs_assets.demo.browsing import Interactions
from recs_assets.demo.catalogue import Parts
from recs_assets.demo.demand import Demand
from recs_assets.demo.people import REPEAT, Active, People
from recs_assets.demo.presets import PRESETS
from recs_assets.demo.purchases import World
from recs_assets.demo.timeline import WEEK, start
from recs_assets.demo.vehicles import Vehicles

A, B, C, D, E = PARTS = range(2, 7)
WEEKS = 12
PRESET = replace(PRESETS["tiny"], weeks=WEEKS, universal_draws=0.5, projects=2, parts=7, browse_parts=3.0)

# The chance that one draw is each of the five parts, in project 0 and in project 1: half a universal shelf, half the vehicle's.
# A: a fifth of 1/4 and four fifths of all; B: a fifth of 3/4; C, D: a fifth of 2/8 and four fifths of 2/4; E: a fifth of 4/8.
IN_0 = {A: 0.425, B: 0.075, C: 0.225, D: 0.225, E: 0.05}
IN_1 = {A: 0.025, B: 0.475, C: 0.025, D: 0.025, E: 0.45}


def world_of(
    roles: list[int], projects: list[list[int]], *, arrival: int = 0, buying_rate: float = 0.5, order_week: int = -1
) -> World:
    """So many active users with the vehicle in their garages, and interest 1; by 3 to 1 its owners have project 0."""
    n = len(roles)
    parts = Parts(
        design=np.arange(7),
        project=np.array([0, 0, 0, 1, 0, 0, 1]),
        part_type=np.array(["Type"] * 7, dtype=object),
        brand=np.zeros(7, dtype=np.int64),
        price=np.full(7, 100.0),
        universal=np.isin(np.arange(7), [A, B]),
        consumable=np.zeros(7, dtype=bool),
        refurbished=np.zeros(7, dtype=bool),
        image=np.full(7, 2),
        companions=np.array([[0, 1], [C, D]]),
    )
    weights = np.array([0.0, 0.0, 1.0, 3.0, 2.0, 2.0, 4.0])
    # Shelves: the vehicle's, the universal one of its model, that of people without a vehicle.
    demand = Demand(
        part=np.array([C, D, E, A, B, A, B]),
        taste=np.ones(7),
        starts=np.array([0, 2, 3, 4, 5, 6, 7]),
        n_projects=2,
        popularity=np.tile(weights, (WEEKS + 1, 1)),
        launch=np.full(7, -1),
        preferences=np.array([[0.75, 0.25], [0.5, 0.5]]),
    )
    vehicles = Vehicles(["1967-FORD-MUSTANG"], np.zeros(1, dtype=np.int64), np.array([1967]), ["V8 289"], np.ones(1))
    nothing = np.zeros(n + 1, dtype=np.int64)
    people = People(nothing, nothing == 0, np.arange(n + 2), np.zeros(n + 1, dtype=np.int64))
    active = Active(
        user=np.arange(1, n + 1),
        role=np.array(roles),
        arrival=np.full(n, arrival),
        order_week=np.full(n, order_week),
        buying_rate=np.where(np.array(roles) == REPEAT, buying_rate, 0.0),
        interest=np.ones(n),
        projects=np.array(projects),
    )
    return World(PRESET, vehicles, parts, people, demand, active, no_signal=False)


def log_of(events: list[tuple[int, int, int, float]]) -> Interactions:
    """Events of (user, part, kind, weeks since the beginning)."""
    user, part, kind, week = (np.array(column) for column in zip(*events, strict=True)) if events else [np.empty(0, np.int64)] * 4
    at = (start(WEEKS) + week * WEEK).astype(np.int64)
    return Interactions(user, part, kind, at, np.full(user.size, -1))

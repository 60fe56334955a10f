"""The people of the planted world: garages for all of them, and for the few active ones a role and projects."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recs_assets.demo.presets import Preset
from recs_assets.demo.timeline import DAY, END, WEEK, start, stream
from recs_assets.demo.vehicles import Vehicles

SARAH = 0
"""Row of Sarah among the users."""

OWNER_SHARE = 0.97
GARAGE_SHARES = (0.85, 0.12, 0.03)
"""Users with a vehicle, and owners with one, two and three."""

CONSENT_SHARE = 0.96

BUYER_SHARE = 0.85
"""Share of active users who come to buy; the others only look."""

REPEAT_SHARE = 0.165
"""Share of those who buy again and again: the retailer's 18% of the buyers seen, as some have yet to order."""

IMMEDIATE_SHARE = 0.68
"""Share of one-time buyers who order in the week in which they are first seen."""

ARRIVAL_DOUBLING_WEEKS = 9.0
"""The store's campaigns bring in ever more one-time buyers; the other active users have come evenly over the weeks."""

LATE_WEEKS = 8
"""Repeat buyers arrive before the last weeks: who came later has not had the time to become one."""

BUYING_RATE = (0.35, 0.85)
"""Range of a repeat buyer's chance to order in a week."""

PROJECT_SHARES = (0.55, 0.3, 0.15)
"""How a repeat buyer divides between three projects; the others have one."""

INTEREST_SHAPE = 0.5
"""Shape of the gamma distribution of interest, of mean 1: many people look at a thing or two, a few at hundreds."""

VIEWER, ONE_TIME, REPEAT = 0, 1, 2
"""Roles of active users."""


@dataclass(frozen=True)
class People:
    """Users and their garages.

    Attributes:
        created_at: microseconds, shape (n_users,).
        consent: may be mailed, shape (n_users,).
        garage_start: offsets into ``garage``, shape (n_users + 1,).
        garage: vehicle rows, users one after another, the primary vehicle first.
    """

    created_at: NDArray[np.int64]
    consent: NDArray[np.bool_]
    garage_start: NDArray[np.int64]
    garage: NDArray[np.int64]


@dataclass(frozen=True)
class Active:
    """The users with events, in columns of length ``n_active``; Sarah is planted apart from them.

    Attributes:
        user: row among all users.
        role: ``VIEWER``, ``ONE_TIME`` or ``REPEAT``.
        arrival: week of the first event, counted from the world's first week.
        order_week: week of a one-time buyer's order (may lie beyond the world), otherwise -1.
        buying_rate: chance of a repeat buyer to order in a week, otherwise 0.
        interest: factor on how much a user looks around, about 1 on average.
        projects: project rows, shape (n_active, 3); all the same for users with a single project.
    """

    user: NDArray[np.int64]
    role: NDArray[np.int64]
    arrival: NDArray[np.int64]
    order_week: NDArray[np.int64]
    buying_rate: NDArray[np.float64]
    interest: NDArray[np.float64]
    projects: NDArray[np.int64]


def build_people(preset: Preset, vehicles: Vehicles, seed: int) -> People:
    """All users; the one in row ``SARAH`` owns a 1967 Ford Mustang and nothing else."""
    rng = stream(seed, "people")
    count = rng.choice((1, 2, 3), p=GARAGE_SHARES, size=preset.users)
    count[rng.random(preset.users) >= OWNER_SHARE] = 0
    count[SARAH] = 1
    user = np.repeat(np.arange(preset.users), count)
    vehicle = rng.choice(len(vehicles.ids), p=vehicles.weight, size=user.size)
    vehicle[user == SARAH] = vehicles.sarah
    kept = np.sort(np.unique(user * len(vehicles.ids) + vehicle, return_index=True)[1])
    user, vehicle = user[kept], vehicle[kept]
    created_at = rng.integers(END - 7 * 365 * DAY, END - DAY, preset.users)
    consent = rng.random(preset.users) < CONSENT_SHARE
    consent[SARAH] = True
    return People(created_at, consent, np.searchsorted(user, np.arange(preset.users + 1)), vehicle)


def build_active(preset: Preset, people: People, preferences: NDArray[np.float64], vehicles: Vehicles, seed: int) -> Active:
    """Who of the users is active, in which role and from when.

    Args:
        preset: sizes.
        people: everyone.
        preferences: chance of each project among the owners of each model, shape (n_models + 1, n_projects); the last
            row is for users without a vehicle.
        vehicles: the vehicles in the garages.
        seed: of the world.
    """
    rng = stream(seed, "active")
    n_active = round(preset.users * preset.active_share)
    user = np.sort(1 + rng.permutation(preset.users - 1)[:n_active])
    lottery = rng.random(n_active)
    role = np.where(lottery < BUYER_SHARE, ONE_TIME, VIEWER)
    role[lottery < BUYER_SHARE * REPEAT_SHARE] = REPEAT
    even = rng.integers(preset.weeks - LATE_WEEKS, size=n_active)
    arrival = np.where(role == ONE_TIME, _growing_arrivals(preset.weeks + 1, n_active, rng), even)
    wait = np.where(rng.random(n_active) < IMMEDIATE_SHARE, 0, rng.integers(1, 7, n_active))
    chances = np.cumsum(preferences[primary_models(people, vehicles, user)], axis=1)[:, None, :]
    projects = (chances < rng.random((n_active, 3, 1)) * chances[:, :, -1:]).sum(axis=2)
    projects[role != REPEAT] = projects[role != REPEAT, :1]
    return Active(
        user=user,
        role=role,
        arrival=arrival,
        order_week=np.where(role == ONE_TIME, arrival + wait, -1),
        buying_rate=np.where(role == REPEAT, rng.uniform(*BUYING_RATE, n_active), 0.0),
        interest=rng.gamma(INTEREST_SHAPE, 1 / INTEREST_SHAPE, n_active),
        projects=projects,
    )


def primary_models(people: People, vehicles: Vehicles, user: NDArray[np.int64]) -> NDArray[np.int64]:
    """Model of each user's first vehicle, ``vehicles.n_models`` without one: a row of ``Demand.preferences``."""
    model = np.full(user.size, vehicles.n_models)
    owners = people.garage_start[user] < people.garage_start[user + 1]
    model[owners] = vehicles.model[people.garage[people.garage_start[user[owners]]]]
    return model


def registered(preset: Preset, people: People, active: Active, seed: int) -> People:
    """The same people, the active ones (and Sarah) registered before their first event."""
    rng = stream(seed, "registration")
    created_at = people.created_at.copy()
    created_at[active.user] = start(preset.weeks) + active.arrival * WEEK - rng.integers(2 * 365 * DAY, size=active.user.size)
    created_at[SARAH] = start(preset.weeks) - DAY
    return replace(people, created_at=created_at)


def _growing_arrivals(weeks: int, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Weeks in [0, weeks), each ``ARRIVAL_DOUBLING_WEEKS`` bringing twice as many as the one before."""
    weight = 2.0 ** (np.arange(weeks) / ARRIVAL_DOUBLING_WEEKS)
    return rng.choice(weeks, p=weight / weight.sum(), size=size)

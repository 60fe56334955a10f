"""What is in the lists of a week, counted over the served table."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recs_assets.asset_files import PRODUCT_NODES
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.warehouse import Warehouse


@dataclass(frozen=True)
class Served:
    """The newest publication of the week."""

    n_users: int
    n_rows: int
    source: str
    model_week: str | None
    version: str
    run_id: str


@dataclass(frozen=True)
class Part:
    """A part and how many lists it is in, and begins, now and in the week before; no type and price where it is not sold now."""

    product_id: str
    part_type: str | None
    price: float | None
    n_lists: int
    n_first: int
    n_lists_before: int
    n_first_before: int


@dataclass(frozen=True)
class Lists:
    """What is in the lists of a week.

    Attributes:
        before: the Monday of the week that was served before; ``None``: there is none.
        parts: every part of a list of either week, by its id.
        n_compared: people with a list in both weeks.
        n_changed: of them, whose list begins otherwise.
        arms: how many people of each arm of the rollout have a list.
        lengths: how many people have a list of each length.
        reasons: of each reason, how many parts of lists give it, and how many of the first ones.
        n_eligible: parts that the rules leave; ``None``: the week's parts are not kept any more.
    """

    before: str | None
    parts: Sequence[Part]
    n_compared: int
    n_changed: int
    arms: Mapping[str, int]
    lengths: Mapping[int, int]
    reasons: Mapping[str, tuple[int, int]]
    n_eligible: int | None

    @property
    def now(self) -> list[Part]:
        """The parts of this week's lists."""
        return [part for part in self.parts if part.n_lists]

    @property
    def gained(self) -> list[Part]:
        """In lists now and in none before, those of the most lists first."""
        return sorted((part for part in self.now if not part.n_lists_before), key=lambda part: (-part.n_lists, part.product_id))

    @property
    def lost(self) -> list[Part]:
        """In no list any more, those of the most lists first."""
        gone = (part for part in self.parts if not part.n_lists)
        return sorted(gone, key=lambda part: (-part.n_lists_before, part.product_id))

    @property
    def most_listed(self) -> Part:
        """The part that the most lists begin with."""
        return min(self.now, key=lambda part: (-part.n_first, part.product_id))

    @property
    def mean_prices(self) -> tuple[float | None, float | None]:
        """Mean price of the first parts of lists, now and before, in US dollars and at the prices of this week."""
        return _mean_price(self.parts, "n_first"), _mean_price(self.parts, "n_first_before")

    @property
    def types(self) -> dict[str, tuple[float, float]]:
        """Share of the first parts of lists by type, now and before, the most frequent ones first."""
        now, before = (_shares(self.parts, count) for count in ("n_first", "n_first_before"))
        return {name: (now[name], before[name]) for name in sorted(now | before, key=lambda name: (-now[name], name))}


def served_of(warehouse: Warehouse, week: str) -> Served | None:
    """The newest publication of a week, or ``None``."""
    with warehouse.session() as session:
        publications = session.read("publications", week=dt.date.fromisoformat(week)).to_pylist()
    if not publications:
        return None
    newest = publications[-1]
    # A rollback is in the ledger too: the list itself was made by the run that published it first.
    (made_by,) = (row["run_id"] for row in publications if row["publication_id"] == newest["version_after"])
    model_week = newest["model_week"] and newest["model_week"].isoformat()
    return Served(newest["n_users"], newest["n_rows"], newest["source"], model_week, newest["version_after"], made_by)


def lists_of(warehouse: Warehouse, products: Artifact, week: str, slots: int) -> Lists:
    """What is in the lists that are served for a week.

    Args:
        warehouse: of the served table.
        products: the week's ``product_nodes``.
        week: its Monday.
        slots: parts that are first.
    """
    day = dt.date.fromisoformat(week)
    with warehouse.session({"product_nodes": [products.file(PRODUCT_NODES)]}) as session:
        before = max((row["week"] for row in session.rows("last_publications") if row["week"] < day), default=None)
        asked: dict[str, Any] = {"week": day, "before": before, "slots": slots}
        parts = [Part(**row) for row in session.rows("listed_parts", **asked)]
        changes = session.audit("list_changes", **asked)
        arms = session.rows("listed_arms", week=day)
        lengths = session.rows("list_lengths", week=day)
        reasons = session.rows("listed_reasons", week=day, slots=slots)
    left_out = products.table(PRODUCT_NODES, columns=["ineligible_reason"])["ineligible_reason"]
    return Lists(
        before.isoformat() if before else None,
        parts,
        changes["n_compared"],
        changes["n_changed"],
        {row["arm"]: row["n_people"] for row in arms},
        {row["n_parts"]: row["n_people"] for row in lengths},
        {row["reason_code"]: (row["n_parts"], row["n_first"]) for row in reasons},
        left_out.null_count,
    )


def _mean_price(parts: Sequence[Part], count: str) -> float | None:
    priced = [(part.price, getattr(part, count)) for part in parts if part.price is not None and getattr(part, count)]
    n_shown = sum(n for _, n in priced)
    return sum(price * n for price, n in priced) / n_shown if n_shown else None


def _shares(parts: Sequence[Part], count: str) -> "Counter[str]":
    counts = Counter[str]()
    for part in parts:
        counts[part.part_type or "not sold any more"] += getattr(part, count)
    n_shown = sum(counts.values())
    return Counter({name: n / n_shown for name, n in counts.items() if n} if n_shown else {})

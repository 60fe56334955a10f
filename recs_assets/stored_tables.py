"""A source table as it is stored, which an engine looks up and a gate tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from recs_assets.breaches import ContractError


@dataclass(frozen=True)
class StoredColumn:
    """A stored column that the contract knows.

    ``held_as``: what its type holds, in a plain word (text, binary, integer, decimal, float, boolean, timestamp, date, null), or
    the engine's own word. ``n_lost``: values that the contract's type could not hold whole; ``sample``: one of them, where it
    cannot be a person's. ``n_trimmed``: ids with spaces around them.
    """

    held_as: str
    n_lost: int = 0
    sample: str | None = None
    n_trimmed: int = 0


@dataclass(frozen=True)
class StoredTable:
    """A source table that is there: the contract's columns in it, the names of all others, and what keeps it from being read."""

    columns: Mapping[str, StoredColumn]
    extra: tuple[str, ...] = ()
    breaches: tuple[ContractError, ...] = field(default=())

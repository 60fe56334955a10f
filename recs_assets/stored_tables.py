"""A source table as it is stored, which an engine looks up and a gate judges; and several breaches in one answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from recs_assets.contract import ContractError


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


class SeveralBreachesError(ContractError):
    """Several breaches in one answer, one a line."""

    def __init__(self, errors: Sequence[ContractError]) -> None:
        self.errors = tuple(errors)
        first = errors[0]
        super().__init__(first.table, first.problem, first.fix, week=first.week, column=first.column)

    def _message(self) -> str:
        return "\n".join(str(error) for error in self.errors)

    def of(self, week: str) -> ContractError:
        """The same breaches, of a week where they have none."""
        return SeveralBreachesError([error.of(week) for error in self.errors])


def refuse(breaches: Sequence[ContractError]) -> None:
    """Refuse what has breaches, all of them in one answer.

    Raises:
        ContractError: there is one, or more.
    """
    if breaches:
        raise breaches[0] if len(breaches) == 1 else SeveralBreachesError(breaches)

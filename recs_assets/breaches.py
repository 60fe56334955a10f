"""Breaches of the contract: the error of one, and of several in one answer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

MAX_SAMPLES = 3


class ContractError(ValueError):
    """A source that breaks the contract; the message names the table, the week, the column, the count, samples and the fix."""

    def __init__(
        self,
        table: str,
        problem: str,
        fix: str,
        *,
        week: str | None = None,
        column: str | None = None,
        count: int | None = None,
        samples: Sequence[str] = (),
    ) -> None:
        self.table = table
        self.problem = problem
        self.fix = fix
        self.week = week
        self.column = column
        self.count = count
        self.samples = tuple(samples)[:MAX_SAMPLES]
        super().__init__(self._message())

    def _message(self) -> str:
        where = f"source table '{self.table}'"
        if self.column is not None:
            where += f", column '{self.column}'"
        if self.week is not None:
            where += f", week {self.week}"
        details = [] if self.count is None else [f"{self.count:,} rows"]
        if self.samples:
            details.append("for example " + ", ".join(repr(sample) for sample in self.samples))
        about = f" ({'; '.join(details)})" if details else ""
        return f"{where}: {self.problem}{about}. {self.fix}"

    def of(self, week: str) -> "ContractError":
        """The same breach, of a week where it has none."""
        return ContractError(
            self.table, self.problem, self.fix, week=self.week or week, column=self.column, count=self.count, samples=self.samples
        )


@contextmanager
def in_week(week: str) -> Iterator[None]:
    """Add the week to breaches that were met where weeks are not known."""
    try:
        yield
    except ContractError as error:
        raise error.of(week) from error


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

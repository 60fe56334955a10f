"""Which step of which run is at work, for the labels of the jobs that it sends to others; and what these jobs have cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True)
class JobRecord:
    """One job that a step has sent.

    Attributes:
        kind: query, load.
        name: of the query, or of the table that is loaded.
        job_id: as the service knows it.
        bytes_billed: as the service says, or as it estimated where it does not say.
        slot_seconds: of its processors.
        usd: what these bytes cost.
    """

    kind: str
    name: str
    job_id: str
    bytes_billed: int
    slot_seconds: float
    usd: float


@dataclass(frozen=True)
class Step:
    """A step of a run: the asset or command, the key of its week, the run's id; and its jobs so far."""

    name: str
    week: str | None = None
    run_id: str | None = None
    jobs: list[JobRecord] = field(default_factory=list)

    @property
    def labels(self) -> dict[str, str]:
        """What is known of it, by the words that jobs are labelled with."""
        known = {"asset": self.name, "week": self.week, "run": self.run_id}
        return {word: value for word, value in known.items() if value}


_COMMAND = Step("command")
_step: ContextVar[Step] = ContextVar("step", default=_COMMAND)


def current() -> Step:
    """The step at work; outside of any it is the command line, whose jobs nobody counts."""
    return _step.get()


@contextmanager
def step(name: str, week: str | None, run_id: str) -> Iterator[Step]:
    """Be a step of a run for the block."""
    begun = Step(name, week, run_id)
    token = _step.set(begun)
    try:
        yield begun
    finally:
        _step.reset(token)


def record(job: JobRecord) -> None:
    """Note a job of the step at work."""
    if (now := current()) is not _COMMAND:
        now.jobs.append(job)

"""One job in this process, with what each of its steps took: ``python -m …production.recorder JOB WEEK FILE [ASSET]``.

The job is the project's own; only its logger is another one, which notes time, CPU and memory when a step starts and ends.
"""

import json
import logging
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import dagster as dg

from recs_assets.console import console
from recs_assets.definitions import defs
from recs_assets_tests.benchmarks.production.hollow import hollow

KIB = 1024


@dataclass(frozen=True)
class Took:
    """What a step, or a whole job, took.

    Attributes:
        name: of the asset, or of the job.
        seconds: on the clock.
        cpu_seconds: of all threads, in user and system mode.
        peak_bytes: the most memory that was resident in the process meanwhile.
        written_bytes: handed to the system to be written, to any file.
    """

    name: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    written_bytes: int


@contextmanager
def measured(name: str, steps: list[Took]) -> Iterator[None]:
    """Append what the block took."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    started, cpu, written = time.perf_counter(), _cpu_seconds(), _written_bytes()
    yield
    seconds, cpu = time.perf_counter() - started, _cpu_seconds() - cpu
    steps.append(Took(name, seconds, cpu, _status("VmHWM"), _written_bytes() - written))


class StepRecorder(logging.Handler):
    """Measures from each step's first event to its last."""

    def __init__(self, steps: list[Took]) -> None:
        super().__init__()
        self._steps = steps
        self._step = contextmanager(lambda: iter(()))()

    def emit(self, record: logging.LogRecord) -> None:
        """Start or end a measurement where the event says so."""
        event = getattr(record, "dagster_meta", {}).get("dagster_event")
        if event is None:
            return
        if event.event_type == dg.DagsterEventType.STEP_START:
            self._step = measured(event.step_key, self._steps)
            self._step.__enter__()
        if event.event_type == dg.DagsterEventType.STEP_SUCCESS:
            self._step.__exit__(None, None, None)


def run(job: str, week: str, last: Sequence[str] = ()) -> list[Took]:
    """Run a job for a week.

    Args:
        job: its name.
        week: the key of its partition.
        last: assets after which nothing more of it is made; none: all of it is.

    Returns:
        A row a step in the order of the run; then ``hollow``, a job of the same steps and checks with nothing in them; then the
        whole job.

    Raises:
        RuntimeError: the job failed; its log says why.
    """
    steps: list[Took] = []
    whole: list[Took] = []

    def recorded(context: dg.InitLoggerContext) -> logging.Logger:
        logger = console.logger_fn(context)
        logger.addHandler(StepRecorder(steps))
        return logger

    graph = dg.Definitions(
        assets=defs.assets,
        jobs=defs.jobs,
        resources=defs.resources,
        executor=defs.executor,
        loggers={"console": dg.LoggerDefinition(recorded)},
    )
    with dg.DagsterInstance.get() as instance:
        with measured("hollow", whole):
            hollow(job).execute_in_process(partition_key=week, instance=instance)
        with measured(job, whole):
            definition = graph.resolve_job_def(job)
            upstream = dg.AssetSelection.assets(*last).upstream().resolve(graph.resolve_asset_graph())
            made = list(upstream & definition.asset_layer.executable_asset_keys)
            result = definition.execute_in_process(
                partition_key=week, instance=instance, raise_on_error=False, asset_selection=made or None
            )
    if not result.success:
        raise RuntimeError(f"the {job} job of week {week} failed")
    return [*steps, *whole]


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * KIB
    raise LookupError(name)


def _written_bytes() -> int:
    values = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(values["wchar"])


if __name__ == "__main__":
    job_name, week_key, file, *last_assets = sys.argv[1:]
    Path(file).write_text(json.dumps([asdict(took) for took in run(job_name, week_key, last_assets)]))

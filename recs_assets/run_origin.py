"""Where a run comes from, as the UI asks it: its timeline and its pages of jobs show the runs of a known project alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import dagster as dg

# Dagster has no public name for an origin, nor another way to say one.
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

# As workspace.yaml and pyproject.toml say it; the other one is Dagster's name for what ``definitions.py`` holds.
LOCATION, REPOSITORY = "recs_assets", "__repository__"
# On the runs of a command, which sends their alerts itself.
OF_COMMAND = {"launched_by": "command"}


@contextmanager
def shown_in_the_ui(instance: dg.DagsterInstance, job: dg.JobDefinition) -> Iterator[None]:
    """Give the runs of a job that are created within the block the origin that those have which the UI launches."""
    origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(LOCATION), REPOSITORY).get_job_origin(job.name)
    # ``execute_in_process`` creates its run itself, and cannot be told of an origin.
    instance.create_run_for_job = partial(instance.create_run_for_job, remote_job_origin=origin)  # type: ignore[method-assign]
    try:
        yield
    finally:
        del instance.create_run_for_job

"""Dagster's own home, with its event log: made once, whatever begins first."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from recs_assets.resources.store.scratch import locked

VARIABLE = "DAGSTER_HOME"
SETTINGS = "telemetry:\n  enabled: false\npython_logs:\n  managed_python_loggers: [recs_assets]\n"
# What Alembic says of a table of versions that two processes have filled at the same time.
TWO_HEADS = "more than one head"


class HomeError(RuntimeError):
    """Dagster's home cannot be opened; the message says how to fix it."""


@contextmanager
def opened() -> Iterator[dg.DagsterInstance]:
    """The instance that lives in ``DAGSTER_HOME``, made there if this is the first process to ask.

    Two that made it at the same time would break it for good: one after the other opens it.

    Raises:
        HomeError: no home is named, or two processes have made it at the same time.
    """
    folder = _folder()
    with locked(folder):
        if not (folder / "dagster.yaml").exists():
            (folder / "dagster.yaml").write_text(SETTINGS)
        try:
            instance = dg.DagsterInstance.get()
            instance.run_storage.alembic_version()
            instance.event_log_storage.alembic_version()
            instance.all_instigator_state()
        except Exception as error:
            if TWO_HEADS not in str(error):
                raise
            raise HomeError(
                f"Dagster's home {folder} is broken: two programs made it at the same time ({str(error).splitlines()[0]}). It "
                "holds the history of runs alone; nothing that is served is in it. "
                f"Move it away and run again: mv {folder} {folder}.broken"
            ) from error
    with instance:
        yield instance


def _folder() -> Path:
    named = os.environ.get(VARIABLE)
    if not named:
        raise HomeError(f"{VARIABLE} is not set: run this by make, or name a folder for Dagster's event log in it.")
    folder = Path(named)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


if __name__ == "__main__":
    with opened():
        pass

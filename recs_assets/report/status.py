"""How things stand: what is mailed, what has run, what comes next, what is kept; in two seconds, for anybody.

    python -m recs_assets.report.status [--json]

Nothing of Dagster is loaded, which takes a second: its two small files are read as they are.
"""

import argparse
import datetime as dt
import json
import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from recs_assets import home_layout, settings_file, targets
from recs_assets.disk import free_gib
from recs_assets.report.status_text import render
from recs_assets.resources.errors import WarehouseError
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.folder import size_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets.weeks import key_of

SHOWN_RUNS = 5
# What Dagster's word for the state of a run means.
ENDED = {"SUCCESS": "ended well", "FAILURE": "failed", "CANCELED": "was stopped", "STARTED": "is running, or was killed"}
SCHEDULES = ("weekly", "nightly")

Status = dict[str, Any]


def main(arguments: Sequence[str]) -> int:
    """Print the status, in sentences or as JSON."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets.report.status", description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args(arguments).json
    try:
        settings = settings_file.load()
        target = targets.current()
        if targets.home().exists():
            home_layout.take(target.store(), target.warehouse(settings))
        status = gather(target.warehouse(settings), target.store(), settings, dt.datetime.now(dt.UTC))
    except (OSError, StoreError, ValueError, WarehouseError) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    print(json.dumps(status, indent=2, default=str) if as_json else render(status))
    return 0


def gather(warehouse: Warehouse, store: Store, settings: Settings, now: dt.datetime) -> Status:
    """All that the status says, as plain values."""
    home = targets.home()
    free = free_gib(home)
    status: Status = {
        "now": now,
        "places": {
            "RECS_HOME": str(home),
            "RECS_SOURCE": str(targets.source()),
            "RECS_SETTINGS": os.environ.get("RECS_SETTINGS") or "not set: the settings that come with the program",
        },
        "runs": _runs(home / "dagster"),
        "schedules": _schedules(home / "dagster", settings),
        "approved": _approved(store),
        "free_disk_gib": round(free, 1),
        "disk_is_low": free < settings.compute.min_free_disk_gib,
    }
    nothing: Status = {"mailed": None, "hold": None, "restorable": [], "warnings": [], "bytes": {}, "prunable_bytes": 0}
    status |= _kept(warehouse, store, settings, now) if (home / "warehouse.duckdb").exists() else nothing
    return status | {"next": _next(status, key_of(now))}


def _kept(warehouse: Warehouse, store: Store, settings: Settings, now: dt.datetime) -> Status:
    from recs_assets.steps.remove_superfluous import superfluous  # a step: it knows what the next run removes

    home, hold = targets.home(), warehouse.held(now)
    with warehouse.session() as session:
        mailed = session.rows("mailed_version")
        restorable = session.rows("restorable_versions")
        warnings = session.rows("warnings")
    return {
        "mailed": mailed[0] if mailed else None,
        "hold": str(hold) if hold else None,
        "restorable": restorable,
        "warnings": warnings,
        "bytes": {
            "files of assets": store.location.n_bytes(),
            "tables": (home / "warehouse.duckdb").stat().st_size,
            "Dagster's event log": size_of(home / "dagster"),
        },
        "prunable_bytes": superfluous(warehouse, store, settings, now=now).n_bytes,
    }


def _approved(store: Store) -> Status | None:
    newest = store.newest("approved_model", up_to=key_of(dt.datetime.now(dt.UTC)))
    if newest is None:
        return None
    facts = newest.facts
    return {"week": newest.manifest.week, "source": facts["source"], "model_week": facts["model_week"]}


def _rows(database: Path, statement: str) -> list[tuple[Any, ...]]:
    """Rows of a file of Dagster's; none where there is no such file, or another version of Dagster calls things otherwise."""
    if not database.exists():
        return []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            return connection.execute(statement).fetchall()
        except sqlite3.OperationalError:
            return []


def _runs(folder: Path) -> list[Status]:
    """The last runs, the newest first."""
    newest = f"SELECT pipeline_name, partition, status, start_time, end_time FROM runs ORDER BY id DESC LIMIT {SHOWN_RUNS}"
    return [
        {
            "job": "some assets" if job.startswith("__") else job,
            "week": week,
            "ended": ENDED.get(state, f"is {state.lower().replace('_', ' ')}"),
            "started_at": _moment(start),
            "seconds": round(end - start) if start and end else None,
        }
        for job, week, state, start, end in _rows(folder / "history" / "runs.db", newest)
    ]


def _moment(seconds: float | None) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(seconds, dt.UTC) if seconds else None


def _schedules(folder: Path, settings: Settings) -> dict[str, Status]:
    """Each schedule: whether the settings or somebody in the UI has switched it on, and its cron expression in UTC."""
    switched = _rows(folder / "schedules" / "schedules.db", "SELECT status, instigator_body FROM instigators")
    states = {name: [state for state, body in switched if f'"{name}"' in body] for name in SCHEDULES}
    return {
        name: {
            "on": "RUNNING" in states[name] or (settings.schedules.enabled and "STOPPED" not in states[name]),
            "cron": getattr(settings.schedules, name),
        }
        for name in SCHEDULES
    }


def _next(status: Status, week: str) -> str:
    """What the next night will do, in a sentence."""
    approved = status["approved"]
    if approved is None:
        return "Nothing has been learned yet: the next step is to learn from a whole week (make run WEEK=...)."
    way = f"with the model of week {approved['model_week']}" if approved["source"] == "blend" else "without a model"
    begins = f"The next night (make nightly) makes and checks the lists of week {week} {way}"
    if status["hold"]:
        return f"{begins}, and publishes nothing, because publishing is on hold."
    return f"{begins}, and puts them into the mail if the checks pass."


if __name__ == "__main__":
    exit_status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.exit(exit_status)

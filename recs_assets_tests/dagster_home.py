"""Where a run in a process of its own keeps Dagster's event log, set as `make` sets it for people."""

from pathlib import Path

SETTINGS = "telemetry: {enabled: false}\npython_logs: {managed_python_loggers: [recs_assets]}\n"


def dagster_home(folder: Path) -> Path:
    """``folder`` as a ``DAGSTER_HOME``, made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text(SETTINGS)
    return folder

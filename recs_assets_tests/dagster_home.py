"""Where a run in a process of its own keeps Dagster's event log, set as it is set for people."""

from pathlib import Path

from recs_assets.dagster_home import SETTINGS


def dagster_home(folder: Path) -> Path:
    """``folder`` as a ``DAGSTER_HOME``, made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text(SETTINGS)
    return folder
